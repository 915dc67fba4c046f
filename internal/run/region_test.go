package run_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"quarry"
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

// TestAnUploadedShardIsSentInTheRegionOfTheNextCommand dies when a shard is uploaded and has no job yet, and resumes in another Region.
func TestAnUploadedShardIsSentInTheRegionOfTheNextCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(2), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) { c.NoPilot = true })})
	var inBucket, dead atomic.Bool
	_, _, err := w.run(t, func(p effect.Point) error {
		switch {
		case dead.Load():
			return errDied
		case p.When != effect.After:
		case strings.HasPrefix(p.What, "PUT ") && strings.HasSuffix(p.What, "/s00001.jsonl"):
			inBucket.Store(true)
		case p.Kind == effect.SQL && inBucket.Load():
			dead.Store(true)
			return errDied
		}
		return nil
	})
	if !errors.Is(err, errDied) {
		t.Fatalf("the run ended with %v, want its death", err)
	}
	rows := w.rows(t)
	if len(rows) != 1 || rows[0].State != quarry.ShardUploaded || rows[0].Pool.Region != "us-west-2" {
		t.Fatalf("rows = %+v, want one shard that is uploaded in us-west-2", rows)
	}
	w.region = "us-east-1"
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in := jobsIn(&out.Report); in["us-west-2"] != 0 || in["us-east-1"] != 1 {
		t.Errorf("jobs by Region %v, want one in us-east-1", in)
	}
	if out.Totals.OK != 3 {
		t.Errorf("%d documents are ok, want 3", out.Totals.OK)
	}
	w.auditClean(t)
	w.answeredOnce(t, "after the move")
}
