package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

func TestAClosedEngineContinuesWhenItIsOpenedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []quarry.JobStatus{quarry.JobSubmitted, quarry.JobValidating, quarry.JobScheduled, quarry.JobInProgress, quarry.JobStopping} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			sent := map[string]int{}
			count := func(ctx context.Context, r model.Request) (model.Response, error) {
				reply, err := paced(time.Second)(ctx, r)
				if err == nil {
					sent[r.RecordID]++ // one at a time: there is one slot
				}
				return reply, err
			}
			inBubble(t, func(c *worker.Config) { c.Concurrency = 1; c.Model = answerer(count) }, func(t *testing.T, w *world) {
				w.put("in/a.jsonl", records(6)...)
				w.put("in/b.jsonl", records(4)...)
				j := w.create(spec("in/"))
				end := quarry.JobCompleted
				if status == quarry.JobStopping {
					w.until(j.ID, quarry.JobInProgress)
					time.Sleep(7500 * time.Millisecond)
					if _, err := w.engine.Stop(t.Context(), place, j.ID); err != nil {
						t.Fatal(err)
					}
					end = quarry.JobStopped
				}
				w.until(j.ID, status)
				if status == quarry.JobInProgress {
					time.Sleep(7500 * time.Millisecond)
				}
				before := w.job(j.ID).Counts
				w.close()
				w.open()
				if after := w.job(j.ID).Counts; after != before {
					t.Errorf("counters %+v, after opening again %+v", before, after)
				}
				j = w.until(j.ID, end)
				want := int64(10)
				if end == quarry.JobStopped {
					want = 7
				}
				if j.Counts.Success != want || int64(len(w.lines(j, "a.jsonl.out"))+len(w.lines(j, "b.jsonl.out"))) != want {
					t.Errorf("%+v, %d and %d lines", j.Counts, len(w.lines(j, "a.jsonl.out")), len(w.lines(j, "b.jsonl.out")))
				}
				for id, n := range sent {
					if (id < "r4" && n != 2 || id >= "r4" && n != 1) && end == quarry.JobCompleted {
						t.Errorf("%s was sent %d times", id, n) // the files share the ids r0 to r3
					}
				}
			})
		})
	}
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	deaf := func(ctx context.Context, r model.Request) (model.Response, error) {
		<-release
		return echo(ctx, r)
	}
	inBubble(t, func(c *worker.Config) { release = make(chan struct{}); c.Model = answerer(deaf) }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobInProgress)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.engine.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		close(release)
		w.close()
		w.open()
		if j = w.until(j.ID, quarry.JobCompleted); j.Counts.Success != 3 {
			t.Errorf("%+v", j.Counts)
		}
	})
}

func TestOneFileOfAJobAppearsBeforeTheNext(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *worker.Config) { c.Concurrency = 1; c.Model = paced(time.Second) }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(5)...)
		w.put("in/b.jsonl", records(5)...)
		j := w.until(w.create(spec("in/")).ID, quarry.JobInProgress)
		time.Sleep(7 * time.Second)
		if keys := w.keys("out/"); len(keys) != 1 || keys[0] != "out/"+j.ID+"/a.jsonl.out" {
			t.Errorf("in the middle there is %v", keys)
		}
		w.until(j.ID, quarry.JobCompleted)
		if keys := w.keys("out/"); len(keys) != 3 {
			t.Errorf("at the end there is %v", keys)
		}
	})
}
