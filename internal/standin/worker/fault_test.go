package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/worker"
)

// withFaults runs a job of n records with faults, as the server's or as the job's tag.
func withFaults(t *testing.T, fault string, byTag bool, n int, test func(t *testing.T, w *world, j worker.Job)) {
	t.Helper()
	set, err := faults.Parse(fault)
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(c *worker.Config) {
		if !byTag {
			c.Faults = func() faults.Set { return set }
		}
	}, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(n)...)
		s := spec("in/a.jsonl")
		if byTag {
			s.Tags = map[string]string{faults.Tag: fault}
		}
		j := w.create(s)
		for !w.job(j.ID).Status.Terminal() {
			time.Sleep(time.Millisecond)
		}
		test(t, w, w.job(j.ID))
	})
}

func TestFaultsOnRecords(t *testing.T) {
	t.Parallel()
	for _, byTag := range []bool{false, true} {
		withFaults(t, "record-error=0.2,drop-record=0.2,duplicate-record=0.2,bad-json=0.2,truncate=0.2,seed=7", byTag, 400, func(t *testing.T, w *world, j worker.Job) {
			set, err := faults.Parse("record-error=0.2,drop-record=0.2,duplicate-record=0.2,bad-json=0.2,truncate=0.2,seed=7")
			if err != nil {
				t.Fatal(err)
			}
			lines := map[string][]string{}
			for _, l := range w.lines(j, "a.jsonl.out") {
				id := ids(t, []string{l})[0]
				lines[id] = append(lines[id], l)
			}
			for i := range 400 {
				id := fmt.Sprint("r", i)
				failed := set.Hits(faults.RecordError, id)
				want := 1
				if !failed && set.Hits(faults.DuplicateRecord, id) {
					want = 2
				}
				if !failed && set.Hits(faults.DropRecord, id) {
					want = 0
				}
				if len(lines[id]) != want {
					t.Errorf("%s has %d lines, want %d", id, len(lines[id]), want)
				}
				for _, l := range lines[id] {
					if failed != strings.Contains(l, `"error":{"errorCode":500,`) {
						t.Errorf("%s: %s", id, l)
					}
					if cut := !failed && set.Hits(faults.Truncate, id); cut != strings.Contains(l, `"max_tokens"`) {
						t.Errorf("%s, cut %v: %s", id, cut, l)
					}
				}
			}
			billed := 0
			for b, err := range w.engine.Bill(t.Context(), place.Account, j.ARN()) {
				if err != nil {
					t.Fatal(err)
				}
				if b.Answered != 1 || set.Hits(faults.RecordError, b.RecordID) {
					t.Errorf("bill %+v", b)
				}
				billed++
			}
			if int64(billed) != j.Counts.Success || j.Counts.Success+j.Counts.Error != 400 {
				t.Errorf("%d billed, counts %+v", billed, j.Counts)
			}
		})
	}
}

func TestFaultsOnJobs(t *testing.T) {
	t.Parallel()
	withFaults(t, "partial", true, 50, func(t *testing.T, w *world, j worker.Job) {
		n := int(j.Counts.Processed)
		if j.Status != quarry.JobPartiallyCompleted || n == 0 || n == 50 || len(w.lines(j, "a.jsonl.out")) != n {
			t.Errorf("partial: %+v", j)
		}
	})
	withFaults(t, "fail-job", true, 50, func(t *testing.T, w *world, j worker.Job) {
		if j.Status != quarry.JobFailed || j.Message == "" || len(w.lines(j, "a.jsonl.out")) != int(j.Counts.Processed) {
			t.Errorf("fail-job: %+v", j)
		}
	})
	withFaults(t, "expire", true, 50, func(t *testing.T, w *world, j worker.Job) {
		if j.Status != quarry.JobExpired || len(w.keys("out/")) != 0 {
			t.Errorf("expire: %+v", j)
		}
	})
	withFaults(t, "slow=3s", true, 64, func(t *testing.T, _ *world, j worker.Job) {
		if took := j.Ended.Sub(j.Submitted); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("slow: took %v", took)
		}
	})
	var orders [][]string
	for _, fault := range []string{"shuffle,seed=1", "shuffle,seed=1", "shuffle,seed=2"} {
		withFaults(t, fault, false, 500, func(t *testing.T, w *world, j worker.Job) {
			got := ids(t, w.lines(j, "a.jsonl.out"))
			orders = append(orders, got)
			if slices.IsSorted(got) {
				t.Error("not shuffled")
			}
			sorted := slices.Clone(got)
			slices.Sort(sorted)
			if len(slices.Compact(sorted)) != 500 {
				t.Errorf("%d different lines", len(sorted))
			}
		})
	}
	if !cmp.Equal(orders[0], orders[1]) || cmp.Equal(orders[0], orders[2]) {
		t.Error("the order does not follow the seed")
	}
}
