package item_test

import (
	"testing"

	"quarry"
	"quarry/internal/prepare/source/item"
)

func TestAnItemHasTheFirstBodyThatIsThere(t *testing.T) {
	t.Parallel()
	html, text := []byte(`{"id":"a","content_html":"<p>x"}`), []byte(`{"id":"b","content_text":"y < z"}`)
	cfg := item.Config{}
	r := cfg.NewReader(cfg.Decide([][]byte{html, text, html}))
	for in, want := range map[string]quarry.Format{string(html): quarry.FormatMarked, string(text): quarry.FormatText} {
		if d, err := r.Read([]byte(in), quarry.Position{}); err != nil || d.Format != want || len(d.Body) == 0 || d.Fields != nil {
			t.Errorf("%s: %+v, %v", in, d, err)
		}
	}
	feed := item.Config{}.NewReader(item.Keys{ID: item.Path{"guid"}, OtherIDs: []item.Path{{"link"}}, Body: item.Path{"content"}, OtherBodies: []item.Path{{"description"}}})
	for _, in := range []string{`{"guid":"a","content":"x"}`, `{"link":"a","description":"x"}`, `{"guid":"a","link":"b","content":"x","description":"y"}`} {
		if d, err := feed.Read([]byte(in), quarry.Position{}); err != nil || d.ID != "a" || string(d.Body) != "x" {
			t.Errorf("%s: %+v, %v", in, d, err)
		}
	}
	if _, err := feed.Read([]byte(`{"guid":"a"}`), quarry.Position{}); err == nil {
		t.Error("an item without any body is a document")
	}
}
