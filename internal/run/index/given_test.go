package index_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
)

// given makes the index of answers: to ids, and to recordIds where they begin with "record ".
func given(t *testing.T, dir string, answers ...index.Answer) *index.Known {
	t.Helper()
	pass := index.Of(effect.New(nil), dir, 0)
	must(t, os.MkdirAll(pass.Path(""), 0o700))
	n, doubled, err := pass.Import(func(yield func(index.Answer, error) bool) {
		for _, a := range answers {
			a.Line = fmt.Appendf(nil, `{"id":%q,"record_id":%q}`+"\n", a.ID, a.Record)
			if !yield(a, nil) {
				return
			}
		}
	})
	must(t, err)
	if doubled != 1 {
		t.Errorf("Import: %d answers are to what an earlier one answers, want 1", doubled)
	}
	k := pass.Known(n)
	t.Cleanup(k.Close)
	return k
}

func askedKey(n byte) (k quarry.DocumentKey) {
	k[0], k[20] = n, n
	return k
}

func TestGivenAnswersFindTheirDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := given(t, dir,
		index.Answer{ID: "a"},
		index.Answer{ID: "nobody"},
		index.Answer{Record: quarry.NewRecordID("b/1", askedKey(2), 3)},   // to what b/1 asks
		index.Answer{Record: quarry.NewRecordID("c", askedKey(9), 1)},     // to what c asked once
		index.Answer{Record: quarry.NewRecordID("d", askedKey(2), 1)},     // the same key, another document
		index.Answer{Record: "plain-id"},                                  // a recordId that is the document's id
		index.Answer{ID: "a"},                                             // again: the first counts
		index.Answer{Record: quarry.NewRecordID("whole", askedKey(7), 1)}, // the id of a document that has such a name
	)
	docs := []struct {
		id  quarry.DocumentID
		key byte
	}{
		{"b/1", 2},
		{"a", 1},
		{"c", 3},
		{"plain-id", 4},
		{"new", 5},
		{"b_1", 2},
		{quarry.DocumentID(quarry.NewRecordID("whole", askedKey(7), 1)), 6},
	}
	pass := index.Of(effect.New(nil), dir, 1)
	w, err := pass.Create()
	must(t, err)
	ids := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: pass.SortDir(), Name: "ids"})
	keys := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: pass.SortDir(), Name: "keys"})
	for i, d := range docs {
		e := index.Entry{Hash: index.HashOf(d.id)}
		key := askedKey(d.key)
		copy(e.Key[:], key[:])
		must(t, w.Add(&e))
		must(t, w.AddName(d.id))
		must(t, ids.Add(dedupe.Entry{Hash: e.Hash, Order: int64(i)}))
		must(t, keys.Add(dedupe.Entry{Hash: e.Key, Order: int64(i)}))
	}
	must(t, w.Commit())
	g, err := pass.MatchGiven(t.Context(), ids, keys, from)
	must(t, err)
	var got [][2]int64
	for i := range docs {
		byID, asked, err := g.Slots(int64(i))
		must(t, err)
		got = append(got, [2]int64{byID, asked})
	}
	// b_1 has the key and a recordId that begins as that of b/1 would.
	want := [][2]int64{{-1, 2}, {0, -1}, {-1, -1}, {5, -1}, {-1, -1}, {-1, 2}, {7, -1}}
	if !slices.Equal(got, want) {
		t.Errorf("Slots = %v, want %v", got, want)
	}
	if g.Unmatched != 3 || !slices.Equal(g.First, []int64{1, 3, 4}) {
		t.Errorf("%d answers to no document, %v, want slots 1, 3 and 4", g.Unmatched, g.First)
	}
	must(t, g.Close())
	must(t, ids.Close())
	must(t, keys.Close())
	if left, _ := os.ReadDir(pass.SortDir()); len(left) > 0 {
		t.Errorf("what was sorted is still there: %v", left)
	}
}
