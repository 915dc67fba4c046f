package run_test

import (
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/outcome/report"
	"quarry/internal/run"
)

func waysOf(t *testing.T, r *report.Report) map[string]report.Way {
	t.Helper()
	out := map[string]report.Way{}
	for _, w := range r.Ways {
		if w.From == "" || (w.Seconds == nil) != (w.Basis == report.NoBasis) {
			t.Errorf("way %+v: want words, and a basis exactly where there is a time", w)
		}
		out[w.Way] = w
	}
	if len(r.Ways) != 3 || len(out) != 3 {
		t.Fatalf("%d ways: %+v, want three", len(r.Ways), r.Ways)
	}
	return out
}

// What a run of jobs says of calls that it never made is an assumption, and says so; what it did is measured.
func TestARunOfJobsIsComparedWithCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) { c.Quotas.TPM, c.Quotas.RPM, c.Quotas.Burndown = 60_000, 600, 5 }})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	ways := waysOf(t, &out.Report)
	one, quota, jobs := ways[report.WayOneByOne], ways[report.WayAtQuota], ways[report.WayBatch]
	tokens := out.Report.Tokens
	if one.Basis != report.Assumed || !strings.Contains(one.From, "no call was timed") {
		t.Errorf("one at a time: %+v, want an assumption that says so", one)
	}
	if want := float64(tokens.Input+5*tokens.Output) / 1000; quota.Basis != report.Computed || *quota.Seconds < 0.99*want || *quota.Seconds > 1.01*want {
		t.Errorf("at the quota: %+v in %.3f s, want %.3f s computed", quota, *quota.Seconds, want)
	}
	if jobs.Basis != report.Measured || *jobs.Seconds <= 0 || !strings.Contains(jobs.From, "stand-in") {
		t.Errorf("jobs: %+v, want what was measured on the stand-in", jobs)
	}
	if one.Cost == nil || *one.Cost != *quota.Cost || *jobs.Cost >= *one.Cost {
		t.Errorf("costs %v, %v and %v, want on demand twice, and jobs for less", one.Cost, quota.Cost, jobs.Cost)
	}
}

// A run of calls has measured their latency, and promises no time for jobs.
func TestARunOfCallsIsComparedWithJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), fault: "slow=40ms", cfg: func(c *run.Config) { c.Mode, c.NoPilot = quarry.ModeOnDemand, true }})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	ways := waysOf(t, &out.Report)
	one, quota, jobs := ways[report.WayOneByOne], ways[report.WayAtQuota], ways[report.WayBatch]
	if least := 9 * 40 * time.Millisecond; one.Basis != report.Computed || *one.Seconds < least.Seconds() {
		t.Errorf("one at a time: %+v in %.3f s, want at least %s from measured latency", one, *one.Seconds, least)
	}
	if quota.Basis != report.Measured || *quota.Seconds <= 0 || *quota.Seconds >= *one.Seconds {
		t.Errorf("at the quota: %+v, want what was measured, and less than one at a time", quota)
	}
	if jobs.Seconds != nil || jobs.Cost == nil {
		t.Errorf("jobs: %+v, want no time and a cost", jobs)
	}
}
