package answered_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/answered"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

func keyOf(n byte) quarry.DocumentKey {
	return quarry.DocumentKey{n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
}
func half(k quarry.DocumentKey) dedupe.Hash { return dedupe.Hash(k[:16]) }

func outcome(order int64, id string, key byte, part, attempt int, class quarry.Class) shardfile.Outcome {
	record := quarry.NewRecordID(quarry.DocumentID(id), keyOf(key), attempt)
	if part > 0 {
		record = record.Part(part)
	}
	return shardfile.Outcome{Order: order, RecordID: record, Class: class, Left: class != quarry.ClassOK, Result: quarry.Result{
		ID: quarry.DocumentID(id), RecordID: record, Attempts: attempt, Status: quarry.StatusOK, Text: fmt.Sprintf("%s %d.%d", id, part, attempt), Document: quarry.DocumentInfo{Title: "old " + id},
	}}
}

func writeJournal(t *testing.T, path string, outcomes ...shardfile.Outcome) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	w, err := atomicfile.CreateZstd(effect.New(nil), path)
	must(t, err)
	for i := range outcomes {
		must(t, lines.Write(w, &outcomes[i]))
	}
	must(t, w.Commit())
}

// writePass writes the entries of a pass.
func writePass(t *testing.T, run string, n int, entries ...index.Entry) index.Pass {
	t.Helper()
	p := index.Of(effect.New(nil), run, n)
	w, err := p.Create()
	must(t, err)
	ids := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: p.SortDir(), Name: "ids"})
	for i := range entries {
		must(t, w.Add(&entries[i]))
		must(t, ids.Add(dedupe.Entry{Hash: entries[i].Hash, Order: int64(i)}))
	}
	must(t, errors.Join(w.Commit(), p.WriteIDs(ids), ids.Close()))
	return p
}

func TestAJournalGivesItsAttemptsWithTheKeysOfItsPass(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	pass := writePass(t, run, 1,
		index.Entry{Hash: doc("a"), Key: half(keyOf(1)), Bytes: 9},
		index.Entry{Hash: doc("b"), Key: half(keyOf(2)), Bytes: 9},
		index.Entry{Hash: doc("stranger"), Key: half(keyOf(3)), Bytes: 9},
		index.Entry{Hash: doc("d"), Key: half(keyOf(99)), Bytes: 9},
	)
	path := filepath.Join(run, "journal", "s00001.jsonl.zst")
	own := outcome(7, "own", 1, 0, 1, quarry.ClassOK)
	own.RecordID = "somebody-elses"
	writeJournal(t, path,
		outcome(0, "a", 1, 0, 1, quarry.ClassOK), outcome(1, "b", 2, 3, 2, quarry.ClassSchema), outcome(2, "c", 3, 0, 1, quarry.ClassOK),
		outcome(3, "d", 4, 0, 1, quarry.ClassMissing), outcome(9, "e", 5, 0, 1, quarry.ClassOK), own,
		outcome(0, "a", 1, 0, 2, quarry.ClassUnsent)) // the number of a record that was not sent is free
	short := func(k byte) (h dedupe.Hash) {
		key := keyOf(k)
		copy(h[:], key[:6])
		return h
	}
	entry := func(k dedupe.Hash, id string, part, attempt int, how answered.How, line int64) answered.Entry {
		return answered.Entry{Key: k, ID: doc(id), Part: part, Attempt: attempt, How: how, Shard: "s00001", Line: line}
	}
	column, err := pass.OpenEntries()
	must(t, err)
	defer func() { _ = column.Close() }()
	for _, c := range []struct {
		what    string
		entries *index.EntryColumn
		want    []answered.Entry
	}{
		{"with its index", column, []answered.Entry{
			entry(half(keyOf(1)), "a", 0, 1, answered.OK, 0),
			entry(half(keyOf(2)), "b", 3, 2, answered.Bad, 1),
			entry(short(3), "c", 0, 1, answered.OK, 2),   // another document has that order
			entry(short(4), "d", 0, 1, answered.None, 3), // another key
			entry(short(5), "e", 0, 1, answered.OK, 4),   // after the end of the index
		}},
		{"without", nil, []answered.Entry{
			entry(short(1), "a", 0, 1, answered.OK, 0), entry(short(2), "b", 3, 2, answered.Bad, 1), entry(short(3), "c", 0, 1, answered.OK, 2),
			entry(short(4), "d", 0, 1, answered.None, 3), entry(short(5), "e", 0, 1, answered.OK, 4),
		}},
	} {
		dir := t.TempDir()
		news := answered.NewNews(effect.New(nil), dir, 0)
		must(t, news.AddJournal(t.Context(), answered.Journal{Shard: "s00001", Path: path, Entries: c.entries}))
		f, err := answered.Open(dir)
		must(t, err)
		f, err = f.Merge(t.Context(), effect.New(nil), news)
		must(t, err)
		if got := all(t, f.Entries()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v\nwant %+v", c.what, got, c.want)
		}
		if !f.Has("s00001") {
			t.Errorf("%s: the shard is not covered", c.what)
		}
	}
}

func TestAGivenAnswerIsRememberedByWhatItsDocumentAsks(t *testing.T) {
	t.Parallel()
	for _, noted := range []bool{true, false} { // an earlier version joined the pass with the answers as with a pass before
		rememberGiven(t, noted)
	}
}

func rememberGiven(t *testing.T, noted bool) {
	t.Helper()
	run := t.TempDir()
	imported := index.Of(effect.New(nil), run, 0)
	must(t, os.MkdirAll(imported.Path(""), 0o700))
	_, _, err := imported.Import(func(yield func(index.Answer, error) bool) {
		for _, id := range []string{"z", "b", "stale", "a"} {
			if !yield(index.Answer{ID: quarry.DocumentID(id), Line: []byte(`{"id":"` + id + `"}` + "\n")}, nil) {
				return
			}
		}
	})
	must(t, err)
	pass := writePass(t, run, 1,
		index.Entry{Hash: doc("a"), Key: half(keyOf(1))}, index.Entry{Hash: doc("new"), Key: half(keyOf(2))}, index.Entry{Hash: doc("stale"), Key: half(keyOf(3))},
		index.Entry{Hash: doc("b"), Key: half(keyOf(4))}, index.Entry{Hash: doc("asked"), Key: half(keyOf(5))})
	c, err := pass.CreateColumns()
	must(t, err)
	takes := []index.Disposition{index.Unchanged, index.Main, index.Unchanged, index.Unchanged, index.Main}
	for order, slot := range []int64{3, -1, 2 | index.Stale, 1, -1} {
		at := int64(order)
		if noted && slot >= 0 && slot < index.Stale {
			must(t, errors.Join(c.Give(at, slot), c.Add(index.Recalled, index.Tried{}, at, -1)))
			continue
		}
		must(t, c.Add(takes[order], index.Tried{}, at, slot))
	}
	must(t, c.Commit())
	if !noted {
		must(t, os.Remove(pass.Path("given")))
	}
	news := answered.NewNews(effect.New(nil), run, 0)
	must(t, news.AddKnown(t.Context(), effect.New(nil), run, 1, pass, imported))
	f, err := answered.Open(run)
	must(t, err)
	f, err = f.Merge(t.Context(), effect.New(nil), news)
	must(t, err)
	want := []answered.Entry{
		{Key: half(keyOf(1)), ID: doc("a"), How: answered.OK, Shard: answered.Known, Line: 3},
		{Key: half(keyOf(4)), ID: doc("b"), How: answered.OK, Shard: answered.Known, Line: 1},
	}
	if got := all(t, f.Entries()); !slices.Equal(got, want) {
		t.Errorf("Entries() = %+v\nwant %+v", got, want)
	}
	if !f.HasKnown(1) || f.HasKnown(2) {
		t.Errorf("HasKnown(1), (2) = %t, %t, want true, false", f.HasKnown(1), f.HasKnown(2))
	}
}

func TestCarriedOutcomesComeInTheOrderOfTheDocuments(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	journal := func(id quarry.ShardID) string { return filepath.Join(run, "journal", string(id)+".jsonl.zst") }
	writeJournal(t, journal("p00001"), outcome(3, "d", 4, 0, 1, quarry.ClassSchema), outcome(8, "x", 9, 0, 1, quarry.ClassOK))
	writeJournal(t, journal("s00001"), outcome(0, "a", 1, 0, 1, quarry.ClassOK), outcome(1, "b", 2, 0, 1, quarry.ClassOK), outcome(2, "c", 3, 0, 1, quarry.ClassOK))
	writeJournal(t, journal("r00001"), outcome(3, "d", 4, 0, 2, quarry.ClassOK))
	imported := index.Of(effect.New(nil), run, 0)
	must(t, os.MkdirAll(imported.Path(""), 0o700))
	orders, _, err := imported.Import(func(yield func(index.Answer, error) bool) {
		yield(index.Answer{ID: "g", Line: []byte(`{"id":"g","status":"ok","text":"given"}` + "\n")}, nil)
	})
	must(t, err)
	known := imported.Known(orders)
	defer known.Close()

	at := func(shard quarry.ShardID, line int64) answered.Entry { return answered.Entry{Shard: shard, Line: line} }
	c := answered.NewCarried(effect.New(nil), filepath.Join(run, "sort"))
	must(t, c.Add(0, []answered.Entry{at("s00001", 2)}))
	must(t, c.Add(2, []answered.Entry{at("s00001", 0)}))
	must(t, c.Add(4, []answered.Entry{at("p00001", 0), at("r00001", 0)}))
	must(t, c.Add(5, []answered.Entry{at(answered.Known, 0)}))
	must(t, c.Add(7, []answered.Entry{at("s00001", 1)}))
	docs := func(yield func(answered.Document, error) bool) {
		for _, d := range []answered.Document{{Order: 0, ID: "c"}, {Order: 2, ID: "renamed"}, {Order: 4, ID: "d"}, {Order: 5, ID: "g"}, {Order: 7, ID: "b"}} {
			d.Info.Title = "new " + string(d.ID)
			if !yield(d, nil) {
				return
			}
		}
	}
	path := filepath.Join(run, "earlier.jsonl.zst")
	must(t, c.Write(t.Context(), path, answered.From{Journal: journal, Imported: known}, docs))
	must(t, c.Close())
	type line struct {
		order        int64
		id, same, is string
		title        string
	}
	var got []line
	for _, o := range all(t, lines.Read[shardfile.Outcome](path)) {
		if !o.Earlier || o.Left {
			t.Errorf("order %d: earlier %t, left %t, want true and false", o.Order, o.Earlier, o.Left)
		}
		got = append(got, line{o.Order, string(o.Result.ID), string(o.Result.SameAs), o.Result.Text, o.Result.Document.Title})
	}
	want := []line{
		{0, "c", "", "c 0.1", "new c"},
		{2, "renamed", "a", "a 0.1", "new renamed"},
		{4, "d", "", "d 0.1", "new d"},
		{4, "d", "", "d 0.2", "new d"},
		{5, "g", "", "given", "new g"},
		{7, "b", "", "b 0.1", "new b"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("carried %+v\nwant %+v", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(run, "sort", "*")); len(left) > 0 {
		t.Errorf("what was sorted is still there: %v", left)
	}
}

func TestAJournalThatIsShorterThanRememberedIsAnError(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	journal := func(id quarry.ShardID) string { return filepath.Join(run, string(id)) }
	writeJournal(t, journal("s00001"), outcome(0, "a", 1, 0, 1, quarry.ClassOK))
	none := iter.Seq2[answered.Document, error](func(func(answered.Document, error) bool) {})
	for name, e := range map[string]answered.Entry{
		"a line too far":        {Shard: "s00001", Line: 1},
		"no journal":            {Shard: "s00002"},
		"a given one, and none": {Shard: answered.Known},
		"no such document":      {Shard: "s00001"},
	} {
		c := answered.NewCarried(effect.New(nil), filepath.Join(run, "sort"))
		must(t, c.Add(0, []answered.Entry{e}))
		if err := c.Write(t.Context(), filepath.Join(run, "out"), answered.From{Journal: journal}, none); err == nil {
			t.Errorf("%s: no error", name)
		}
		must(t, c.Close())
	}
}
