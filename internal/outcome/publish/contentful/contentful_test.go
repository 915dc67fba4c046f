package contentful_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/contentful"
	"quarry/internal/outcome/publish/rest"
)

// space answers as the Content Management API is documented: an update and a publication add 1 to the version.
type space struct {
	entries map[string]map[string]any
	fail    int // so many publications are answered with 503
	limit   int // so many requests are answered with 429
}

func (s *space) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, id string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"sys":{"type":"Error","id":%q},"message":"no"}`, id)
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/spaces/s/environments/master/entries")
	switch {
	case r.Header.Get("Authorization") != "Bearer token" || !ok:
		refuse(http.StatusUnauthorized, "AccessTokenInvalid")
		return
	case s.limit > 0:
		s.limit--
		w.Header().Set("X-Contentful-RateLimit-Reset", "0")
		refuse(http.StatusTooManyRequests, "RateLimitExceeded")
		return
	case r.Method == http.MethodGet:
		items := []any{}
		for id := range strings.SplitSeq(r.URL.Query().Get("sys.id[in]"), ",") {
			if e := s.entries[id]; e != nil {
				items = append(items, e)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
		return
	}
	id, publication := strings.CutSuffix(strings.Trim(path, "/"), "/published")
	e := s.entries[id]
	sys := e["sys"].(map[string]any)
	version := sys["version"].(float64)
	if r.Header.Get("X-Contentful-Version") != fmt.Sprint(version) {
		refuse(http.StatusConflict, "VersionMismatch")
		return
	}
	if publication {
		if s.fail > 0 {
			s.fail--
			refuse(http.StatusServiceUnavailable, "ServerError")
			return
		}
		sys["publishedVersion"] = version
	} else {
		b, _ := io.ReadAll(r.Body)
		var body map[string]any
		if r.Header.Get("Content-Type") != "application/vnd.contentful.management.v1+json" || json.Unmarshal(b, &body) != nil {
			refuse(http.StatusBadRequest, "BadRequest")
			return
		}
		e["fields"], e["metadata"] = body["fields"], body["metadata"]
	}
	sys["version"] = version + 1
	_ = json.NewEncoder(w).Encode(e)
}

func entry(id string, version, published int) map[string]any {
	var e map[string]any
	text := fmt.Sprintf(`{"sys":{"id":%q,"version":%d,"publishedVersion":%d},"metadata":{"tags":[1]},
		"fields":{"title":{"en-US":"T"},"body":{"en-US":"Text.","de":"Wort."},"summary":{"de":"alt"}}}`, id, version, published)
	if published == 0 {
		text = strings.Replace(text, `,"publishedVersion":0`, "", 1)
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		panic(err)
	}
	return e
}

func setup(t *testing.T) (*space, *contentful.Target) {
	s := &space{entries: map[string]map[string]any{"clean": entry("clean", 6, 5), "pending": entry("pending", 8, 5), "draft": entry("draft", 1, 0)}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	address, err := contentful.Environment(server.URL + "/spaces/s/environments/master")
	if err != nil {
		t.Fatal(err)
	}
	return s, &contentful.Target{Label: "s/master", URL: address, Client: rest.Client{
		HTTP: server.Client(), Said: contentful.Said, RateReset: "X-Contentful-RateLimit-Reset", Wait: time.Millisecond,
		Authorize: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer token"); return nil },
	}}
}

const field = "summary.en-US"

func read(t *testing.T, target *contentful.Target, id quarry.DocumentID) *publish.Article {
	t.Helper()
	ref := publish.Ref{ID: id, Document: quarry.DocumentInfo{Fields: []byte(`{"sys":{"version":6},"fields":{"summary":{"de":"alt"}}}`)}}
	articles, err := target.Read(t.Context(), []publish.Ref{ref}, []string{field})
	if err != nil || len(articles) != 1 {
		t.Fatalf("Read = %v, %v", articles, err)
	}
	return articles[0]
}

func (s *space) state(id string) string {
	sys := s.entries[id]["sys"].(map[string]any)
	b, _ := json.Marshal(s.entries[id]["fields"])
	return fmt.Sprintf("%v %v %s", sys["version"], sys["publishedVersion"], b)
}

func TestOnlyWhatWasPublishedIsPublished(t *testing.T) {
	t.Parallel()
	s, target := setup(t)
	s.limit = 2
	const fields = ` {"body":{"de":"Wort.","en-US":"Text."},"summary":{"de":"alt","en-US":"new"},"title":{"en-US":"T"}}`
	for id, want := range map[string]struct{ state, note string }{
		"clean": {"8 7" + fields, ""}, "pending": {"9 5" + fields, "left as a draft"}, "draft": {"2 <nil>" + fields, "left as a draft"},
	} {
		a := read(t, target, quarry.DocumentID(id))
		if a.AsRead != (id == "clean") || a.Moved[field] {
			t.Errorf("%s: %+v", id, a)
		}
		note, err := target.Write(t.Context(), a, map[string]publish.Value{field: publish.TextValue("new")})
		if got := s.state(id); err != nil || got != want.state || !strings.Contains(note, want.note) || (note == "") != (want.note == "") {
			t.Errorf("%s: %s, note %q, %v; want %s", id, got, note, err, want.state)
		}
		if _, err := target.Write(t.Context(), a, map[string]publish.Value{field: {}}); !errors.Is(err, publish.ErrChanged) {
			t.Errorf("%s: a write with an old version = %v", id, err)
		}
	}
	if _, err := target.Write(t.Context(), read(t, target, "clean"), map[string]publish.Value{field: {}}); err != nil || strings.Contains(s.state("clean"), "new") {
		t.Errorf("undo = %v, %s", err, s.state("clean"))
	}
}

func TestAnInterruptedPublicationIsFinished(t *testing.T) {
	t.Parallel()
	s, target := setup(t)
	s.fail = 1
	before := read(t, target, "clean")
	var later *publish.Later
	if _, err := target.Write(t.Context(), before, map[string]publish.Value{field: publish.TextValue("new")}); !errors.As(err, &later) {
		t.Fatalf("Write = %v", err)
	}
	if note, err := target.Finish(t.Context(), read(t, target, "clean"), before.Place); err != nil || note != "" || !strings.HasPrefix(s.state("clean"), "8 7 ") {
		t.Errorf("Finish = %q, %v, %s", note, err, s.state("clean"))
	}
	if _, err := target.Finish(t.Context(), read(t, target, "draft"), ""); err != nil || !strings.HasPrefix(s.state("draft"), "1 <nil>") {
		t.Errorf("a draft is published: %v, %s", err, s.state("draft"))
	}
}

func TestAnEntryIsReadInEachLocale(t *testing.T) {
	t.Parallel()
	_, target := setup(t)
	documents, err := target.Documents(t.Context(), read(t, target, "clean"), nil)
	bodies := ""
	for i := range documents {
		bodies += string(documents[i].Body) + " "
	}
	if err != nil || !strings.Contains(bodies, "Text.") || !strings.Contains(bodies, "Wort.") {
		t.Errorf("%q, %v", bodies, err)
	}
	for _, name := range []string{"", "s", "s/", "s/m/x", "a b/m", "https://e.x", "https://u:p@e.x/spaces/s/environments/m"} {
		if _, err := contentful.Environment(name); err == nil {
			t.Errorf("Environment(%q) succeeds", name)
		}
	}
	if _, err := target.Text("summary", "x", false); err == nil {
		t.Error("a field without a locale can be written")
	}
}
