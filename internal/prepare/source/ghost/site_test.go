package ghost_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/pages"
	"quarry/internal/prepare/source/sourcetest"
)

const adminKey = "abc123:00ff00ff"

// site serves posts as the Admin API does: for a token that is signed, in pages, narrowed by a filter.
func site(t *testing.T, posts []map[string]any, asked *[]string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*asked = append(*asked, q.Get("filter"))
		if !signed(r.Header.Get("Authorization")) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"message":"Invalid token","context":"jwt malformed","type":"UnauthorizedError"}]}`)
			return
		}
		limit, _ := strconv.Atoi(q.Get("limit"))
		page, _ := strconv.Atoi(q.Get("page"))
		if r.URL.Path != "/ghost/api/admin/posts/" || limit < 1 || limit > 100 || page < 1 || q.Get("order") != "id asc" || q.Get("formats") != "html,lexical" {
			http.Error(w, r.URL.String(), http.StatusTeapot)
			return
		}
		some := slices.DeleteFunc(slices.Clone(posts), func(p map[string]any) bool {
			since := regexp.MustCompile(`updated_at:>='([^']*)'`).FindStringSubmatch(q.Get("filter"))
			at, err := time.Parse(time.RFC3339, p["updated_at"].(string))
			return p["removed"] != nil || since != nil && err == nil && at.UTC().Format(time.DateTime) < since[1]
		})
		var next any
		if page*limit < len(some) {
			next = page + 1
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"posts": some[min((page-1)*limit, len(some)):min(page*limit, len(some))], "meta": map[string]any{"pagination": map[string]any{"page": page, "next": next, "total": len(some)}},
		})
	}))
	t.Cleanup(server.Close)
	return server
}

// signed checks a token against the key.
func signed(header string) bool {
	parts := strings.Split(strings.TrimPrefix(header, "Ghost "), ".")
	if len(parts) != 3 {
		return false
	}
	secret, _ := hex.DecodeString("00ff00ff")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) == parts[2]
}

func blogPosts(n int) (all []map[string]any) {
	for i := range n {
		all = append(all, map[string]any{
			"id": fmt.Sprintf("%024x", i+1), "title": fmt.Sprint("T", i), "html": fmt.Sprintf("<p>Text %d</p>", i), "lexical": "{}", "status": "published",
			"visibility": "public", "url": fmt.Sprint("https://blog.example/", i), "updated_at": "2020-01-01T00:00:00.000Z",
		})
	}
	return all
}

func open(t *testing.T, server *httptest.Server, key string) *pages.Source {
	t.Helper()
	address, err := ghost.Collection(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ghost.NewSite(address, key, server.Client(), item.Config{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	s.Wait = time.Millisecond
	return s
}

func TestASiteIsReadPageByPage(t *testing.T) {
	t.Parallel()
	posts := blogPosts(230)
	posts[7]["status"], posts[8]["visibility"] = "draft", "paid"
	var asked []string
	s := open(t, site(t, posts, &asked), adminKey)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 228 || len(faults) > 0 || len(asked) != 3 {
		t.Fatalf("%d documents and %v of %d pages, want 228 of 3", len(docs), faults, len(asked))
	}
	d := docs[0]
	if d.ID != quarry.DocumentID(fmt.Sprintf("%024x", 1)) || d.Title != "T0" || d.URL != "https://blog.example/0" || string(d.Body) != "<p>Text 0</p>" || d.At.Source != 2 ||
		strings.Contains(string(d.Fields), "lexical") || !strings.Contains(string(d.Fields), "updated_at") {
		t.Errorf("got %+v, fields %s", d, d.Fields)
	}
	sourcetest.Run(t, s)
}

func TestAPostThatIsRemovedWhileASiteIsRead(t *testing.T) {
	t.Parallel()
	posts := blogPosts(201)
	var asked []string
	server := site(t, posts, &asked)
	answer := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer.ServeHTTP(w, r)
		posts[49]["removed"] = true
	})
	docs, faults := sourcetest.Documents(t, open(t, server, adminKey))
	given := map[quarry.DocumentID]bool{}
	for _, d := range docs {
		given[d.ID] = true
	}
	if len(docs) != 201 || len(given) != 201 || len(faults) > 0 || len(asked) != 3 {
		t.Errorf("%d documents, %d ids and %v of %d pages, want 201 of 3", len(docs), len(given), faults, len(asked))
	}
}

func TestWhatWasModifiedInASite(t *testing.T) {
	t.Parallel()
	posts := blogPosts(5)
	posts[3]["updated_at"] = time.Now().UTC().Format(time.RFC3339)
	var asked []string
	server := site(t, posts, &asked)
	s := open(t, server, adminKey)
	now, err := s.Clock(t.Context())
	if err != nil || time.Since(now).Abs() > time.Minute {
		t.Fatalf("Clock = %s, %v", now, err)
	}
	s.URL += "?filter=tag:news"
	var ids []string
	for b, err := range s.Since(now.Add(-24*time.Hour))(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range b.Documents {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, string(d.ID))
		}
	}
	if want := fmt.Sprintf("%024x", 4); !slices.Equal(ids, []string{want}) {
		t.Errorf("modified are %v, want %s", ids, want)
	}
	if last := asked[len(asked)-1]; !strings.HasPrefix(last, "(tag:news)+updated_at:>='20") {
		t.Errorf("it asks for %q", last)
	}
}

func TestWhatIsNoSite(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://h.example":                           "https://h.example/ghost/api/admin/posts/",
		"https://h.example/blog/ghost/api/admin":      "https://h.example/blog/ghost/api/admin/posts/",
		"https://h.example/ghost/api/admin/pages/":    "https://h.example/ghost/api/admin/pages/",
		"https://h.example/ghost/api/admin/tags/":     "error",
		"https://ann:pw@h.example/":                   "error",
		"https://h.example/ghost/api/admin/?key=a:bb": "error",
		"ftp://h.example":                             "error",
	} {
		got, err := ghost.Collection(address)
		if (want == "error") != (err != nil) || err == nil && got != want || err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("Collection(%s) = %s, %v, want %s", address, got, err, want)
		}
	}
	for _, key := range []string{"", "abc", "abc:", ":00", "abc:xyz"} {
		if _, err := ghost.NewSite("https://h.example/ghost/api/admin/posts/", key, nil, item.Config{}, 0); err == nil {
			t.Errorf("key %q is taken", key)
		}
	}
	var asked []string
	s := open(t, site(t, blogPosts(1), &asked), "abc123:aaaa")
	for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err == nil || !strings.Contains(err.Error(), "HTTP 401: Invalid token jwt malformed") {
			t.Errorf("a wrong key gives %v", err)
		}
	}
}

type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

// Whatever a site answers, reading it ends, and gives documents and faults of its posts alone.
func FuzzSite(f *testing.F) {
	f.Add(200, []byte(`{"posts":[{"id":"1","html":"<p>x</p>"}],"meta":{"pagination":{"next":2}}}`))
	f.Add(200, []byte(`{"posts":[null,7,{"id":{"a":1},"html":null},{"lexical":"{\"root\":{}}"}],"meta":{"pagination":{"next":"x"}}}`))
	f.Add(200, []byte(`{"meta":{"pagination":{"next":-1}},"posts":[{"id":"a","id":"b"}]}`))
	f.Add(422, []byte(`{"errors":[{"message":"x"}]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status/100 == 3 {
			return // redirects are those of package pages
		}
		asked := 0
		client := &http.Client{Transport: answers(func(r *http.Request) *http.Response {
			if asked++; asked > 10 {
				t.Fatal("it asks again and again")
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
		})}
		s, err := ghost.NewSite("https://h/ghost/api/admin/posts/", adminKey, client, item.Config{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.Wait = time.Nanosecond
		n := 0
		for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
			if err != nil {
				return
			}
			for d, err := range b.Documents {
				if err == nil && (d.ID == "" || !utf8.Valid(d.Body)) {
					t.Errorf("document %q", d.ID)
				}
			}
			if n++; n == 5 {
				return
			}
		}
	})
}
