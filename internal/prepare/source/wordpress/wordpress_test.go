package wordpress_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/wordpress"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site serves recorded pages with the headers that WordPress sent.
func site(t *testing.T, before func(w http.ResponseWriter, r *http.Request) bool) *wordpress.Source {
	t.Helper()
	root := testdata.Path(t, "wordpress", "rest")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && before(w, r) {
			return
		}
		q := r.URL.Query()
		if q.Get("per_page") != "100" || q.Get("orderby") != "id" || q.Get("order") != "asc" {
			http.Error(w, "the query is "+r.URL.RawQuery, http.StatusTeapot)
			return
		}
		name := root + "/posts-view-page-" + q.Get("page")
		body, err := os.ReadFile(name + ".json")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"code":"rest_post_invalid_page_number","message":"…","data":{"status":400}}`)
			return
		}
		headers, err := os.ReadFile(name + ".headers.txt")
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		for line := range strings.Lines(string(headers)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				w.Header().Set(name, value)
			}
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	address, err := wordpress.Posts(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &wordpress.Source{URL: address, Client: server.Client(), Wait: time.Millisecond}
}

func TestAllPages(t *testing.T) {
	t.Parallel()
	s := site(t, nil)
	s.Index = 4
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 245 || len(faults) > 0 {
		t.Fatalf("%d documents and %v, want 245", len(docs), faults)
	}
	seen := map[quarry.DocumentID]bool{}
	for _, d := range docs {
		if seen[d.ID] || d.Title == "" || strings.Contains(d.Title, "&#") || !strings.HasPrefix(d.URL, "https://blog.example.org/") || d.Format != quarry.FormatMarked || len(d.Body) == 0 {
			t.Errorf("%v: title %q, url %q, format %q, %d bytes", d.ID, d.Title, d.URL, d.Format, len(d.Body))
		}
		seen[d.ID] = true
	}
}

func TestPagesWithoutHeaders(t *testing.T) {
	t.Parallel()
	bare := func(w http.ResponseWriter, r *http.Request) bool {
		body, err := os.ReadFile(testdata.Path(t, "wordpress", "rest", "posts-view-page-"+r.URL.Query().Get("page")+".json"))
		if err != nil {
			return false
		}
		_, _ = w.Write(append([]byte("\ufeff"), body...)) // as a plugin's file with a mark makes it
		return true
	}
	s := site(t, bare)
	if docs, faults := sourcetest.Documents(t, s); len(docs) != 245 || len(faults) > 0 {
		t.Errorf("%d documents and %v, want 245: full pages are followed by others", len(docs), faults)
	}
	pages := 0
	s = site(t, func(w http.ResponseWriter, r *http.Request) bool {
		if pages++; pages > 5 {
			t.Error("a site that gives the same page for ever is asked for ever")
			return false
		}
		r.URL.RawQuery = "page=1"
		return bare(w, r)
	})
	sourcetest.Documents(t, s)
}

func TestAPageThatIsCutOff(t *testing.T) {
	t.Parallel()
	whole := 0 // how often the second page is cut off before it comes whole
	s := site(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("page") != "2" || whole == 0 {
			return false
		}
		whole--
		w.Header().Set("X-WP-TotalPages", "3")
		fmt.Fprint(w, `[{"id":1,"content":{"rendered":"x"}},{"id":2,`)
		return true
	})
	whole = 2
	if docs, faults := sourcetest.Documents(t, s); len(docs) != 245 || len(faults) > 0 {
		t.Errorf("%d documents and %v, want 245", len(docs), faults)
	}
	whole = 1000
	var last error
	for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "page 2 is truncated") {
		t.Errorf("got %v, want that page 2 is truncated", last)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := site(t, func(w http.ResponseWriter, _ *http.Request) bool {
		switch n.Add(1) % 3 {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		default:
			return false
		}
		return true
	})
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 245 || n.Load() != 9 {
		t.Errorf("%d documents after %d requests, want 245 after 9", len(docs), n.Load())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status, requests int
		body             string
		kind             quarry.ErrorKind
		want             string
	}{
		{http.StatusUnauthorized, 1, `{"code":"rest_forbidden"}`, quarry.Denied, "HTTP 401: rest_forbidden"},
		{http.StatusNotFound, 1, `<html>`, quarry.BadUsage, "HTTP 404"},
		{http.StatusServiceUnavailable, 5, ``, quarry.Provider, "HTTP 503"},
		{http.StatusOK, 1, `{"name":"the root of the API"}`, quarry.BadUsage, "the answer is not a list of posts"},
		{http.StatusTeapot, 1, ``, quarry.Provider, "HTTP 418"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			requests := 0
			s := site(t, func(w http.ResponseWriter, _ *http.Request) bool {
				requests++
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
				return true
			})
			for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
				var failure *quarry.Error
				if !errors.As(err, &failure) || failure.Kind != c.kind || failure.Err.Error() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
			}
			if requests != c.requests {
				t.Errorf("%d requests, want %d", requests, c.requests)
			}
		})
	}
}

func TestTheLoginGoesToTheSite(t *testing.T) {
	t.Parallel()
	s := site(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "Basic abc" || r.URL.Query().Get("context") != "edit" {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	s.URL += "?context=edit"
	s.Authorization = "Basic abc"
	s.Config.Where = []item.Condition{{Field: "status", Value: "draft"}}
	if docs, faults := sourcetest.Documents(t, s); len(docs)+len(faults) > 0 {
		t.Errorf("%d drafts among what is public, %v", len(docs), faults)
	}
}

// A site that moved is followed; what opens it stays at home.
func TestTheLoginStaysWithItsHost(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[{"id":1,"content":{"rendered":"the login is %s."}}]`, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Query().Get("moved") == "" {
			http.Redirect(w, r, "/?moved=1&"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(here.Close)
	s := &wordpress.Source{URL: here.URL + "/wp-json/wp/v2/posts", Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Authorization: "Basic abc"}
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 1 || len(faults) > 0 || string(docs[0].Body) != "the login is ." {
		t.Errorf("got %+v and %v, want a document of the other host, without a login", docs, faults)
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := site(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel()
		return true
	})
	for _, err := range s.Blocks(ctx, quarry.Position{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was canceled", err)
		}
	}
}

func TestPosts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://e.x":                          "https://e.x/wp-json/wp/v2/posts",
		"https://e.x/blog/":                    "https://e.x/blog/wp-json/wp/v2/posts",
		"https://e.x/wp-json/wp/v2/pages?x=1":  "https://e.x/wp-json/wp/v2/pages?x=1",
		"https://e.x/?rest_route=/wp/v2/posts": "https://e.x/?rest_route=/wp/v2/posts",
		"ftp://e.x":                            "",
		"https://user:secret@e.x":              "",
		"https://":                             "",
	} {
		if got, err := wordpress.Posts(in); got != want || (err == nil) != (want != "") {
			t.Errorf("Posts(%q) = %q, %v, want %q", in, got, err, want)
		}
		if _, err := wordpress.Posts(in); err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("Posts tells the login: %v", err)
		}
	}
}
