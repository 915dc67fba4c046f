package item_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
)

func TestDraftsAndAssetsOfSanity(t *testing.T) {
	t.Parallel()
	items := []string{
		`{"_id":"a","_type":"post","body":"x"}`, `{"_id":"drafts.a","_type":"post","body":"y"}`, `{"_id":"versions.r1.a","_type":"post","body":"z"}`,
		`{"_id":"image-1","_type":"sanity.imageAsset","url":"u"}`, `{"_id":"image-2","_type":"sanity.imageAsset"}`, `{"_id":"drafts.mine","body":"of another program"}`,
	}
	for where, want := range map[string]struct{ ids, line string }{
		"":           {"a drafts.mine", "left out: 4 items that are not published, or no texts (2 draft, 2 sanity.imageAsset); to read those of one kind: --where draft=true, or --where _type=sanity.imageAsset"},
		"draft=true": {"drafts.a versions.r1.a", ""},
		"_type=post": {"a", "left out: 2 items that are not published, or no texts (2 draft); to read those of one kind: --where draft=true"},
	} {
		cfg := item.Config{Notes: new(note.Book)}
		if field, value, ok := strings.Cut(where, "="); ok {
			cfg.Where = []item.Condition{{Field: field, Value: value}}
		}
		var first [][]byte
		for _, s := range items {
			first = append(first, []byte(s))
		}
		r := cfg.NewReader(cfg.Decide(first))
		var ids []string
		for _, s := range first {
			if d, err := r.Read(s, quarry.Position{}); err == nil {
				ids = append(ids, string(d.ID))
			}
		}
		if line := strings.Join(cfg.Notes.Take(), ""); strings.Join(ids, " ") != want.ids || line != want.line {
			t.Errorf("where %q: %v, %q", where, ids, line)
		}
	}
}
