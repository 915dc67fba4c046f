package wordpress_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/rest"
	"quarry/internal/outcome/publish/wordpress"
)

// site answers as the REST API is documented: https://developer.wordpress.org/rest-api/reference/posts/.
type site struct {
	excerpts map[string]string
	later    int // so many requests are answered with 429
	requests []string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := r.URL.Query().Get("rest_route")
	s.requests = append(s.requests, r.Method+" "+route)
	switch {
	case r.Header.Get("Authorization") != "Basic x" || r.URL.Query().Get("context") != "edit":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"rest_forbidden_context","message":"Sorry."}`)
		return
	case s.later > 0:
		s.later--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	id := strings.Trim(strings.TrimPrefix(route, "/wp/v2/posts"), "/")
	post := func(id string) string {
		excerpt, _ := json.Marshal(s.excerpts[id])
		return fmt.Sprintf(`{"id":%s,"title":{"raw":"R & D","rendered":"R &#038; D"},"content":{"raw":"<!-- wp:p --><p>Text %s</p>","rendered":"<p>Text %[1]s</p>"},
			"excerpt":{"raw":%[3]s,"rendered":"<p>shown</p>"},"meta":[],"modified_gmt":"2026-01-01T00:00:00","link":"https://e.x/%[1]s"}`, id, id, excerpt)
	}
	switch {
	case id == "":
		var posts []string
		for id := range strings.SplitSeq(r.URL.Query().Get("include"), ",") {
			if _, ok := s.excerpts[id]; ok && id != "3" { // a draft, which a list does not have
				posts = append(posts, post(id))
			}
		}
		_, _ = io.WriteString(w, "\ufeff["+strings.Join(posts, ",")+"]")
	case s.excerpts[id] == "" && id == "9":
		w.WriteHeader(http.StatusNotFound)
	default:
		if r.Method == http.MethodPost {
			var body struct{ Excerpt string }
			if json.NewDecoder(r.Body).Decode(&body) == nil {
				s.excerpts[id] = body.Excerpt
			}
		}
		_, _ = io.WriteString(w, post(id))
	}
}

func setup(t *testing.T) (*site, *wordpress.Target) {
	s := &site{excerpts: map[string]string{"1": "one", "2": "", "3": "draft"}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, &wordpress.Target{URL: server.URL + "/?rest_route=/wp/v2/posts&per_page=10", Client: rest.Client{
		HTTP: server.Client(), Said: wordpress.Said, Wait: time.Millisecond,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", "Basic x"); return nil },
	}}
}

func TestPostsAreReadWrittenAndRead(t *testing.T) {
	t.Parallel()
	s, target := setup(t)
	s.later = 2
	refs := []publish.Ref{
		{ID: "1", Document: quarry.DocumentInfo{Fields: []byte(`{"excerpt":{"rendered":"<p>shown</p>"}}`)}},
		{ID: "2", Document: quarry.DocumentInfo{Fields: []byte(`{"excerpt":{"rendered":"<p>before</p>"}}`)}},
		{ID: "3"},
		{ID: "9"},
		{ID: "x"},
	}
	articles, err := target.Read(t.Context(), refs, []string{"excerpt", "meta.k"})
	if err != nil || len(articles) != 3 {
		t.Fatalf("Read = %v, %v", articles, err)
	}
	for _, a := range articles {
		if a.Values["excerpt"].String() != s.excerpts[string(a.ID)] || a.Moved["excerpt"] != (a.ID == "2") || !a.Values["meta.k"].Absent() {
			t.Errorf("%+v", a)
		}
		for i, values := range []map[string]publish.Value{nil, {"excerpt": publish.TextValue("x"), "meta.k": publish.TextValue("y")}} {
			d, err := target.Documents(t.Context(), a, values)
			if err != nil || len(d) != 2 || d[0].Title != "R & D" || d[1].Title != "R & D" || string(d[0].Body) != "<p>Text "+string(a.ID)+"</p>" ||
				!strings.HasPrefix(string(d[1].Body), "<!-- wp:p -->") {
				t.Errorf("documents %d of %s: %+v, %v", i, a.ID, d, err)
			}
		}
		if _, err := target.Write(t.Context(), a, map[string]publish.Value{"excerpt": publish.TextValue("new")}); err != nil || s.excerpts[string(a.ID)] != "new" {
			t.Errorf("write %s: %v", a.ID, err)
		}
	}
	s.later = 1
	var later *publish.Later
	if _, err := target.Write(t.Context(), articles[0], map[string]publish.Value{"excerpt": publish.TextValue("x")}); !errors.As(err, &later) {
		t.Errorf("a write is repeated by itself: %v, %v", err, s.requests)
	}
	target.Client.Authorize = nil
	var denied *quarry.Error
	if _, err := target.Read(t.Context(), refs, nil); !errors.As(err, &denied) || denied.Kind != quarry.Denied {
		t.Errorf("without a login: %v", err)
	}
}

func TestTextCannotBecomeMarkup(t *testing.T) {
	t.Parallel()
	_, target := setup(t)
	for _, text := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='x", "&lt;script&gt;", "<svg/onload=alert(1)", "]]><x>", "[shortcode]<b>",
		"javascript:alert(1)", "<!-- wp:html --><script>x</script>", "Q&A: “石”",
	} {
		for _, field := range []string{"excerpt", "meta.summary"} {
			got, err := target.Text(field, text, false)
			if err != nil || strings.ContainsAny(got, `<>"'`) || html.UnescapeString(got) != text {
				t.Errorf("Text(%s, %q) = %q, %v", field, text, got, err)
			}
		}
	}
	for _, field := range []string{"status", "meta", "id", "author", "excerpt.raw", "slug"} {
		if _, err := target.Text(field, "x", false); err == nil {
			t.Errorf("field %s can be written", field)
		}
	}
}
