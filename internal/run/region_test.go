package run_test

import (
	"fmt"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/run"
)

// TestAnotherRegionWhileJobsAreOpen dies at requests of a run and resumes it in another Region, with the same settings and with others:
// what was sent is collected where it is, and nothing of it is asked again.
func TestAnotherRegionWhileJobsAreOpen(t *testing.T) {
	t.Parallel()
	for _, other := range []bool{false, true} {
		t.Run(fmt.Sprintf("other settings %t", other), func(t *testing.T) {
			t.Parallel()
			shared, step := 0, 7
			if *full {
				step = 1
			}
			for n := 8; ; n += step {
				settings := "x"
				w := newWorld(t, worldConfig{docs: someDocs(9), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) { c.Settings = settings })})
				_, _, died := w.run(t, dieAt(effect.HTTP, n, effect.After))
				if other {
					settings = "y"
				}
				w.region = "us-east-1"
				out, _, err := w.run(t, nil)
				if err != nil {
					t.Fatalf("request %d: go on in another Region: %v", n, err)
				}
				if out.Totals.OK != 10 {
					t.Errorf("request %d: %d documents are ok, want 10", n, out.Totals.OK)
				}
				w.auditClean(t)
				w.answeredOnce(t, fmt.Sprintf("request %d", n))
				in := jobsIn(&out.Report)
				if !other && in["us-west-2"] > 0 && in["us-east-1"] > 0 {
					shared++
				}
				if err := w.server.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if died == nil {
					break
				}
			}
			if !other && shared == 0 {
				t.Error("no pass had jobs in both Regions: nothing was tested")
			}
		})
	}
}
