package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// billed is what the provider's own count of all answers costs by the list.
func (w *world) billed(t *testing.T, mode quarry.Mode) quarry.USD {
	t.Helper()
	resp, err := w.client().Get(w.server.URL() + "/_quarry/bill?totals=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var bill struct {
		Totals struct {
			InputTokens  int64 `json:"input_tokens"`
			OutputTokens int64 `json:"output_tokens"`
		} `json:"totals"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if bill.Totals.InputTokens == 0 {
		t.Fatal("the bill has no tokens")
	}
	price, ok := cost.Default().Price(quarry.DefaultModel, "us-west-2", mode)
	if !ok {
		t.Fatal("no price")
	}
	return cost.Bill(quarry.Usage{InputTokens: bill.Totals.InputTokens, OutputTokens: bill.Totals.OutputTokens}, price)
}

const roomy = `{"*":{"min_records":3,"records_per_job":12,"records_per_file":12}}`

func capped(limit quarry.USD, mode quarry.Mode) func(*run.Config) {
	return func(c *run.Config) {
		c.Mode, c.NoPilot, c.MaxUSD, c.Attempts = mode, true, &limit, 3
		c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob = 12, 12
	}
}

// A record of the world may cost about a cent in a job: 4,096 tokens of answer at 2.5 dollars a million.
const cent = quarry.USD(10_000_000_000)

func TestACapSmallerThanAShardCutsIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mode  quarry.Mode
		limit quarry.USD
	}{
		"jobs":            {quarry.ModeJob, 6 * cent},
		"on-demand calls": {quarry.ModeOnDemand, 6 * cent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(24), quotas: roomy, cfg: capped(tt.limit, tt.mode)})
			var mu sync.Mutex
			var said []string
			w.event = func(e event.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == event.Note && strings.Contains(e.Text, "one after another") {
					said = append(said, e.Text)
				}
			}
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != 25 {
				t.Errorf("%d documents ok, want 25", out.Totals.OK)
			}
			if len(said) == 0 {
				t.Error("no shard was cut, or nobody was told")
			}
			for _, job := range out.Report.Jobs {
				if tt.mode == quarry.ModeJob && job.Records < 3 {
					t.Errorf("shard %s has %d records, below the minimum", job.Shard, job.Records)
				}
			}
			if spent := w.billed(t, tt.mode); spent > tt.limit {
				t.Errorf("%s were billed, the cap is %s", spent, tt.limit)
			}
			w.auditClean(t)
		})
	}
}

// TestTheCapHolds is the whole run of what package limits plays without one. It runs under caps, faults and crashes drawn at random, and resumes until the run ends or stops at its
// cap: the provider's own count of answers never costs more than the cap.
func TestTheCapHolds(t *testing.T) {
	t.Parallel()
	rounds := 2
	if *full {
		rounds = 200
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			draw := rand.New(rand.NewPCG(uint64(seed), 1))
			limit := quarry.USD(draw.Int64N(int64(12*cent))) + 3*cent
			fault := fmt.Sprintf("record-error=%.1f,bad-json=%.1f,drop-record=%.1f,expire=%.1f,seed=%d",
				draw.Float64()/2, draw.Float64()/2, draw.Float64()/3, draw.Float64()/3, seed)
			w := newWorld(t, worldConfig{docs: someDocs(12 + draw.IntN(20)), fault: fault, quotas: roomy, cfg: capped(limit, quarry.ModeJob)})
			kinds := []effect.Kind{effect.HTTP, effect.SQL, effect.File}
			crashes := 0
			var out run.Outcome
			var err error
			for { // a run that has ended asks again what failed, under a cap of its own
				hook := dieAt(kinds[draw.IntN(3)], 1+draw.IntN(120), effect.After)
				if crashes == 5 {
					hook = nil
				}
				if out, _, err = w.run(t, hook); !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
					break
				}
				crashes++
			}
			var q *quarry.Error
			if err != nil && (!errors.As(err, &q) || q.Kind != quarry.OverLimit) {
				t.Fatalf("limit %s, %s: %v", limit, fault, err)
			}
			if spent := w.billed(t, quarry.ModeJob); spent > limit {
				t.Errorf("%s: %s were billed, the cap is %s", fault, spent, limit)
			}
			if rep := w.audited(t); !rep.Clean() {
				t.Errorf("audit found paid twice %v, altered %v, faults %v", rep.PaidTwice, rep.Altered, rep.Faults)
			}
			t.Logf("cap %s, %d crashes, %d ok: %v", limit, crashes, out.Totals.OK, err)
		})
	}
}

// TestACapOfThreeTimesTheForecastHoldsBackNoJob compares a run without a cap and one under a cap of three times what the
// first one was forecast to cost once its pilot was read.
func TestACapOfThreeTimesTheForecastHoldsBackNoJob(t *testing.T) {
	t.Parallel()
	const perJob = 60
	play := func(limit *quarry.USD) (run.Outcome, []string) {
		w := newWorld(t, worldConfig{docs: unlikeDocs(500, 6), quotas: `{"*":{"min_records":3,"records_per_job":60,"records_per_file":60}}`, cfg: func(c *run.Config) {
			many(30)(c)
			c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob, c.Quotas.OpenJobs, c.MaxUSD = perJob, perJob, 20, limit
		}})
		var mu sync.Mutex
		var held []string
		w.event = func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			if (e.Kind == event.Waiting || e.Kind == event.Note) && strings.Contains(e.Text, "the cap") {
				held = append(held, e.Text)
			}
		}
		out, _, err := w.run(t, nil)
		if err != nil || out.Totals.OK != 500 {
			t.Fatalf("Do = %+v, %v", out.Totals, err)
		}
		return out, held
	}
	free, _ := play(nil)
	after := free.Report.Forecast.After
	if after == nil || after.Cost == nil || *after.CostHigh > *after.Cost*3/2 {
		t.Fatalf("forecast = %+v, want one whose upper end is at most half again the estimate", after)
	}
	limit := 3 * *after.Cost
	capped, held := play(&limit)
	if len(held) > 0 {
		t.Errorf("the cap of %s held back jobs that are forecast to cost %s: %q", limit, after.Cost, held)
	}
	if got, want := len(capped.Report.Jobs), len(free.Report.Jobs); got != want {
		t.Errorf("%d jobs under the cap, %d without", got, want)
	}
	if c := capped.Report.Cost; c.Cap == nil || *c.Cap != limit || c.OverCap != nil {
		t.Errorf("the report's cap is %v, passed by %v, want %s and nothing", c.Cap, c.OverCap, limit)
	}
}
