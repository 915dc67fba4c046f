package contentful_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"quarry/internal/prepare/source/contentful"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func memory(content string) stream.File {
	return stream.File{Name: "space.json", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

const export = `{
  "contentTypes": [{"sys": {"id": "post", "type": "ContentType"}, "fields": [{"id": "body"}]}],
  "entries": [
    {"sys": {"id": "e1", "contentType": {"sys": {"id": "post"}}}, "fields": {
      "title": {"ja": "題", "en-US": "One"}, "slug": {"en-US": "one"},
      "body": {"en-US": "# Markdown", "ja": "本文"}}},
    {"sys": {"id": "e2", "contentType": {"sys": {"id": "post"}}}, "fields": {
      "title": {"en-US": "Two"},
      "body": {"en-US": {"nodeType": "document", "data": {}, "content": [
        {"nodeType": "heading-2", "content": [{"nodeType": "text", "value": "A < B", "marks": [{"type": "bold"}]}]},
        {"nodeType": "paragraph", "content": [{"nodeType": "text", "value": "see "}, {"nodeType": "hyperlink", "data": {"uri": "https://e.x"}, "content": [{"nodeType": "text", "value": "this\nline"}]},
          {"nodeType": "text", "value": "x&y", "marks": [{"type": "code"}]}]},
        {"nodeType": "unordered-list", "content": [{"nodeType": "list-item", "content": [{"nodeType": "paragraph", "content": [{"nodeType": "text", "value": "one"}]}]}]},
        {"nodeType": "hr"}, {"nodeType": "embedded-asset-block", "data": {"target": {}}, "content": []}]}}}},
    {"sys": {"id": "tag1", "contentType": {"sys": {"id": "tag"}}}, "fields": {"name": {"en-US": "Go"}}}
  ],
  "locales": [{"code": "en-US", "default": true}]
}`

func TestEntries(t *testing.T) {
	t.Parallel()
	if !contentful.Is([]byte(export)) || contentful.Is([]byte(`{"id":"a"}`)) || contentful.Is([]byte(`[]`)) {
		t.Error("an export is not recognized")
	}
	s := contentful.New(memory(export), item.Config{}, 0)
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 2 || len(faults) != 1 || faults[0] != "space.json:15: no body (member fields.body.en-US) in \"tag1\"" {
		t.Fatalf("%d documents and %q", len(docs), faults)
	}
	if d := docs[0]; d.ID != "e1" || d.Title != "One" || string(d.Body) != "# Markdown" {
		t.Errorf("got %+v", d)
	}
	want := `<h2>A &lt; B</h2><p>see this<br>line<code>x&amp;y</code></p><ul><li><p>one</p></li></ul><hr>`
	if d := docs[1]; string(d.Body) != want {
		t.Errorf("rich text is\n%s\nwant\n%s", d.Body, want)
	}
	s.Config = item.Config{Fields: map[string]string{"body": "fields.body.ja", "title": "fields.title.ja"}, Where: []item.Condition{{Field: "sys.contentType.sys.id", Value: "post"}}}
	docs, faults = sourcetest.Documents(t, s)
	if len(docs) != 1 || docs[0].Title != "題" || string(docs[0].Body) != "本文" || len(faults) != 1 {
		t.Errorf("in Japanese: %+v, %q", docs, faults)
	}
}

func TestPublishedEntriesAreTheDefault(t *testing.T) {
	t.Parallel()
	of := func(id, sys, body string) string {
		return `{"sys":{"id":"` + id + `"` + sys + `},"fields":{"body":{"en-US":` + body + `}}}`
	}
	const published, changed, archived = `,"version":3,"publishedVersion":2`, `,"publishedAt":"2020-01-01"`, `,"archivedVersion":4,"publishedVersion":2`
	embed := rich(link("embedded-entry-block", "draft"), link("embedded-entry-block", "old"), link("embedded-entry-block", "b"), paragraph(said("own")))
	in := `{"contentTypes":[],"entries":[` + strings.Join([]string{of("a", published, embed), of("b", changed, `"shared"`), of("draft", `,"version":1`, `"secret"`), of("old", archived, `"secret"`)}, ",") + `]}`
	for where, want := range map[string]string{
		"":           "a b; 2 items that are not published, or no texts (1 archived, 1 draft); to read those of one kind: --where archived=true, or --where draft=true",
		"draft=true": "draft; ", "archived=true": "old; ",
	} {
		cfg := item.Config{Notes: new(note.Book)}
		if field, value, ok := strings.Cut(where, "="); ok {
			cfg.Where = []item.Condition{{Field: field, Value: value}}
		}
		docs, faults := sourcetest.Documents(t, contentful.New(memory(in), cfg, 0))
		var ids []string
		for _, d := range docs {
			ids = append(ids, string(d.ID))
			if d.ID == "a" && (strings.Contains(string(d.Body), "secret") || !strings.Contains(string(d.Body), "shared")) {
				t.Errorf("an unpublished entry is in %s", d.Body)
			}
		}
		line := strings.TrimPrefix(strings.Join(cfg.Notes.Take(), ""), "left out: ")
		if got := strings.Join(ids, " ") + "; " + line; len(faults) > 0 || got != want {
			t.Errorf("where %q: %q, %v", where, got, faults)
		}
	}
	if docs, _ := sourcetest.Documents(t, contentful.New(memory(`{"entries":[`+of("a", "", `"x"`)+"]}"), item.Config{}, 0)); len(docs) != 1 {
		t.Errorf("%d entries of an export that says nothing of states, want 1", len(docs))
	}
}

// Whatever is in a rich text, or in an entry around it, reading ends, and gives the document or one fault.
func FuzzEntries(f *testing.F) {
	f.Add(`{"nodeType":"document","content":[{"nodeType":"paragraph","content":[{"nodeType":"text","value":"a <b>"}]}]}`)
	f.Add(`"# Markdown"`)
	f.Add(strings.Repeat(`{"nodeType":"unordered-list","content":[`, 300))
	f.Add(`{"content":{"content":[]},"nodeType":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		in := `{"contentTypes":[],"entries":[{"sys":{"id":"e1"},"fields":{"body":{"en-US":` + body + `}}},{"sys":{"id":"e2"},"fields":{"body":{"en-US":"x"}}}]}`
		var seen int
		for _, e := range sourcetest.Read(t, contentful.New(memory(in), item.Config{}, 0)) {
			if e.Fault == "" && (e.Document.ID == "" || !utf8.Valid(e.Document.Body)) {
				t.Fatalf("%q: a document %q of %q", body, e.Document.ID, e.Document.Body)
			}
			seen++
		}
		if seen == 0 {
			t.Fatalf("%q: nothing was read and nothing said", body)
		}
	})
}
