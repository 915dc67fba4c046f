package records_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
	"quarry/internal/ui/records"
)

// seal writes the journal of a shard of pass 1 with an outcome for each order, and its row.
func (w *world) seal(id quarry.ShardID, seq int64, outcomes ...shardfile.Outcome) {
	files := shardfile.In(w.e, w.dir, "")
	w.must(w.e.MkdirAll(filepath.Join(w.dir, "journal")))
	f, err := atomicfile.CreateZstd(w.e, files.Journal(id))
	w.must(err)
	for i := range outcomes {
		w.must(lines.Write(f, &outcomes[i]))
	}
	w.must(f.Commit())
	row := ledger.Shard{ID: id, Seq: seq, Kind: quarry.MainShard, State: quarry.ShardDone}
	row.Pass, row.Records, row.Attempt, row.Times.Collected, row.Last = 1, int64(len(outcomes)), 1, time.Now(), 1<<30
	w.ledger(func(l *ledger.Ledger) { w.must(l.AddShards(w.t.Context(), []ledger.Shard{row}, nil, nil)) })
}

func outcome(order int64, d *doc, attempt int) shardfile.Outcome {
	o := shardfile.Outcome{Order: order, RecordID: quarry.RecordID(fmt.Sprintf("%s-0123456789ab-a%d", d.ID, attempt)), Class: quarry.ClassOK, Result: d.result}
	o.Result.RecordID, o.Result.Attempts = o.RecordID, attempt
	return o
}

// TestRecordsArriveWhileTheRunIsUnderWay takes in one journal after the other, and then the results.
func TestRecordsArriveWhileTheRunIsUnderWay(t *testing.T) {
	t.Parallel()
	docs := numbered(6)
	each := func(i int) *doc { return &docs[i] }
	w := newWorld(t)
	w.writeSource(len(docs), each)
	orders := w.plan(1)
	s := w.store(w.config())
	if p := w.page(s, records.Query{}); len(p.Rows) != 0 || p.Progress.Complete || !p.Progress.Live {
		t.Fatalf("a run without answers has %+v", p)
	}
	bad := outcome(2, &docs[2], 1)
	bad.Class, bad.Left, bad.Result.Status, bad.Result.Output, bad.Result.Text = quarry.ClassNotJSON, true, quarry.StatusInvalid, nil, "gibberish"
	bad.Result.Error = &quarry.ResultError{Kind: "not_json", Message: "no JSON"}
	w.seal("s00001", 1, outcome(0, &docs[0], 1), outcome(1, &docs[1], 1), bad)
	w.must(s.Update(t.Context()))
	p := w.page(s, records.Query{})
	if got := ids(p); !slices.Equal(got, []string{"d0", "d1", "d2"}) || p.Rows[2].Class != "not_json" || p.Progress.Done != 3 || p.Progress.Total != 6 {
		t.Fatalf("after the first shard: %v, %+v", got, p.Progress)
	}
	for query, want := range map[string][]string{"gibberish": {"d2"}, "body": {"d0", "d1", "d2"}, `"document 1"`: {"d1"}, "answer": {"d0", "d1"}} {
		if got := ids(w.page(s, records.Query{Text: query})); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	w.seal("r00001", 2, outcome(2, &docs[2], 2))
	w.must(s.Update(t.Context()))
	r, err := s.Record(t.Context(), "d2")
	if err != nil || r.Status != quarry.StatusOK || r.Result.Attempts != 2 || *r.Cost != 2*(*docs[2].result.CostUSD) {
		t.Fatalf("after its second attempt: %+v, %v", r, err)
	}
	if got := ids(w.page(s, records.Query{Text: "gibberish"})); got != nil {
		t.Errorf("a bad answer is found after a good one came: %v", got)
	}
	docs[4].none = true
	w.finish(1, orders, each)
	w.must(s.Update(t.Context()))
	p = w.page(s, records.Query{Text: "body"})
	if got := ids(p); !slices.Equal(got, []string{"d0", "d1", "d2", "d3", "d5"}) || !p.Progress.Complete || p.Progress.Live || p.Progress.Done != 5 {
		t.Errorf("at the end: %v, %+v", got, p.Progress)
	}
}

func TestALaterPassTakesThePlaceOfTheOneBefore(t *testing.T) {
	t.Parallel()
	docs := numbered(3)
	w := newWorld(t)
	w.run(docs)
	s := w.store(w.config())
	first := w.config()
	first.Pass = 1
	one := w.store(first)
	docs = numbered(4)
	docs[0].result = answered("d0", "Title 0", "another answer")
	each := func(i int) *doc { return &docs[i] }
	w.writeSource(4, each)
	w.finish(2, w.plan(2), each)
	w.must(s.Update(t.Context()))
	w.must(one.Update(t.Context()))
	if got := ids(w.page(s, records.Query{Text: "answer"})); len(got) != 4 {
		t.Errorf("the second pass has %v", got)
	}
	if got := ids(w.page(one, records.Query{Text: "answer"})); len(got) != 3 {
		t.Errorf("the first pass has %v", got)
	}
	if got, err := s.Passes(t.Context()); err != nil || !slices.Equal(got, []int{2, 1}) {
		t.Errorf("passes %v, %v", got, err)
	}
	c, err := records.Compare(t.Context(), one, s, &records.Query{}, true)
	if err != nil || len(c.Pairs) != 1 || c.Pairs[0].A.ID != "d0" {
		t.Errorf("the passes differ in %+v, %v", c.Pairs, err)
	}
	w.must(os.RemoveAll(filepath.Join(w.dir, "index", "0001")))
	w.must(s.Update(t.Context()))
	w.must(one.Update(t.Context()))
	if p := w.page(one, records.Query{}); len(p.Rows) != 0 || p.Progress.Pass != 0 {
		t.Errorf("a pass whose results are gone has %+v", p)
	}
}

var errDied = errors.New("died")

// TestAnIndexThatWasInterruptedGoesOn dies at every effect of making an index, and opens it again.
func TestAnIndexThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	w, _, all := randomWorld(t, 300)
	for n := int64(1); ; n++ {
		for _, when := range []effect.When{effect.Before, effect.After} {
			cfg := w.config()
			cfg.Effects = effect.New(func(p effect.Point) error {
				if p.N == n && p.When == when {
					return errDied
				}
				return nil
			})
			s, err := records.Open(t.Context(), cfg)
			if err == nil {
				err = errors.Join(s.Update(t.Context()), s.Close())
			}
			if err == nil && when == effect.Before {
				return
			}
			if err != nil && !errors.Is(err, errDied) {
				t.Fatalf("effect %d: %v", n, err)
			}
			s = w.store(w.config())
			if p := w.page(s, records.Query{Limit: 1000}); len(p.Rows) != len(all) || !p.Progress.Complete {
				t.Fatalf("died %s effect %d: %d records of %d, %+v", when, n, len(p.Rows), len(all), p.Progress)
			}
			w.must(s.Close())
			w.must(os.Remove(filepath.Join(w.dir, records.File)))
		}
	}
}

func TestADamagedIndexIsMadeAgain(t *testing.T) {
	t.Parallel()
	w, _, all := randomWorld(t, 400)
	path := filepath.Join(w.dir, records.File)
	s := w.store(w.config())
	w.must(s.Close())
	good, err := os.ReadFile(path)
	w.must(err)
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 30 {
		bad := slices.Clone(good)
		switch n {
		case 0:
			bad = nil
		case 1:
			bad = []byte("no database at all, and long enough to be looked at")
		case 2:
			bad = bad[:len(bad)/2]
		default:
			for range 1 + r.IntN(3) {
				at := r.IntN(len(bad) / 4096)
				for i := range 4096 {
					bad[4096*at+i] = byte(r.Uint32())
				}
			}
		}
		w.must(os.WriteFile(path, bad, 0o600))
		s, err := records.Open(t.Context(), w.config())
		w.must(err)
		var p records.Page
		for range 3 { // what is damaged is found when it is read
			w.must(s.Update(t.Context()))
			if p, err = s.Page(t.Context(), &records.Query{Limit: 1000}); err == nil {
				_, err = s.Page(t.Context(), &records.Query{Text: "cat", Limit: 1000})
			}
			if err == nil {
				break
			}
		}
		if err != nil || len(p.Rows) != len(all) {
			t.Errorf("damage %d: %d records of %d, %v", n, len(p.Rows), len(all), err)
		}
		w.must(s.Close())
		for _, end := range []string{"-wal", "-shm"} {
			_ = os.Remove(path + end)
		}
	}
}

// TestSeveralProcessesMakeOneIndex opens the index several times at once; one of them starts late, when its file was removed.
func TestSeveralProcessesMakeOneIndex(t *testing.T) {
	t.Parallel()
	w, _, all := randomWorld(t, 2000)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			s, err := records.Open(t.Context(), w.config())
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			for n := range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20*(i+1))*time.Millisecond)
				err := s.Update(ctx)
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if _, err := s.Page(t.Context(), &records.Query{Text: "cat"}); err != nil && n < 2 {
					t.Error(err)
				}
				if i == 0 && n == 2 {
					if err := os.Remove(filepath.Join(w.dir, records.File)); err != nil {
						t.Error(err)
					}
				}
			}
			var p records.Page
			for range 4 { // the others may be removing what is left of the old one
				if err = s.Update(t.Context()); err == nil {
					p, err = s.Page(t.Context(), &records.Query{Limit: 5000})
				}
				if err == nil {
					break
				}
			}
			if err != nil || len(p.Rows) != len(all) {
				t.Errorf("%d records of %d, %v", len(p.Rows), len(all), err)
			}
		})
	}
	group.Wait()
}

func TestADirectoryThatCannotBeWrittenIsIndexedElsewhere(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	w := newWorld(t)
	w.run(numbered(3))
	w.must(os.Chmod(w.dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(w.dir, 0o700) })
	s := w.store(w.config())
	if p := w.page(s, records.Query{Text: "body"}); len(p.Rows) != 3 {
		t.Errorf("%d records", len(p.Rows))
	}
}
