package ghost_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/ghost"
	"quarry/internal/outcome/publish/rest"
	ghostsource "quarry/internal/prepare/source/ghost"
)

const secret = "0123456789abcdef"

// site answers as the Admin API is documented: https://docs.ghost.org/admin-api/posts/updating-a-post.
type site struct {
	t       *testing.T
	posts   map[string]map[string]any // by kind/id
	ignores bool
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.signed(r.Header.Get("Authorization")) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"message":"Invalid token","type":"UnauthorizedError"}]}`)
		return
	}
	kind, id, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, "/blog/ghost/api/admin/"), "/"), "/")
	list := []any{}
	if r.Method == http.MethodGet {
		for place, post := range s.posts {
			if k, id, _ := strings.Cut(place, "/"); k == kind && strings.Contains(r.URL.Query().Get("filter"), id) {
				list = append(list, post)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{kind: list})
		return
	}
	var body map[string][]map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Error(err)
	}
	post, sent := s.posts[kind+"/"+id], body[kind][0]
	if sent["updated_at"] != post["updated_at"] {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"errors":[{"message":"Saving failed! Someone else is editing this post.","type":"UpdateCollisionError"}]}`)
		return
	}
	if text, _ := sent["custom_excerpt"].(string); len(text) > 300 {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"errors":[{"message":"Validation error, cannot edit post.","context":"Excerpt cannot be longer than 300 characters.","type":"ValidationError"}]}`)
		return
	}
	for name, v := range sent {
		if !s.ignores {
			post[name] = v
		}
	}
	post["updated_at"] = "2026-02-02T00:00:00.000Z"
	_ = json.NewEncoder(w).Encode(map[string]any{kind: []any{post}})
}

func (s *site) signed(header string) bool {
	token, ok := strings.CutPrefix(header, "Ghost ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return false
	}
	key, _ := hex.DecodeString(secret)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	var head, claims map[string]any
	for i, into := range []*map[string]any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			return false
		}
	}
	exp, _ := claims["exp"].(float64)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) == parts[2] && head["kid"] == "k" && head["alg"] == "HS256" &&
		claims["aud"] == "/admin/" && exp > float64(time.Now().Unix()) && exp <= float64(time.Now().Unix()+300)
}

func setup(t *testing.T) (*site, *ghost.Target) {
	s := &site{t: t, posts: map[string]map[string]any{
		"posts/a1": {"id": "a1", "title": "One", "html": "<p>Text.</p>", "updated_at": "2026-01-01T00:00:00.000Z", "custom_excerpt": nil, "url": "https://e.x/one/"},
		"pages/b2": {"id": "b2", "title": "Two", "html": "<p>Page.</p>", "updated_at": "2026-01-01T00:00:00.000Z", "custom_excerpt": "old"},
	}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	address, err := ghost.Site(server.URL + "/blog/ghost/")
	if err != nil {
		t.Fatal(err)
	}
	authorize, err := ghostsource.Authorize("k:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	return s, &ghost.Target{URL: address, Client: rest.Client{HTTP: server.Client(), Authorize: authorize, Said: ghostsource.Said, Wait: time.Millisecond}}
}

func refs() []publish.Ref {
	return []publish.Ref{
		{ID: "a1", Document: quarry.DocumentInfo{Title: "One", Fields: []byte(`{"type":"post","custom_excerpt":null,"updated_at":"2026-01-01T00:00:00.000+00:00"}`)}},
		{ID: "b2", Document: quarry.DocumentInfo{Title: "Two", Fields: []byte(`{"type":"page","custom_excerpt":"older"}`)}},
		{ID: "c3"},
		{ID: "not an id]"},
	}
}

func read(t *testing.T, target *ghost.Target) map[quarry.DocumentID]*publish.Article {
	t.Helper()
	articles, err := target.Read(t.Context(), refs(), []string{"custom_excerpt"})
	if err != nil {
		t.Fatal(err)
	}
	out := map[quarry.DocumentID]*publish.Article{}
	for _, a := range articles {
		out[a.ID] = a
	}
	return out
}

func TestPostsAndPagesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	s, target := setup(t)
	articles := read(t, target)
	one, two := articles["a1"], articles["b2"]
	if len(articles) != 2 || !one.AsRead || one.Moved["custom_excerpt"] || two.AsRead || !two.Moved["custom_excerpt"] || two.Values["custom_excerpt"].String() != "old" {
		t.Fatalf("read %+v and %+v", one, two)
	}
	documents, err := target.Documents(t.Context(), one, nil)
	if err != nil || len(documents) == 0 || string(documents[0].Body) != "<p>Text.</p>" || documents[0].Title != "One" || documents[0].URL != "" {
		t.Fatalf("documents %+v, %v", documents, err)
	}
	for _, a := range articles {
		if _, err := target.Write(t.Context(), a, map[string]publish.Value{"custom_excerpt": publish.TextValue("new")}); err != nil {
			t.Errorf("write %s: %v", a.ID, err)
		}
	}
	if s.posts["posts/a1"]["custom_excerpt"] != "new" || s.posts["pages/b2"]["custom_excerpt"] != "new" {
		t.Errorf("stored %v", s.posts)
	}
	if _, err := target.Write(t.Context(), one, map[string]publish.Value{"custom_excerpt": {}}); !errors.Is(err, publish.ErrChanged) {
		t.Errorf("a write with an old updated_at = %v", err)
	}
	again := read(t, target)["a1"]
	var refused *publish.Refused
	if _, err := target.Write(t.Context(), again, map[string]publish.Value{"custom_excerpt": publish.TextValue(strings.Repeat("x", 301))}); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "300 characters") {
		t.Errorf("a text that is too long = %v", err)
	}
	if _, err := target.Write(t.Context(), again, map[string]publish.Value{"custom_excerpt": {}}); err != nil || s.posts["posts/a1"]["custom_excerpt"] != nil {
		t.Errorf("undo = %v, %v", err, s.posts["posts/a1"])
	}
}

func TestAWrongKeyIsDenied(t *testing.T) {
	t.Parallel()
	_, target := setup(t)
	target.Client.Authorize, _ = ghostsource.Authorize("k:00")
	_, err := target.Read(t.Context(), refs(), nil)
	var denied *quarry.Error
	if !errors.As(err, &denied) || denied.Kind != quarry.Denied {
		t.Errorf("Read = %v", err)
	}
	for _, key := range []string{"", "k", "k:", "k:xyz", ":00"} {
		if _, err := ghostsource.Authorize(key); err == nil {
			t.Errorf("Authorize(%q) succeeds", key)
		}
	}
}

func TestTextCannotBecomeMarkup(t *testing.T) {
	t.Parallel()
	_, target := setup(t)
	for text, want := range map[string]string{
		"<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;", "Q&A, R & D": "Q&A, R & D", "&lt;b&gt;": "&amp;lt;b&amp;gt;",
		"<img src=x onerror=alert(1) ": "&lt;img src=x onerror=alert(1) ",
	} {
		if got, err := target.Text("custom_excerpt", text, false); err != nil || got != want {
			t.Errorf("Text(%q) = %q, %v", text, got, err)
		}
	}
	for _, field := range []string{"html", "title", "codeinjection_head", "status"} {
		if _, err := target.Text(field, "x", false); err == nil {
			t.Errorf("field %s can be written", field)
		}
	}
	if _, err := target.Text("meta_title", "<b>", true); err == nil {
		t.Error("HTML goes into a field of text")
	}
}
