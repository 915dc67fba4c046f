package run_test

import (
	"fmt"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run"
)

// once lets a record have one attempt, so that whatever counts as one ends it.
func once(c *run.Config) { c.Attempts = 1 }

func TestAnExpiredJobIsNoAttemptAtItsRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(11), fault: "expire=0.5,seed=4", cfg: once})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.Totals.OK != 12 || out.Totals.Failed != 0 {
		t.Errorf("%d documents ended ok and %d failed, want 12 and 0", out.Totals.OK, out.Totals.Failed)
	}
	expired := 0
	for _, job := range out.Report.Jobs {
		if job.Status == quarry.JobExpired {
			expired++
		}
	}
	if expired == 0 {
		t.Error("no job expired: the test shows nothing")
	}
	for id, n := range w.bill(t) {
		if n > 1 {
			t.Errorf("record %s was answered %d times", id, n)
		}
	}
}

func TestJobsThatAllExpireComeToAnEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(4), fault: "expire=1", cfg: func(c *run.Config) { c.Attempts, c.NoPilot = 2, true }})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.Totals.Failed == 0 || out.Totals.OK != 0 {
		t.Fatalf("%d documents ended ok and %d failed, want none and all", out.Totals.OK, out.Totals.Failed)
	}
	results, _ := w.results(t)
	res := results["doc-000"]
	if res.Attempts != 10 || res.Error == nil || !strings.Contains(res.Error.Message, "Expired") {
		t.Errorf("doc-000 ended after %d attempts with %s, want 10 and a word of the expired job", res.Attempts, fmt.Sprint(res.Error))
	}
}
