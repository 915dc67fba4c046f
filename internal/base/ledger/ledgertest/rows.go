package ledgertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

// at is a time of these tests: so many seconds after an hour that means nothing.
func at(seconds int) time.Time {
	return time.UnixMilli(1_700_000_000_000).Add(time.Duration(seconds) * time.Second)
}

// book is a ledger of one test, with what its calls need.
type book struct {
	*ledger.Ledger
	t     *testing.T
	opens Open
	taken []quarry.ShardID // in hand
}

func newBook(t *testing.T, fresh Fresh, rows ...ledger.Shard) *book {
	t.Helper()
	b := &book{t: t, opens: fresh(t)}
	b.open(nil)
	t.Cleanup(func() { _ = b.Close() })
	b.must(b.AddShards(t.Context(), rows, nil, nil))
	return b
}

func (b *book) open(hook effect.Hook) {
	b.t.Helper()
	l, err := b.opens(hook)
	b.must(err)
	b.Ledger = l
}

func (b *book) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// again closes the ledger and opens it, as the next process does.
func (b *book) again() {
	b.t.Helper()
	b.must(b.Close())
	b.open(nil)
	b.taken = nil
}

// take gives the row that is due, and keeps it in hand until it is saved.
func (b *book) take(now time.Time) ledger.Shard {
	b.t.Helper()
	s, err := b.Next(b.t.Context(), now, b.taken...)
	b.must(err)
	b.taken = append(b.taken, s.ID)
	return s
}

func (b *book) save(s *ledger.Shard) {
	b.t.Helper()
	b.must(b.Save(b.t.Context(), s))
	b.taken = slices.DeleteFunc(b.taken, func(id quarry.ShardID) bool { return id == s.ID })
}

func (b *book) nothingDue(now time.Time, why string) {
	b.t.Helper()
	if s, err := b.Next(b.t.Context(), now, b.taken...); !errors.Is(err, ledger.ErrNothingDue) {
		b.t.Errorf("Next = shard %q, %v, want nothing due: %s", s.ID, err, why)
	}
}

func (b *book) ids() (list []string) {
	b.t.Helper()
	rows, err := b.Shards(b.t.Context())
	b.must(err)
	for i := range rows {
		list = append(list, string(rows[i].ID))
	}
	return list
}

// planned is a row of the rest, by its number.
func planned(seq int64) ledger.Shard {
	return ledger.Shard{ID: quarry.ShardID(fmt.Sprintf("s%05d", seq)), Seq: seq, Kind: quarry.MainShard, State: quarry.ShardPlanned, Mode: quarry.ModeJob}
}

func pilot(seq int64) ledger.Shard {
	s := planned(seq)
	s.ID, s.Kind = quarry.ShardID(fmt.Sprintf("p%05d", seq)), quarry.PilotShard
	return s
}

func rowsWaitUntilTheyAreReleased(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(3), pilot(1), planned(2))
	b.nothingDue(at(0), "no row was released")
	if _, ok, err := b.NextDue(t.Context()); ok || err != nil {
		t.Errorf("NextDue = %v, %v, want none: all are held", ok, err)
	}
	b.must(b.Release(t.Context(), at(0), 0, ""))
	b.nothingDue(at(0), "none of no rows were released")
	b.must(b.Release(t.Context(), at(0), 5, quarry.PilotShard))
	if s := b.take(at(0)); s.ID != "p00001" {
		t.Errorf("took %s, want the pilot's shard", s.ID)
	}
	b.must(b.Release(t.Context(), at(0), 1, ""))
	if s := b.take(at(0)); s.ID != "s00002" {
		t.Errorf("took %s, want the one with the lower number", s.ID)
	}
	b.nothingDue(at(0), "one of two was released")
	c, err := b.Count(t.Context(), "")
	b.must(err)
	if c.Total() != 3 || c.Held != 1 || c.Unfinished() != 2 {
		t.Errorf("Count = %d rows, %d held, %d unfinished, want 3, 1 and 2", c.Total(), c.Held, c.Unfinished())
	}
	if c, err := b.Count(t.Context(), quarry.PilotShard); err != nil || c.Total() != 1 || c.States[quarry.ShardPlanned] != 1 {
		t.Errorf("Count of the pilot = %+v, %v, want one planned", c, err)
	}
}

func theRowThatIsDueLongestComesFirst(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2), planned(3))
	b.must(b.Release(t.Context(), at(0), 3, ""))
	for i, due := range []int{30, 10, 20} {
		s := b.take(at(0))
		if want := planned(int64(i + 1)).ID; s.ID != want {
			t.Fatalf("took %s, want %s: where rows are due at once, the lower number comes first", s.ID, want)
		}
		s.Due = at(due)
		b.save(&s)
	}
	b.nothingDue(at(9), "the first is due at 10")
	if due, ok, err := b.NextDue(t.Context()); !ok || err != nil || !due.Equal(at(10)) {
		t.Errorf("NextDue = %s, %v, %v, want 10 s", due, ok, err)
	}
	var got []string
	for range 3 {
		s := b.take(at(40))
		got = append(got, string(s.ID))
	}
	if want := []string{"s00002", "s00003", "s00001"}; !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

func aSavedRowIsWhatTheNextProcessReads(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1))
	b.must(b.Release(t.Context(), at(0), 1, ""))
	s := b.take(at(0))
	s.State, s.Mode, s.Due = quarry.ShardIntended, quarry.ModeOnDemand, at(70)
	s.Records, s.Bytes, s.Digest, s.Attempt = 12, 3456, "abc", 2
	s.Intent = ledger.Intent{JobName: "quarry-x-s00001-a2", Token: "t", Body: []byte(`{"a":1}`)}
	s.Tally = ledger.Tally{OK: 5, Left: 7, Usage: quarry.Usage{InputTokens: 9}, Classes: map[quarry.Class]int64{quarry.ClassTruncated: 7}}
	b.save(&s)
	b.again()
	got, err := b.Shard(t.Context(), "s00001")
	b.must(err)
	if got.State != s.State || got.Mode != s.Mode || !got.Due.Equal(s.Due) || got.Records != 12 || got.Bytes != 3456 || got.Digest != "abc" || got.Attempt != 2 ||
		got.Intent.Token != "t" || string(got.Intent.Body) != `{"a":1}` || got.Tally.OK != 5 || got.Tally.Classes[quarry.ClassTruncated] != 7 {
		t.Errorf("read %+v, want %+v", got, s)
	}
	if _, err := b.Shard(t.Context(), "s00009"); !errors.Is(err, ledger.ErrNoShard) {
		t.Errorf("Shard of another id = %v, want ErrNoShard", err)
	}
}

func aDoneRowIsNotTakenAndNotReleased(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2))
	b.must(b.Release(t.Context(), at(0), 1, ""))
	s := b.take(at(0))
	s.State, s.Due = quarry.ShardDone, at(0)
	b.save(&s)
	b.nothingDue(at(100), "one is done, one is held")
	b.must(b.Resume(t.Context(), at(100)))
	b.nothingDue(at(100), "to resume releases nothing")
	if n, err := b.Hasten(t.Context(), at(1), at(2)); n != 0 || err != nil {
		t.Errorf("Hasten = %d, %v, want none: held rows are not late", n, err)
	}
	b.must(b.Release(t.Context(), at(100), 5, ""))
	if s := b.take(at(100)); s.ID != "s00002" {
		t.Errorf("took %s, want s00002", s.ID)
	}
	if c, err := b.Count(t.Context(), ""); err != nil || c.Unfinished() != 1 || c.States[quarry.ShardDone] != 1 {
		t.Errorf("Count = %+v, %v, want one done and one unfinished", c, err)
	}
	last, err := b.Shard(t.Context(), "s00002")
	b.must(err)
	last.State = quarry.ShardDone
	b.save(&last)
	if due, ok, err := b.NextDue(t.Context()); ok || err != nil {
		t.Errorf("NextDue = %s, %v, %v, want none: all are done", due, ok, err)
	}
}

func aNewProcessNeedNotWait(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2))
	b.must(b.Release(t.Context(), at(0), 2, ""))
	b.take(at(0)) // and the process dies
	s := b.take(at(0))
	s.Due = at(1000)
	b.save(&s)
	if due, ok, err := b.NextDue(t.Context(), b.taken...); !ok || err != nil || !due.Equal(at(1000)) {
		t.Errorf("NextDue = %s, %v, %v, want 1000 s: the other row is in hand", due, ok, err)
	}
	b.again()
	if s := b.take(at(1)); s.ID != "s00001" {
		t.Errorf("took %s, want the row that the dead process had in hand", s.ID)
	}
	b.nothingDue(at(1), "the other one is due later")
	b.must(b.Resume(t.Context(), at(1)))
	b.take(at(1))
}

func aRowThatIsNotThereIsNotSaved(t *testing.T, fresh Fresh) {
	b, s := newBook(t, fresh, planned(1)), planned(2)
	if err := b.Save(t.Context(), &s); !errors.Is(err, ledger.ErrNoShard) {
		t.Errorf("Save = %v, want ErrNoShard", err)
	}
	if err := b.Split(t.Context(), &s, []ledger.Shard{planned(3)}); !errors.Is(err, ledger.ErrNoShard) {
		t.Errorf("Split = %v, want ErrNoShard", err)
	}
	if got := b.ids(); !slices.Equal(got, []string{"s00001"}) {
		t.Errorf("rows %v, want no piece of a row that is not there", got)
	}
}

func aClockThatWasSetBackDelaysNothing(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2))
	b.must(b.Release(t.Context(), at(0), 2, ""))
	for _, due := range []int{100, 101} {
		s := b.take(at(0))
		s.Due = at(due)
		b.save(&s)
	}
	if n, err := b.Hasten(t.Context(), at(5), at(100)); n != 1 || err != nil {
		t.Errorf("Hasten = %d, %v, want the one that is due after the latest time", n, err)
	}
	if s := b.take(at(5)); s.ID != "s00002" {
		t.Errorf("took %s, want the hastened one", s.ID)
	}
	b.nothingDue(at(5), "the other one is due when it was")
}

func aPlanIsStoredWholeOrNotAtAll(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1))
	err := b.AddShards(t.Context(), []ledger.Shard{planned(2), planned(1)}, map[string]string{"planned.1": "x"}, nil)
	if err == nil {
		t.Error("a number was given twice")
	}
	if facts, err := b.Facts(t.Context(), "planned.1"); len(facts) > 0 || err != nil {
		t.Errorf("the fact of a plan that failed is there: %v, %v", facts, err)
	}
	if err := b.AddShards(t.Context(), []ledger.Shard{planned(3)}, nil, map[quarry.ShardID]quarry.ShardID{"s00099": "s00003"}); err == nil {
		t.Error("a row that is not there handed on its records")
	}
	if got := b.ids(); !slices.Equal(got, []string{"s00001"}) {
		t.Errorf("rows %v, want the first plan's", got)
	}
	b.must(b.AddShards(t.Context(), []ledger.Shard{planned(4)}, map[string]string{"planned.2": "y"}, map[quarry.ShardID]quarry.ShardID{"s00001": "s00004"}))
	if s, err := b.Shard(t.Context(), "s00001"); err != nil || s.HandsTo != "s00004" {
		t.Errorf("HandsTo = %q, %v, want s00004", s.HandsTo, err)
	}
}

func aSplitIsOneChange(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2))
	b.must(b.Release(t.Context(), at(0), 1, ""))
	s := b.take(at(0))
	s.Records = 3
	if err := b.Split(t.Context(), &s, []ledger.Shard{planned(3), planned(2)}); err == nil {
		t.Error("a split gave a number twice")
	}
	if kept, err := b.Shard(t.Context(), "s00001"); err != nil || kept.Records != 0 {
		t.Errorf("after a split that failed the row has %d records, %v, want what it had", kept.Records, err)
	}
	b.must(b.Split(t.Context(), &s, []ledger.Shard{planned(3)}))
	if kept, err := b.Shard(t.Context(), "s00001"); err != nil || kept.Records != 3 {
		t.Errorf("after a split the row has %d records, %v, want 3", kept.Records, err)
	}
	if got := b.ids(); !slices.Equal(got, []string{"s00001", "s00002", "s00003"}) {
		t.Errorf("rows %v", got)
	}
	c, err := b.Count(t.Context(), "")
	b.must(err)
	if c.Held != 2 {
		t.Errorf("%d rows are held, want the new one too", c.Held)
	}
}

func rowsAndFactsAreDroppedTogether(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh, planned(1), planned(2))
	b.must(b.SetFacts(t.Context(), map[string]string{"a": "1", "b": "2"}))
	rows, err := b.Shards(t.Context())
	b.must(err)
	b.must(b.Drop(t.Context(), rows[:1], map[string]string{"a": "", "b": "3"}))
	b.again()
	if got := b.ids(); !slices.Equal(got, []string{"s00002"}) {
		t.Errorf("rows %v, want the second alone", got)
	}
	if facts, err := b.Facts(t.Context(), "a", "b", "c"); err != nil || !maps.Equal(facts, map[string]string{"b": "3"}) {
		t.Errorf("facts = %v, %v, want b alone, 3", facts, err)
	}
}

func aStepIsSavedAndChanged(t *testing.T, fresh Fresh) {
	b := newBook(t, fresh)
	begun := ledger.Step{Name: "plan", Began: at(1), Ended: at(1)}
	b.must(b.SaveStep(t.Context(), begun))
	done := ledger.Step{Name: "plan", Finished: true, Began: at(1), Ended: at(9), Taken: 10, Done: 7, Failed: 2, Skipped: 1}
	b.must(b.SaveStep(t.Context(), done))
	b.again()
	steps, err := b.Steps(t.Context())
	b.must(err)
	if got := steps["plan"]; len(steps) != 1 || !got.Began.Equal(done.Began) || !got.Ended.Equal(done.Ended) || !got.Finished ||
		got.Taken != 10 || got.Done != 7 || got.Failed != 2 || got.Skipped != 1 {
		t.Errorf("Steps = %+v, want %+v", steps, done)
	}
}

// Every change is one effect: a process that dies at any of them leaves it whole or not at all.
func aChangeThatDiesIsWholeOrNotThere(t *testing.T, fresh Fresh) {
	died := errors.New("died")
	for _, when := range []effect.When{effect.Before, effect.After} {
		b := newBook(t, fresh, planned(1))
		b.must(b.Release(t.Context(), at(0), 1, ""))
		s := b.take(at(0))
		b.must(b.Close())
		opened := false
		b.open(func(p effect.Point) error {
			if opened && p.Kind == effect.SQL && p.When == when {
				return died
			}
			return nil
		})
		opened = true
		s.Records = 8
		if err := b.Split(t.Context(), &s, []ledger.Shard{planned(2)}); !errors.Is(err, died) {
			t.Fatalf("Split = %v, want a death", err)
		}
		b.again()
		got, err := b.Shard(t.Context(), "s00001")
		b.must(err)
		want, rows := int64(0), 1
		if when == effect.After {
			want, rows = 8, 2
		}
		if got.Records != want || len(b.ids()) != rows {
			t.Errorf("death %s: %d records and rows %v, want %d and %d", when, got.Records, b.ids(), want, rows)
		}
	}
}
