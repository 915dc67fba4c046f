package results_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/results"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// result is one that cost two and took ten tokens.
func result(id string, status quarry.Status) *quarry.Result {
	usd := quarry.USD(2)
	r := &quarry.Result{ID: quarry.DocumentID(id), Status: status, Attempts: 3, CostUSD: &usd, Usage: quarry.Usage{InputTokens: 10}, Model: "m-" + id, Text: "about " + id}
	if status != quarry.StatusOK {
		r.Error = &quarry.ResultError{Kind: string(quarry.ClassThrottled)}
	}
	return r
}

// pass gives a pass in a directory whose column of taken-over answers is this.
func pass(t *testing.T, dir string, n int, takenOver ...index.TakenOver) index.Pass {
	t.Helper()
	p := index.Of(effect.New(nil), dir, n)
	must(t, os.MkdirAll(p.Path(""), 0o755))
	c, err := p.CreateColumns()
	must(t, err)
	defer c.Abort()
	for _, o := range takenOver {
		slot := o.Slot
		if o.Stale {
			slot |= index.Stale
		}
		must(t, c.Add(index.Unchanged, index.Tried{}, o.Order, slot))
	}
	must(t, c.Commit())
	return p
}

// read gives the results of a file, by id and status.
func read(t *testing.T, path string) (all []quarry.Result, ids []string) {
	t.Helper()
	for r, err := range lines.Read[quarry.Result](path) {
		must(t, err)
		all = append(all, r)
		ids = append(ids, string(r.ID)+" "+string(r.Status))
	}
	return all, ids
}

func TestEveryDocumentIsInTheResultsAndTheBadOnesTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := results.Create(effect.New(nil), dir, pass(t, dir, 1))
	must(t, err)
	defer out.Abort()
	for order, r := range []*quarry.Result{
		result("a", quarry.StatusOK), result("b", quarry.StatusInvalid), result("c", quarry.StatusSkipped), result("d", quarry.StatusFailed),
	} {
		must(t, out.Add(int64(order), r, 3, true))
	}
	unpriced := result("e", quarry.StatusOK)
	unpriced.CostUSD = nil
	must(t, out.Add(4, unpriced, 1, true))
	if _, err := os.Stat(filepath.Join(dir, results.File)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Commit: %v, want no results", err)
	}
	must(t, out.Commit(5))
	if _, ids := read(t, filepath.Join(dir, results.File)); !slices.Equal(ids, []string{"a ok", "b invalid", "c skipped", "d failed", "e ok"}) {
		t.Errorf("results.jsonl has %v", ids)
	}
	if _, ids := read(t, filepath.Join(dir, "failed.jsonl")); !slices.Equal(ids, []string{"b invalid", "d failed"}) {
		t.Errorf("failed.jsonl has %v", ids)
	}
	sums := out.Totals()
	if sums.Total != 5 || sums.OK != 2 || sums.Invalid != 1 || sums.Skipped != 1 || sums.Failed != 1 || sums.Again != 1 {
		t.Errorf("Totals = %+v", sums)
	}
	if sums.Usage.InputTokens != 50 || sums.Cost != 8 || !sums.CostUnknown || len(sums.Models) != 5 || len(sums.Samples) != 2 || sums.Classes[string(quarry.ClassThrottled)] != 3 {
		t.Errorf("Totals = %+v", sums)
	}
}

func TestAnAbortedExportLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := results.Create(effect.New(nil), dir, pass(t, dir, 1))
	must(t, err)
	must(t, out.Add(0, result("a", quarry.StatusOK), 1, true))
	out.Abort()
	left, err := filepath.Glob(filepath.Join(dir, "*.jsonl*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("after Abort there are %v", left)
	}
}

func TestATwinGetsTheAnswerAndPaysNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pass(t, dir, 1)
	w, err := p.CreateTwins()
	must(t, err)
	defer w.Abort()
	for _, twin := range []index.Twin{
		{Order: 1, Of: 0, ID: "twin", Document: quarry.DocumentInfo{Title: "T"}}, {Order: 2, Of: 0, Near: 0.9, ID: "like"}, {Order: 4, Of: 3, ID: "twin of none"},
	} {
		must(t, w.Add(&twin))
	}
	must(t, w.Commit())
	out, err := results.Create(effect.New(nil), dir, p)
	must(t, err)
	defer out.Abort()
	taken, err := results.OpenTakenOver(p, out, nil)
	must(t, err)
	defer taken.Close()
	must(t, taken.Before(0))
	must(t, out.Add(0, result("a", quarry.StatusOK), 3, true))
	must(t, taken.Before(5)) // 3 and its twin have no result
	must(t, out.Commit(5))
	all, ids := read(t, filepath.Join(dir, results.File))
	if !slices.Equal(ids, []string{"a ok", "twin ok", "like ok"}) {
		t.Fatalf("results.jsonl has %v", ids)
	}
	twin, like := all[1], all[2]
	if twin.SameAs != "a" || twin.Text != "about a" || twin.Document.Title != "T" || twin.Attempts != 0 || twin.Usage != (quarry.Usage{}) || *twin.CostUSD != 0 {
		t.Errorf("the twin is %+v", twin)
	}
	if like.SameAs != "a" || like.Similarity != 0.9 {
		t.Errorf("the one that is alike is %+v", like)
	}
	if sums := out.Totals(); sums.Duplicate != 2 || sums.Near != 1 || sums.Spared.InputTokens != 20 || sums.Usage.InputTokens != 10 || sums.Cost != 2 {
		t.Errorf("Totals = %+v", sums)
	}
}

func TestAnswersOfThePassBeforeAreInTheirPlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := pass(t, dir, 1)
	ids := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: first.SortDir(), Name: "ids"})
	defer func() { _ = ids.Close() }()
	must(t, first.WriteIDs(ids))
	out, err := results.Create(effect.New(nil), dir, first)
	must(t, err)
	defer out.Abort()
	must(t, out.Add(0, result("old", quarry.StatusOK), 3, true))
	must(t, out.Add(1, result("stale", quarry.StatusOK), 3, true))
	must(t, out.Commit(2))
	must(t, first.KeepResults(effect.New(nil), filepath.Join(dir, results.File)))

	p := pass(t, dir, 2, index.TakenOver{Order: 0, Slot: 1, Stale: true}, index.TakenOver{Order: 2, Slot: 0})
	known := first.Known(2)
	defer known.Close()
	out, err = results.Create(effect.New(nil), dir, p)
	must(t, err)
	defer out.Abort()
	taken, err := results.OpenTakenOver(p, out, known)
	must(t, err)
	defer taken.Close()
	must(t, taken.Before(1))
	must(t, out.Add(1, result("new", quarry.StatusOK), 1, true))
	must(t, taken.Before(3))
	must(t, out.Commit(3))
	all, order := read(t, filepath.Join(dir, results.File))
	if !slices.Equal(order, []string{"stale ok", "new ok", "old ok"}) {
		t.Fatalf("results.jsonl has %v", order)
	}
	if b, err := json.Marshal(all[2].Usage); err != nil || all[2].Usage.InputTokens != 10 {
		t.Errorf("the old answer says %s, %v, want what it took then", b, err)
	}
	if sums := out.Totals(); sums.Total != 3 || sums.Usage.InputTokens != 10 || sums.Cost != 2 {
		t.Errorf("Totals = %+v, want only the new one paid", sums)
	}
	again := p.Known(3)
	defer again.Close()
	for slot, want := range []index.Ended{index.EndedStale, index.EndedOK, index.EndedOK} {
		if how, _, err := again.Ended(int64(slot)); how != want || err != nil {
			t.Errorf("slot %d ended %c, %v, want %c", slot, how, err, want)
		}
	}
}
