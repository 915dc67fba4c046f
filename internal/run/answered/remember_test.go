package answered_test

import (
	"os"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run/answered"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

func TestWhatIsRememberedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	writePass(t, run, 1, index.Entry{Hash: doc("a"), Key: half(keyOf(1)), Bytes: 9})
	writePass(t, run, 2, index.Entry{Hash: doc("b"), Key: half(keyOf(2)), Bytes: 9})
	journal := shardfile.In(nil, run, "").Journal
	writeJournal(t, journal("s00001"), outcome(0, "a", 1, 0, 1, quarry.ClassOK))
	writeJournal(t, journal("s00002"), outcome(0, "b", 2, 0, 1, quarry.ClassOK))
	remember := func(e *effect.Effects, shards ...answered.Sealed) (*answered.File, error) {
		t.Helper()
		f, err := answered.Open(run)
		must(t, err)
		if err := f.Remember(t.Context(), e, run, shards, index.Of(e, run, 0), []int{3}); err != nil {
			return nil, err
		}
		return answered.Open(run)
	}
	first, second := answered.Sealed{Shard: "s00001", Pass: 1}, answered.Sealed{Shard: "s00002", Pass: 2}
	f, err := remember(effect.New(nil), first)
	must(t, err)
	if got := all(t, f.Entries()); len(got) != 1 || !f.Has("s00001") || f.Has("s00002") {
		t.Errorf("after the first shard: %+v", got)
	}
	must(t, os.Remove(journal("s00001")))
	f, err = remember(effect.New(nil), first, second)
	must(t, err)
	if got := all(t, f.Entries()); len(got) != 2 || !f.Has("s00002") || f.HasKnown(3) {
		t.Errorf("after the second shard: %+v", got)
	}
	e := effect.New(nil)
	if _, err := remember(e, first, second); err != nil || len(e.Counts()) != 0 {
		t.Errorf("what is there was written again: %v, %v", e.Counts(), err)
	}
}
