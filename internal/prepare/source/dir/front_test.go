package dir_test

import (
	"slices"
	"strings"
	"testing"

	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
)

func TestTextsThatWereNotPublished(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.md":                  "---\ntitle: A\nlang: en\ndraft: false\n---\ntext",
		"b.md":                  "---\ndraft: true # not yet\nlang: ja\n---\ntext",
		"c.md":                  "+++\ntitle = \"C\"\ndraft = true\n+++\ntext",
		"d.md":                  "---\r\npublished: false\r\n---\r\ntext",
		"e.md":                  "---\nstatus: 'draft'\n---\ntext",
		"f.md":                  "# draft: true\ndraft: true\n",
		"g.md":                  "---\nnested:\n  draft: true\ntags:\n- draft: true\n---\ntext",
		"h.md":                  "---\ndraft: true\nno end, so it is text",
		"_drafts/i.md":          "text",
		"posts/draft_j.html":    "<p>text",
		"posts/2020-01_k.html":  "<p>text",
		"posts/draft_notes.txt": "text",
	})
	for where, want := range map[string]struct{ ids, line string }{
		"":                   {"a.md f.md g.md h.md posts/2020-01_k.html posts/draft_notes.txt", "6 items that are not published, or no texts (4 draft, 1 draft, 1 draft); to read those of one kind: --where draft=true, or --where published=false, or --where status=draft"},
		"draft=true":         {"_drafts/i.md b.md c.md posts/draft_j.html", "2 items"},
		"published=false":    {"d.md", "5 items"},
		"status=draft":       {"e.md", "5 items"},
		"lang=en":            {"a.md", "6 items"},
		"lang=ja":            {"", "6 items"},
		"draft=true lang=ja": {"b.md", "2 items"},
		"title=C draft=true": {"c.md", "2 items"},
	} {
		s := &dir.Source{Root: root, Config: item.Config{Notes: new(note.Book)}}
		for w := range strings.FieldsSeq(where) {
			field, value, _ := strings.Cut(w, "=")
			s.Config.Where = append(s.Config.Where, item.Condition{Field: field, Value: value})
		}
		docs, faults := sourcetest.Documents(t, s)
		var ids []string
		for _, d := range docs {
			ids = append(ids, string(d.ID))
		}
		slices.Sort(ids)
		if line := strings.Join(s.Config.Notes.Take(), "; "); strings.Join(ids, " ") != want.ids || len(faults) > 0 || !strings.Contains(line, want.line) {
			t.Errorf("where %q: %q, %v, %q", where, ids, faults, line)
		}
	}
}
