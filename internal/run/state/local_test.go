package state_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/state"
)

// local is a process that works in a directory of a run whose ledger is a file.
type local struct {
	*process
	log *state.Local
}

func (p *place) openLocal(t *testing.T, dir string) (*local, error) {
	t.Helper()
	e := effect.New(nil)
	l, err := ledger.Open(t.Context(), e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	log, err := state.OpenLocal(t.Context(), p.config(e, dir, l))
	if err != nil {
		return nil, err
	}
	return &local{&process{log.Files, e, dir, l}, log}, nil
}

func (p *place) mustOpenLocal(t *testing.T, dir string) *local {
	t.Helper()
	l, err := p.openLocal(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// restored gives the files of a directory that was made from the bucket, and a fact of its ledger.
func (p *place) restored(t *testing.T) (dir string, all map[string]string, fact string) {
	t.Helper()
	dir = t.TempDir()
	found, err := state.Restore(t.Context(), state.Config{Effects: effect.New(nil), Dir: dir, Run: p.run, Bucket: p.bucket})
	if err != nil || !found {
		t.Fatalf("restore: %t, %v", found, err)
	}
	all = files(t, dir)
	delete(all, "ledger.db")
	delete(all, "bucket.json")
	l, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	facts, err := l.Facts(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return dir, all, facts["a"]
}

func (o *process) fact(t *testing.T, value string) {
	t.Helper()
	if err := o.ledger.SetFacts(t.Context(), map[string]string{"a": value}); err != nil {
		t.Fatal(err)
	}
}

func TestTheBucketHasALedgerInAFileAsOfItsLastChange(t *testing.T) {
	t.Parallel()
	p := newLocalPlace(t)
	o := p.mustOpenLocal(t, t.TempDir())
	for _, value := range []string{"one", "two", "it's \"three\"\n日本"} {
		o.write(t, "index/0001/entries", value)
		o.write(t, "journal/s1.jsonl.zst", "the same")
		o.write(t, "quarry.yaml", "a record of this machine")
		o.fact(t, value)
		o.write(t, "index/0002/entries", "of the change that follows")
		_, all, fact := p.restored(t)
		want := map[string]string{"index/0001/entries": value, "journal/s1.jsonl.zst": "the same"}
		if value != "one" {
			want["index/0002/entries"] = "of the change that follows"
		}
		if !maps.Equal(all, want) || fact != value {
			t.Errorf("after %q another directory has %v and the fact %q, want %v", value, all, fact, want)
		}
	}
	const many = 600 // a copy takes the place of changes meanwhile
	for range many {
		o.fact(t, "x")
	}
	o.fact(t, "last")
	if _, _, fact := p.restored(t); fact != "last" {
		t.Errorf("after %d changes another directory has the fact %q", many, fact)
	}
	if n := p.objects(t); n > 550 {
		t.Errorf("%d objects are in the bucket: no copy took the place of changes", n)
	}
}

// TestAFileThatACrashKeptFromTheBucketIsThereAfterTheNextStart writes past the tracker, as a process does that ends between a file and the change
// of its ledger.
func TestAFileThatACrashKeptFromTheBucketIsThereAfterTheNextStart(t *testing.T) {
	t.Parallel()
	p := newLocalPlace(t)
	dir := t.TempDir()
	o := p.mustOpenLocal(t, dir)
	o.write(t, "index/0001/entries", "before")
	o.write(t, "journal/s1.jsonl.zst", "goes")
	o.write(t, "results.jsonl", "stays")
	o.fact(t, "one")
	calls := `{"recordId":"r1","intent":1}` + "\n"
	for name, text := range map[string]string{"index/0001/entries": "beyond", "raw/s1-a1/new": "new", "journal/s2.calls.jsonl": calls + "{to", "review.jsonl": "good"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "journal", "s1.jsonl.zst")); err != nil {
		t.Fatal(err)
	}
	if err := o.ledger.Close(); err != nil { // it died
		t.Fatal(err)
	}
	o = p.mustOpenLocal(t, dir)
	if err := o.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, all, fact := p.restored(t)
	want := map[string]string{
		"index/0001/entries": "beyond", "results.jsonl": "stays", "raw/s1-a1/new": "new", "review.jsonl": "good",
		"journal/s2.calls/00000001.jsonl": calls, "journal/s2.calls.jsonl": calls,
	}
	if !maps.Equal(all, want) || fact != "one" {
		t.Errorf("another directory has %v and the fact %q, want %v", all, fact, want)
	}
}

func TestARunThatWasTakenOverIsNotContinuedInItsOldDirectory(t *testing.T) {
	t.Parallel()
	p := newLocalPlace(t)
	old := t.TempDir()
	o := p.mustOpenLocal(t, old)
	o.fact(t, "old")
	dir, _, _ := p.restored(t)
	taken := p.mustOpenLocal(t, dir)
	taken.fact(t, "new")
	o.log.LookNow()
	locked := func(what string, err error) {
		t.Helper()
		if q := (*quarry.Error)(nil); !errors.As(err, &q) || q.Kind != quarry.Locked {
			t.Errorf("%s: %v, want that the run was taken over", what, err)
		}
	}
	locked("a change in the old directory", o.ledger.SetFacts(t.Context(), map[string]string{"a": "stale"}))
	if err := o.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := p.openLocal(t, old)
	locked("the next process there", err)
	if _, _, fact := p.restored(t); fact != "new" {
		t.Errorf("a third directory has the fact %q", fact)
	}
	if err := taken.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := p.mustOpenLocal(t, dir)
	again.fact(t, "again")
	if _, _, fact := p.restored(t); fact != "again" {
		t.Errorf("after the second process in the new directory, another one has the fact %q", fact)
	}
}

// TestWhatACallAnsweredIsInTheBucketWithItsShard takes the place of TestCallsAreDurableElsewhereBeforeTheyAreMade for a ledger that is a file.
func TestWhatACallAnsweredIsInTheBucketWithItsShard(t *testing.T) {
	t.Parallel()
	p := newLocalPlace(t)
	o := p.mustOpenLocal(t, t.TempDir())
	log, _, _, err := shardfile.In(o.effects, o.dir, "").Committing(o.ledger.SaveFiles).OpenCalls(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		log.Begin(&shardfile.Call{RecordID: "r1", Intent: 1}, 100), log.Append(&shardfile.Call{RecordID: "r1", ModelOutput: []byte(`{"a":1}`)}),
		log.Begin(&shardfile.Call{RecordID: "r2", Intent: 1}, 100),
	)
	if err != nil {
		t.Fatal(err)
	}
	dir, _, _ := p.restored(t)
	other := p.mustOpenLocal(t, dir)
	again, answered, begun, err := shardfile.In(other.effects, dir, "").Committing(other.ledger.SaveFiles).OpenCalls(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if len(begun) != 2 || len(answered) != 1 || !answered["r1"] {
		t.Errorf("another directory knows of the calls %v and the answers %v, want two and that to r1", begun, answered)
	}
	o.log.LookNow()
	if err := log.Begin(&shardfile.Call{RecordID: "late", Intent: 1}, 100); err == nil {
		t.Error("a process whose run was taken over begins a call")
	}
	_ = log.Close()
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAPlantedChangeOfALedgerIsRefused(t *testing.T) {
	t.Parallel()
	victim := filepath.Join(t.TempDir(), "victim.db")
	for _, text := range []string{"ATTACH DATABASE '" + victim + "' AS v", "UPDATE fact SET value = 'x'; ATTACH DATABASE '" + victim + "' AS v", "PRAGMA writable_schema=1", "VACUUM INTO '" + victim + "'"} {
		path := filepath.Join(t.TempDir(), "ledger.db")
		l, err := ledger.Open(t.Context(), effect.New(nil), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		err = ledger.Replay(t.Context(), effect.New(nil), path, func(yield func(ledger.Transaction, error) bool) {
			yield(ledger.Transaction{{Text: text}}, nil)
		})
		if err == nil {
			t.Errorf("%s was executed", text)
		}
		if _, err := os.Lstat(victim); err == nil {
			t.Errorf("%s wrote a file", text)
		}
	}
}
