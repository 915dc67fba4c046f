package run_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// outcomes gives all lines of the run's sealed journals.
func (w *world) outcomes(t *testing.T) (all []shardfile.Outcome) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.dir, "journal", "*.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.Count(filepath.Base(path), ".") > 2 { // the queue and the calls are next to it
			continue
		}
		for o, err := range lines.Read[shardfile.Outcome](path) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
		}
	}
	return all
}

// TestNoNumberOfAnAttemptComesAgain asks a document again and again, over several passes; with -full more often than a byte can count,
// which the tests of package index show for the files that keep the numbers.
func TestNoNumberOfAnAttemptComesAgain(t *testing.T) {
	t.Parallel()
	passes, attempts := 4, 5
	if *full {
		passes, attempts = 5, 70
	}
	w := newWorld(t, worldConfig{docs: `{"id":"a","title":"A","content":"Stone is cut from a hill."}` + "\n", fault: "record-error", quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
		c.Mode, c.Attempts, c.NoPilot = quarry.ModeOnDemand, attempts, true
	})})
	for pass := range passes {
		if _, _, err := w.run(t, nil); err != nil {
			t.Fatalf("pass %d: %v", pass+1, err)
		}
		w.auditClean(t)
	}
	times, last := map[quarry.RecordID]int{}, 0
	for _, o := range w.outcomes(t) {
		times[o.RecordID]++
		last = max(last, o.RecordID.Attempt())
	}
	if want := passes * attempts; last != want || len(times) != want {
		t.Errorf("%d recordIds up to attempt %d, want %d", len(times), last, want)
	}
	for id, n := range times {
		if n > 1 {
			t.Errorf("%s was asked %d times", id, n)
		}
	}
}

// TestGivingUpWaitsForAnOpenJob changes the settings while a job is open, and dies at every moment of what follows.
func TestGivingUpWaitsForAnOpenJob(t *testing.T) {
	t.Parallel()
	tried := 0
	for n := 4; ; n += 9 {
		settings := "x"
		w := newWorld(t, worldConfig{docs: someDocs(7), quotas: oneIsEnoughQuotas, delay: 30 * time.Millisecond, cfg: oneIsEnough(func(c *run.Config) {
			c.Settings, c.NoPilot = settings, true
		})})
		if _, _, err := w.run(t, dieAfterJob(1)); err == nil {
			t.Fatal("it did not die after its first job")
		}
		settings = "y"
		_, _, died := w.run(t, dieAt(effect.SQL, n, effect.After))
		settings = "x" // and back, before the first pass is given up for good
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatalf("commit %d: %v", n, err)
		}
		if out.Totals.OK != 8 {
			t.Errorf("commit %d: %d documents are ok, want 8", n, out.Totals.OK)
		}
		w.auditClean(t)
		w.answeredOnce(t, fmt.Sprintf("commit %d", n))
		if err := w.server.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if died == nil {
			break
		}
		tried++
	}
	if tried < 3 {
		t.Errorf("it died %d times while giving up, want at least 3", tried)
	}
}

// TestGivingUpKeepsHalfMadeCalls changes the settings after a process died between on-demand calls, some answered and one without its
// reply.
func TestGivingUpKeepsHalfMadeCalls(t *testing.T) {
	t.Parallel()
	for calls := 1; calls <= 5; calls += 2 {
		settings := "x"
		w := newWorld(t, worldConfig{docs: someDocs(7), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
			c.Settings, c.NoPilot, c.Mode, c.Concurrency = settings, true, quarry.ModeOnDemand, 1
		})})
		var made atomic.Int64
		var dead atomic.Bool
		_, _, err := w.run(t, func(p effect.Point) error {
			if p.When == effect.After && strings.HasSuffix(p.What, "/invoke") && made.Add(1) == int64(calls) {
				dead.Store(true) // the answer came, and it was not written down
			}
			if dead.Load() {
				return errDied
			}
			return nil
		})
		if err == nil {
			t.Fatal("it did not die")
		}
		settings = "y"
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatalf("call %d: other settings: %v", calls, err)
		}
		if out.Totals.OK != 8 {
			t.Errorf("call %d: %d documents are ok, want 8", calls, out.Totals.OK)
		}
		w.auditClean(t)
		maybe := map[string]bool{}
		for _, f := range w.auditedAsChanged(t).Found {
			if f.List == "maybe_paid_twice" {
				maybe[string(f.RecordID.Again(0))] = true
			}
		}
		by := map[quarry.RecordID]int64{}
		for id, n := range w.bill(t) {
			by[quarry.RecordID(id).Again(0)] += n
		}
		twice := 0
		for record, n := range by {
			if n < 2 {
				continue
			}
			twice++
			if n > 2 || !maybe[string(record)] {
				t.Errorf("call %d: %s was answered %d times, and audit has it as maybe paid twice: %t", calls, record, n, maybe[string(record)])
			}
		}
		if twice > 1 {
			t.Errorf("call %d: %d records were answered twice, want no more than the call that lost its reply", calls, twice)
		}
	}
}
