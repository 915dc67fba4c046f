package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/outcome/audit"
	"quarry/internal/run"
	"quarry/internal/run/adopt"
)

// oneIsEnough sets the minimum of a job to one record, so that no on-demand call is made: the provider keeps no list of those.
func oneIsEnough(more func(*run.Config)) func(*run.Config) {
	return func(c *run.Config) {
		c.Quotas.MinRecords = 1
		c.ListLag = time.Nanosecond
		if more != nil {
			more(c)
		}
	}
}

const oneIsEnoughQuotas = `{"*":{"min_records":1,"records_per_job":4,"records_per_file":4}}`

// home takes the run over into an empty directory and collects what was paid for. ok is false if the bucket has nothing of the
// run.
func (w *world) home(t *testing.T, id quarry.RunID) (found adopt.Adopted, h run.Collected, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, end, err := w.wire(ctx, t, effect.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	found, err = r.Adopt(ctx, id)
	if errors.Is(err, bucket.ErrNoObject) {
		return found, h, false
	}
	if err != nil {
		t.Fatalf("adopt: %v", err)
	}
	h, err = r.Collect(ctx, true)
	if err != nil {
		t.Fatalf("collect: %v", err)
	}
	if err := errors.Join(h.Errors...); err != nil {
		t.Fatalf("collect: %v", err)
	}
	return found, h, true
}

// runID reads the run's id from its directory, before that is lost.
func (w *world) runID(t *testing.T) quarry.RunID {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	facts, err := book.Facts(t.Context(), "run")
	if err != nil {
		return "" // it died before there were tables
	}
	return quarry.RunID(facts["run"])
}

func (w *world) audit(t *testing.T) {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	cfg, _, err := compose.Audit(t.Context(), w.dir, book)
	if err != nil {
		t.Fatal(err)
	}
	out, err := audit.Run(t.Context(), cfg)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	if !out.Clean() || !out.Ended {
		b, _ := json.MarshalIndent(&out, "", " ")
		t.Errorf("audit: %s", b)
	}
}

// TestAdoptAfterTheDirectoryIsLost kills a run at sampled points, deletes all that it had on its disk, takes it over with its
// id and its bucket, and names the sources again.
func TestAdoptAfterTheDirectoryIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  worldConfig
		same bool // the results are those of a run that never died
		step int  // requests between two sampled points
	}{
		"jobs": {worldConfig{docs: someDocs(13), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(nil)}, true, 29},
		"retries": {worldConfig{
			docs: someDocs(13), quotas: oneIsEnoughQuotas, fault: "record-error=0.3,bad-json=0.2,drop-record=0.2,seed=7", cfg: oneIsEnough(untilAnswered(nil)),
		}, false, 61},
		"late jobs": {worldConfig{docs: someDocs(13), quotas: oneIsEnoughQuotas, fault: "lost-create,late-job,double-page", cfg: oneIsEnough(nil)}, true, 61},
		"cut short": {worldConfig{
			docs: someDocs(13), quotas: oneIsEnoughQuotas, fault: "partial=0.5,expire=0.2,seed=4", cfg: oneIsEnough(untilAnswered(nil)),
		}, false, 61},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reference := newWorld(t, c.cfg)
			if _, _, err := reference.run(t, nil); err != nil {
				t.Fatal(err)
			}
			_, want := reference.results(t)
			step := c.step
			if *full {
				step = 1
			}
			adopted, jobs, ended := 0, 0, false
			for n := 1; !ended; n += step {
				w := newWorld(t, c.cfg)
				_, _, err := w.run(t, dieAt(effect.HTTP, n, effect.After))
				ended = err == nil
				id := w.runID(t)
				if err := os.RemoveAll(w.dir); err != nil {
					t.Fatal(err)
				}
				if id != "" {
					found, home, ok := w.home(t, id)
					if !ok {
						id = ""
					} else {
						if !home.Done {
							t.Errorf("effect %d: not done after all jobs ended: %+v", n, home)
						}
						w.audit(t)
						adopted++
						jobs += found.Jobs
					}
				}
				if _, _, err := w.run(t, nil); err != nil {
					t.Fatalf("effect %d: go on with the sources: %v", n, err)
				}
				if id != "" && w.runID(t) != id {
					t.Errorf("effect %d: the run is %s, want %s", n, w.runID(t), id)
				}
				w.audit(t)
				results, text := w.results(t)
				if c.same && text != want {
					t.Errorf("effect %d: results differ from a run that never died:\n%s\nwant\n%s", n, text, want)
				}
				if len(results) != 15 {
					t.Errorf("effect %d: %d results, want 15", n, len(results))
				}
				good := map[string]int64{}
				for record, answered := range w.bill(t) {
					if answered > 1 {
						t.Errorf("effect %d: record %s was answered and billed %d times", n, record, answered)
					}
					good[record] = answered
				}
				for docID, r := range results {
					if r.Status != quarry.StatusSkipped && r.SameAs == "" && good[string(r.RecordID)] != 1 {
						t.Errorf("effect %d: document %s has status %s by record %s, which was answered %d times", n, docID, r.Status, r.RecordID, good[string(r.RecordID)])
					}
				}
				if c.same && len(good) != 13 {
					t.Errorf("effect %d: %d records were answered, want 13", n, len(good))
				}
				if err := w.server.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			t.Logf("taken over %d times, with %d jobs", adopted, jobs)
			if adopted == 0 || jobs == 0 {
				t.Errorf("taken over %d times with %d jobs: nothing was tested", adopted, jobs)
			}
		})
	}
}

// TestAdoptLooksTwice dies right after the first Create, whose job the provider's list does not show at once.
func TestAdoptLooksTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), quotas: oneIsEnoughQuotas, fault: "late-job", cfg: oneIsEnough(nil)})
	dead := atomic.Bool{}
	_, _, err := w.run(t, func(p effect.Point) error {
		if p.When == effect.After && strings.HasPrefix(p.What, "POST ") && strings.HasSuffix(p.What, "/model-invocation-job") {
			dead.Store(true)
		}
		if dead.Load() {
			return errDied
		}
		return nil
	})
	if !errors.Is(err, errDied) {
		t.Fatalf("the run ended with %v, want its death", err)
	}
	id := w.runID(t)
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	found, home, ok := w.home(t, id)
	if !ok || found.Jobs != 1 || len(found.Unsent) != 0 || home.Totals.Total != 3 {
		t.Errorf("taken over: %v, %+v with %d documents, want one job with 3", ok, found, home.Totals.Total)
	}
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	for record, answered := range w.bill(t) {
		if answered > 1 {
			t.Errorf("record %s was answered and billed %d times", record, answered)
		}
	}
}
