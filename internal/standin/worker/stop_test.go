package worker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

func paced(d time.Duration) answerer {
	return func(ctx context.Context, r model.Request) (model.Response, error) {
		select {
		case <-time.After(d):
			return echo(ctx, r)
		case <-ctx.Done():
			return model.Response{}, ctx.Err()
		}
	}
}

func TestStopKeepsWhatIsFinished(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *worker.Config) { c.Model = paced(time.Second); c.Concurrency = 4 }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(50)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobInProgress)
		time.Sleep(5*time.Second + 500*time.Millisecond)
		stopped, err := w.engine.Stop(t.Context(), place, j.ID)
		if err != nil || stopped.Status != quarry.JobStopping {
			t.Fatalf("%+v, %v", stopped, err)
		}
		if again, err := w.engine.Stop(t.Context(), place, j.ID); !errors.Is(err, worker.ErrNotStoppable) || again.Status != quarry.JobStopping {
			t.Errorf("a second stop: %v", err)
		}
		began := time.Now()
		j = w.until(j.ID, quarry.JobStopped)
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if j.Counts.Processed != 20 || j.Counts.Total != 50 || j.InputTokens != 200 {
			t.Errorf("counts %+v, tokens %d", j.Counts, j.InputTokens)
		}
		if got := len(w.lines(j, "a.jsonl.out")); got != 20 {
			t.Errorf("%d lines", got)
		}
		want := `{"totalRecordCount":50,"processedRecordCount":20,"successRecordCount":20,"errorRecordCount":0,"inputTokenCount":200,"outputTokenCount":20}`
		if got := w.get("out/" + j.ID + "/manifest.json.out"); got != want {
			t.Errorf("manifest %s", got)
		}
		if totals, err := w.engine.Totals(t.Context(), place.Account, ""); err != nil || totals.Answered != 20 {
			t.Errorf("totals %+v, %v", totals, err)
		}
		if _, err := w.engine.Stop(t.Context(), place, j.ID); !errors.Is(err, worker.ErrNotStoppable) {
			t.Errorf("a stop after the end: %v", err)
		}
	})
}

func TestStopBeforeTheStartLeavesNoOutput(t *testing.T) {
	t.Parallel()
	for _, status := range []quarry.JobStatus{quarry.JobSubmitted, quarry.JobValidating, quarry.JobScheduled} {
		inBubble(t, nil, func(t *testing.T, w *world) {
			w.put("in/a.jsonl", records(5)...)
			j := w.until(w.create(spec("in/a.jsonl")).ID, status)
			if _, err := w.engine.Stop(t.Context(), place, j.ID); err != nil {
				t.Fatal(err)
			}
			if j = w.until(j.ID, quarry.JobStopped); len(w.keys("out/")) != 0 || j.Counts != (quarry.JobCounts{}) {
				t.Errorf("stopped while %s: %v, %+v", status, w.keys("out/"), j.Counts)
			}
		})
	}
}

func TestAStopAndAnEndNeverOverwriteOneAnother(t *testing.T) {
	t.Parallel()
	ends := map[quarry.JobStatus]int{}
	for at := range 40 {
		inBubble(t, func(c *worker.Config) {
			c.StateDelay = time.Nanosecond
			c.Concurrency = 1
			c.Model = paced(time.Microsecond)
		}, func(t *testing.T, w *world) {
			w.put("in/a.jsonl", records(20)...)
			j := w.create(spec("in/a.jsonl"))
			var stops sync.WaitGroup
			stopped := make([]bool, 3)
			for i := range stopped {
				stops.Go(func() {
					time.Sleep(time.Duration(at) * time.Microsecond)
					_, err := w.engine.Stop(t.Context(), place, j.ID)
					if err != nil && !errors.Is(err, worker.ErrNotStoppable) {
						t.Error(err)
					}
					stopped[i] = err == nil
				})
			}
			stops.Wait()
			time.Sleep(time.Minute)
			j = w.job(j.ID)
			accepted := 0
			for _, s := range stopped {
				if s {
					accepted++
				}
			}
			switch {
			case j.Status == quarry.JobStopped && accepted == 1:
			case j.Status == quarry.JobCompleted && accepted == 0:
			default:
				t.Errorf("stop at %dµs: %s (%s) with %d stops accepted", at, j.Status, j.Message, accepted)
			}
			if j.Begun && int64(len(w.lines(j, "a.jsonl.out"))) != j.Counts.Processed {
				t.Errorf("stop at %dµs: %d lines, counts %+v", at, len(w.lines(j, "a.jsonl.out")), j.Counts)
			}
			ends[j.Status]++
		})
	}
	if len(ends) != 2 {
		t.Errorf("the race went one way only: %v", ends)
	}
}

func TestJobsShareTheEngineFairly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *worker.Config) { c.Model = paced(time.Second); c.Concurrency = 8 }, func(t *testing.T, w *world) {
		w.put("in/large.jsonl", records(800)...)
		w.put("in/small.jsonl", records(40)...)
		large := w.until(w.create(spec("in/large.jsonl")).ID, quarry.JobInProgress)
		time.Sleep(10 * time.Second)
		small := w.until(w.create(spec("in/small.jsonl")).ID, quarry.JobInProgress)
		before := w.job(large.ID).Counts.Processed
		began := time.Now()
		w.until(small.ID, quarry.JobCompleted)
		// Half of eight slots for forty records of a second.
		if took := time.Since(began); took < 9*time.Second || took > 12*time.Second {
			t.Errorf("the small job took %v", took)
		}
		if meanwhile := w.job(large.ID).Counts.Processed - before; meanwhile < 36 || meanwhile > 56 {
			t.Errorf("the large job got %d records done meanwhile", meanwhile)
		}
		if _, err := w.engine.Stop(t.Context(), place, large.ID); err != nil {
			t.Fatal(err)
		}
		w.until(large.ID, quarry.JobStopped)
	})
}
