package clean_test

import (
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// TestADocumentCostsNoAllocation cleans documents again that a Cleaner has seen once: its buffers have grown, its names
// are known.
func TestADocumentCostsNoAllocation(t *testing.T) {
	c := clean.New(clean.Config{})
	var docs []*quarry.Document
	for _, tt := range seedCases {
		if tt.name != "front matter goes" { // becomes fields, which are new
			docs = append(docs, &quarry.Document{Title: "タイトル", Body: []byte(tt.in), Format: tt.format})
		}
	}
	for _, tt := range markCases {
		docs = append(docs, &quarry.Document{Title: "T", Body: []byte(tt.in), Format: markdown})
	}
	for _, doc := range docs {
		if n := testing.AllocsPerRun(5, func() { mustClean(t, c, doc) }); n != 0 {
			t.Errorf("%q: %v allocations", doc.Body, n)
		}
	}
}

func mustClean(t *testing.T, c *clean.Cleaner, doc *quarry.Document) {
	if _, err := c.Clean(doc); err != nil {
		t.Fatal(err)
	}
}

// TestArticlesCostNoAllocation does the same with real articles, of which exactly those that hold only a drawing are
// empty.
func TestArticlesCostNoAllocation(t *testing.T) {
	var docs []*quarry.Document
	for _, a := range articles(t, "", 14) {
		docs = append(docs, a.document())
	}
	c := clean.New(clean.Config{})
	empty := 0
	for _, doc := range docs {
		out, err := c.Clean(doc)
		if err != nil {
			t.Fatal(err)
		}
		if fault := faultIn(&out); fault != "" {
			t.Errorf("%s: %s", doc.ID, fault)
		}
		if len(out.Text) == 0 {
			empty++
		}
	}
	if *whole && empty != 9 {
		t.Errorf("%d articles are empty, want the nine that hold only a drawing", empty)
	}
	n := testing.AllocsPerRun(1, func() {
		for _, doc := range docs {
			mustClean(t, c, doc)
		}
	})
	if n > float64(len(docs))/100 {
		t.Errorf("%v allocations for %d articles", n, len(docs))
	}
}
