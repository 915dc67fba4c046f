package index_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
)

func sorter(t *testing.T, p index.Pass, name string) *dedupe.Sorter {
	s := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: p.SortDir(), Name: name, Memory: 2}) // so small that it spills
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// finish makes a pass over documents, each with its result, and gives the slots by id.
func finish(t *testing.T, dir string, n int, before *index.Known, ids ...string) (p index.Pass, joined *index.Joined) {
	t.Helper()
	p = pass(t, dir, n)
	sorted := sorter(t, p, "ids")
	entries := make([]index.Entry, len(ids))
	for i, id := range ids {
		entries[i] = entry(id, byte(i), 100)
		must(t, sorted.Add(dedupe.Entry{Hash: entries[i].Hash, Order: int64(i)}))
	}
	write(t, p, nil, entries...)
	joined, err := p.Join(t.Context(), sorted, int64(len(ids)), before)
	must(t, err)
	t.Cleanup(func() { must(t, joined.Close()) })
	ends, err := p.CreateEnds()
	must(t, err)
	defer ends.Abort()
	var results strings.Builder
	for i, id := range ids {
		line := fmt.Sprintf("{\"id\":%q,\"pass\":%d}\n", id, n)
		must(t, ends.Add(int64(i), index.EndedOK, n, len(line)))
		results.WriteString(line)
	}
	must(t, ends.Commit(int64(len(ids))))
	path := filepath.Join(dir, "results.jsonl")
	must(t, os.WriteFile(path, []byte(results.String()), 0o644))
	must(t, p.KeepResults(effect.New(nil), path))
	if before != nil {
		must(t, p.KeepGone(before))
	}
	must(t, os.Remove(path))
	return p, joined
}

func TestDocumentsAreFoundInThePassBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, _ := finish(t, dir, 1, nil, "a", "b", "c", "d")
	before := first.Known(4)
	defer before.Close()
	_, joined := finish(t, dir, 2, before, "d", "new", "a")
	for order, want := range []int64{3, -1, 0} {
		slot, ok, err := joined.Slot(int64(order))
		must(t, err)
		if !ok {
			slot = -1
		}
		if slot != want {
			t.Errorf("Slot(%d) = %d, want %d", order, slot, want)
		}
	}
	if joined.Gone != 2 || joined.Lost != 2 {
		t.Errorf("gone %d, lost %d, want 2 and 2", joined.Gone, joined.Lost)
	}
}

func TestADocumentIsFoundByItsID(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("id-%d", i))
		}
		p, _ := finish(t, t.TempDir(), 1, nil, ids...)
		known := p.Known(int64(n))
		for i, id := range ids {
			if slot, ok, err := known.Find(quarry.DocumentID(id)); err != nil || !ok || slot != int64(i) {
				t.Errorf("of %d, %s is in slot %d (%v, %v)", n, id, slot, ok, err)
			}
		}
		if slot, ok, err := known.Find("another"); err != nil || ok {
			t.Errorf("of %d, another is in slot %d, %v", n, slot, err)
		}
		known.Close()
	}
	if _, _, err := pass(t, t.TempDir(), 1).Known(1).Find("x"); err == nil {
		t.Error("a document was found without a file")
	}
}

func TestADocumentThatComesBackIsKnown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, _ := finish(t, dir, 1, nil, "a", "b", "c")
	for n := 2; n <= 3; n++ { // b goes, and stays away for a pass
		known := p.Known(int64(4 - min(n-1, 2)))
		var joined *index.Joined
		p, joined = finish(t, dir, n, known, "a", "c")
		known.Close()
		if wantLost := map[int]int64{2: 1, 3: 0}[n]; joined.Gone != 1 || joined.Lost != wantLost {
			t.Errorf("pass %d: gone %d, lost %d, want 1 and %d", n, joined.Gone, joined.Lost, wantLost)
		}
	}
	known := p.Known(2)
	defer known.Close()
	_, joined := finish(t, dir, 4, known, "c", "b")
	slot, ok, err := joined.Slot(1)
	must(t, err)
	if !ok || slot != 2 {
		t.Fatalf("Slot(b) = %d, %t, want 2, after the orders", slot, ok)
	}
	e, err := known.Entry(slot)
	must(t, err)
	how, attempts, err := known.Ended(slot)
	must(t, err)
	line, err := known.Line(slot)
	must(t, err)
	if want := entry("b", 1, 100); e != want || how != index.EndedOK || attempts != 1 || string(line) != "{\"id\":\"b\",\"pass\":1}\n" {
		t.Errorf("of b is known %v, %c after %d attempts, %q, want what pass 1 knew", e, how, attempts, line)
	}
}

func TestAnswersOfOthersAreAPass(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 0)
	answers := func(yield func(index.Answer, error) bool) {
		for i, id := range []string{"x", "y", "x"} {
			if !yield(index.Answer{ID: quarry.DocumentID(id), Line: fmt.Appendf(nil, "{%d}\n", i)}, nil) {
				return
			}
		}
	}
	orders, _, err := p.Import(iter.Seq2[index.Answer, error](answers))
	must(t, err)
	known := p.Known(orders)
	defer known.Close()
	slots := map[dedupe.Hash]int64{}
	for _, e := range all(t, known.IDs()) {
		slots[e.Hash] = e.Order
	}
	if orders != 3 || len(slots) != 2 || slots[index.HashOf("x")] != 0 || slots[index.HashOf("y")] != 1 {
		t.Errorf("Import = %d orders and %v, want 3 orders, and the first answer to each id", orders, slots)
	}
	line, err := known.Line(1)
	must(t, err)
	if how, tries, err := known.Ended(1); string(line) != "{1}\n" || how != index.EndedOK || tries != 0 || err != nil {
		t.Errorf("slot 1 = %q, %c, %d attempts, %v, want {1}, ok and none", line, how, tries, err)
	}
	left, err := os.ReadDir(p.SortDir())
	if err == nil && len(left) > 0 {
		t.Errorf("%d files are left of the sorting", len(left))
	}
}

func TestWhatEndedIsAskedAgainOrNot(t *testing.T) {
	t.Parallel()
	for how, want := range map[index.Ended]bool{
		index.EndedOK: true, index.EndedInvalid: true, index.EndedFailed: true, index.EndedStale: true,
		index.EndedNone: false, index.EndedAgain: false, index.EndedSkipped: false,
	} {
		if got := how.Answered(); got != want {
			t.Errorf("%c.Answered() = %t, want %t", how, got, want)
		}
	}
}

func TestRepeatsOfAnIDWeighMoreThanThoseOfAText(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	ids, keys := sorter(t, p, "ids"), sorter(t, p, "keys")
	// a asks 1, b asks 2, a comes again and asks 2, c asks 2, d asks 1, e asks 3.
	for order, d := range []struct {
		id  string
		key byte
	}{{"a", 1}, {"b", 2}, {"a", 2}, {"c", 2}, {"d", 1}, {"e", 3}} {
		must(t, ids.Add(dedupe.Entry{Hash: index.HashOf(quarry.DocumentID(d.id)), Order: int64(order)}))
		must(t, keys.Add(dedupe.Entry{Hash: dedupe.Hash{d.key}, Order: int64(order)}))
	}
	again, err := p.FindRepeats(ids, keys)
	defer func() { must(t, again.Close()) }()
	must(t, err)
	want := []index.Repeat{
		{Pair: dedupe.Pair{Order: 2, First: 0}, Disposition: index.SameID},
		{Pair: dedupe.Pair{Order: 3, First: 1}, Disposition: index.Same},
		{Pair: dedupe.Pair{Order: 4, First: 0}, Disposition: index.Same},
	}
	if got := all(t, again.Sorted()); !slices.Equal(got, want) {
		t.Errorf("FindRepeats = %v, want %v", got, want)
	}
	must(t, again.AddNear(dedupe.Pair{Order: 5, First: 1}, 913))
	want = append(want, index.Repeat{Pair: dedupe.Pair{Order: 5, First: 1}, Disposition: index.Same, Near: 913})
	if got := all(t, again.Sorted()); !slices.Equal(got, want) {
		t.Errorf("with a near one = %v, want %v", got, want)
	}
	few, err := again.Among(map[int64]bool{0: true, 1: true, 4: true})
	must(t, err)
	if len(few) != 1 || !few[4] {
		t.Errorf("Among(0, 1, 4) = %v, want 4 alone", few)
	}
}

func TestAnAnswerIsNotGivenByWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	ids, keys := sorter(t, p, "ids"), sorter(t, p, "keys")
	// The second a is left out for its id, so c, which asks the same as it, is asked itself.
	for order, d := range []struct {
		id  string
		key byte
	}{{"a", 1}, {"a", 2}, {"c", 2}} {
		must(t, ids.Add(dedupe.Entry{Hash: index.HashOf(quarry.DocumentID(d.id)), Order: int64(order)}))
		must(t, keys.Add(dedupe.Entry{Hash: dedupe.Hash{d.key}, Order: int64(order)}))
	}
	again, err := p.FindRepeats(ids, keys)
	defer func() { must(t, again.Close()) }()
	must(t, err)
	want := []index.Repeat{{Pair: dedupe.Pair{Order: 1, First: 0}, Disposition: index.SameID}}
	if got := all(t, again.Sorted()); !slices.Equal(got, want) {
		t.Errorf("FindRepeats = %v, want %v", got, want)
	}
}

func TestTwinsComeBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	w, err := p.CreateTwins()
	must(t, err)
	defer w.Abort()
	want := []index.Twin{{Order: 2, Of: 0, ID: "b"}, {Order: 3, Of: 1, Near: 0.93, ID: "c", Document: quarry.DocumentInfo{Title: "T"}}}
	for i := range want {
		must(t, w.Add(&want[i]))
	}
	must(t, w.Commit())
	if got := all(t, p.Twins()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Twins() = %v, want %v", got, want)
	}
}
