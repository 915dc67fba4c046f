package run_test

import (
	"fmt"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run"
	"quarry/internal/run/cut"
)

// largeDocs are small documents, followed by large ones of which two fill a file.
func largeDocs(small, large int) string {
	var b strings.Builder
	for i := range small + large {
		size := 10
		if i >= small {
			size = 1500
		}
		fmt.Fprintf(&b, `{"id":"d%02d","title":"Article %d","content":"<p>%s</p>"}`+"\n", i, i, strings.TrimSpace(strings.Repeat(fmt.Sprintf("Stone %d is heavy. ", i), size/10)))
	}
	return b.String()
}

// fewFit lets two of the large records into one file and asks for three in a job.
func fewFit(c *run.Config) { c.Quotas.FileBytes, c.NoPilot = 9000, true }

func TestRecordsOfWhichTooFewFillAFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set    func(*run.Config)
		ok     int64
		failed int64
		mode   quarry.Mode
	}{
		"on a stand-in":             {func(*run.Config) {}, 11, 0, quarry.ModeOnDemand},
		"with leave to make calls":  {func(c *run.Config) { c.Local, c.BelowMinimum = false, cut.OnDemand }, 11, 0, quarry.ModeOnDemand},
		"where nobody allowed them": {func(c *run.Config) { c.Local = false }, 7, 4, quarry.ModeJob},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: largeDocs(6, 5), cfg: func(c *run.Config) { fewFit(c); tt.set(c) }})
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != tt.ok || out.Totals.Failed != tt.failed {
				t.Errorf("%d documents ended ok and %d failed, want %d and %d", out.Totals.OK, out.Totals.Failed, tt.ok, tt.failed)
			}
			results, _ := w.results(t)
			last := results["d10"]
			if last.Mode != tt.mode {
				t.Errorf("d10 was asked by %s, want %s", last.Mode, tt.mode)
			}
			if tt.failed > 0 && (last.Error == nil || last.Error.Kind != quarry.KindBelowMinimum) {
				t.Errorf("d10 ended with %+v, want the kind %s", last.Error, quarry.KindBelowMinimum)
			}
			w.auditClean(t)
		})
	}
}
