package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// doneBy gives a run a deadline.
func doneBy(by string) func(*run.Config) {
	return func(c *run.Config) { c.Mode, c.By, c.CallMargin = quarry.ModeAuto, by, time.Second }
}

// Jobs of slowJobs take more than 6 s, and 2 s to stop; lateSoon makes them late after one or two.
const slowJobs = 2 * time.Second

func lateSoon(c *run.Config) {
	doneBy("9s")(c)
	c.CallMargin = 6500 * time.Millisecond
}

func withoutPilot(more func(*run.Config)) func(*run.Config) {
	return func(c *run.Config) { more(c); c.NoPilot = true }
}

// moved holds a run against its deadline: whatever was moved, each document has one answer that was paid once.
func (w *world) moved(t *testing.T, out *run.Outcome) (calls, jobs int64) {
	t.Helper()
	if d := out.Report.Documents; d.Failed+d.Invalid > 0 || d.OK == 0 {
		t.Errorf("documents: %+v, want all answered", d)
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered and billed %d times", id, n)
		}
	}
	w.auditClean(t)
	results, _ := w.results(t)
	for id, res := range results {
		switch {
		case res.Status == quarry.StatusSkipped:
		case res.Mode == quarry.ModeOnDemand && res.Job == "":
			calls++
		case res.Mode == quarry.ModeJob && res.Job != "":
			jobs++
		default:
			t.Errorf("%s was answered in mode %q by job %q", id, res.Mode, res.Job)
		}
	}
	return calls, jobs
}

func TestJobsThatAreLateTurnToCalls(t *testing.T) {
	for name, cfg := range map[string]func(*run.Config){"with a pilot": lateSoon, "without one": withoutPilot(lateSoon)} {
		t.Run(name, func(t *testing.T) {
			onTestClock(t, func(t *testing.T) {
				w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs, cfg: cfg})
				var mu sync.Mutex
				var told []string
				w.event = func(e event.Event) {
					mu.Lock()
					defer mu.Unlock()
					if e.Kind == event.Note || e.Text == string(quarry.JobStopping) {
						told = append(told, e.Text)
					}
				}
				out, _, err := w.run(t, nil)
				if err != nil {
					t.Fatal(err)
				}
				if calls, jobs := w.moved(t, &out); calls != 15 || jobs != 0 {
					t.Errorf("%d documents were answered by calls and %d by jobs, want 15 and 0", calls, jobs)
				}
				d := out.Report.Deadline
				if d == nil || !d.Made || d.StoppedJobs == 0 || len(d.Moves) != 2 || d.Moved < 14 {
					t.Fatalf("the report says %+v, want a deadline that was made by moving all 14 records", d)
				}
				text := strings.Join(told, "\n")
				said, stopped := strings.Index(text, "that open jobs have not answered"), strings.Index(text, string(quarry.JobStopping))
				if said < 0 || stopped < said || !strings.Contains(text, "records that were not sent yet (mode ondemand, for about $") {
					t.Errorf("told:\n%s\nwant what is moved and its price, before it is done", text)
				}
			})
		})
	}
}

func TestJobsThatAreInTimeStayJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(14), cfg: doneBy("1h")})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if calls, jobs := w.moved(t, &out); calls != 0 || jobs != 15 {
		t.Errorf("%d documents were answered by calls and %d by jobs, want 0 and 15", calls, jobs)
	}
	if d := out.Report.Deadline; d == nil || !d.Made || d.Moved != 0 || d.StoppedJobs != 0 || len(d.Moves) != 0 {
		t.Errorf("the report says %+v, want a deadline that was made with nothing moved", d)
	}
}

func TestOnlyWhatIsLateIsMoved(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		// Calls for all would take 8.4 s, so they begin after 3 to 4; the two jobs that are open then end after 5.4. What they
		// hold would be late for calls after 9.
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: 1800 * time.Millisecond, cfg: func(c *run.Config) {
			withoutPilot(doneBy("15s"))(c)
			c.Quotas.RPM = 100
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if calls, jobs := w.moved(t, &out); calls == 0 || jobs == 0 {
			t.Errorf("%d documents were answered by calls and %d by jobs, want some by each", calls, jobs)
		}
		if d := out.Report.Deadline; d == nil || len(d.Moves) != 1 || d.Moves[0].What != "unsent" || d.StoppedJobs != 0 {
			t.Errorf("the report says %+v, want nothing moved but what was not sent", d)
		}
	})
}

func TestDeadlineThatJobsCannotMakeIsCalledAtOnce(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: time.Hour, cfg: func(c *run.Config) {
			doneBy("20s")(c)
			c.Quotas.RPM = 60 // 14 calls take 14 s
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.Report.Mode != quarry.ModeOnDemand || !strings.Contains(strings.Join(out.Planned.Notes, "\n"), "sent as on-demand calls, mode ondemand") {
			t.Errorf("mode %s with the notes %q, want calls, and why", out.Report.Mode, out.Planned.Notes)
		}
		if calls, jobs := w.moved(t, &out); calls != 15 || jobs != 0 {
			t.Errorf("%d documents were answered by calls and %d by jobs, want 15 and 0", calls, jobs)
		}
	})
}

func TestCapIsHarderThanTheDeadline(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs / 4, cfg: func(c *run.Config) {
			withoutPilot(lateSoon)(c)
			c.CallMargin = 8 * time.Second // late from the beginning, as soon as jobs are made
			limit := 12 * cent             // jobs go one or two at a time; calls for the rest are forecast to cost less than a cent
			c.MaxUSD = &limit
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.moved(t, &out)
		if spent := w.billed(t, quarry.ModeOnDemand); spent > 12*cent {
			t.Errorf("%s were billed, the cap is 12 cents", spent)
		}
	})
}

func TestShardsThatTurnToCallsDoNotWaitForEachOthersMoney(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		// One job is open and two shards have reserved as much, 4 cents each, when they turn to calls of 8 cents.
		limit := 13 * cent
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs, cfg: func(c *run.Config) {
			withoutPilot(lateSoon)(c)
			c.MaxUSD, c.Quotas.OpenJobs = &limit, 1
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		out, err := w.live(ctx, t, effect.New(nil))
		if err != nil {
			t.Fatal(err)
		}
		if calls, jobs := w.moved(t, &out); calls != 15 || jobs != 0 {
			t.Errorf("%d documents were answered by calls and %d by jobs, want 15 and 0", calls, jobs)
		}
		if spent := w.billed(t, quarry.ModeOnDemand); spent > limit {
			t.Errorf("%s were billed, the cap is %s", spent, limit)
		}
	})
}

func TestResumeKeepsTheDeadline(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		w := newWiredWorld(t, worldConfig{docs: someDocs(9), cfg: doneBy("1h")})
		if _, _, err := w.run(t, dieAt(effect.HTTP, 20, effect.Before)); err == nil {
			t.Fatal("it did not die")
		}
		w.cfg = doneBy("")
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := out.Report.Deadline; d == nil || time.Until(d.By) < 55*time.Minute {
			t.Errorf("the report says %+v, want the deadline of an hour", d)
		}
		w = newWiredWorld(t, worldConfig{docs: someDocs(9), cfg: doneBy(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))})
		_, _, err = w.run(t, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "that is past") {
			t.Errorf("got %v, want a refusal of a deadline that is past", err)
		}
	})
}

func TestPriceClassStaysWhereTheCapForbidsCalls(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		row := cost.Row{Model: "anthropic.claude-haiku-4-5-20251001-v1:0", Kinds: []cost.Kind{cost.Geo}, Basis: cost.Listed, Source: "made up", Date: "2026-01-01"}
		job, call := row, row
		job.Tier, job.In, job.Out = cost.Job, "0.5", "2.5"
		call.Tier, call.In, call.Out = cost.OnDemand, "1000", "5000"
		prices, err := cost.NewTable("2026-01-01", []cost.Row{job, call})
		if err != nil {
			t.Fatal(err)
		}
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: 500 * time.Millisecond, cfg: func(c *run.Config) {
			withoutPilot(lateSoon)(c)
			limit := 30 * cent
			c.MaxUSD, c.Prices = &limit, prices
			c.By, c.CallMargin = "1200ms", 100*time.Millisecond
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if calls, jobs := w.moved(t, &out); calls != 0 || jobs != 15 {
			t.Errorf("%d documents were answered by calls and %d by jobs, want 0 and 15", calls, jobs)
		}
		d := out.Report.Deadline
		if d == nil || d.Made || d.Moved != 0 || !strings.Contains(d.Kept, "stay in jobs") {
			t.Errorf("the report says %+v, want a deadline that was missed, and why nothing was moved", d)
		}
	})
}

// lateAtOnce makes everything late, whatever was decided when the pass was planned.
func lateAtOnce(c *run.Config) {
	doneBy("1h")(c)
	c.CallMargin = 2 * time.Hour
}

func TestResumeAfterCrashWhileShardsAreMoved(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		tried := map[effect.Kind]int{}
		most := map[effect.Kind]int{effect.HTTP: 50, effect.SQL: 90}
		for kind, step := range map[effect.Kind]int{effect.HTTP: 17, effect.SQL: 17} {
			if *full {
				step = 1
			}
			for n := 1; n <= most[kind]; n += step {
				w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: 300 * time.Millisecond, cfg: withoutPilot(doneBy("1h"))})
				var gone sync.Once
				ctx, cancel := context.WithCancel(t.Context())
				var jobs atomic.Int32
				w.event = func(e event.Event) {
					if e.Kind == event.JobSubmitted && jobs.Add(1) == 2 {
						gone.Do(cancel) // with two jobs open, and two shards that wait for a slot
					}
				}
				if _, err := w.live(ctx, t, effect.New(nil)); err == nil {
					t.Fatal("it did not end with jobs open")
				}
				w.event, w.cfg = nil, withoutPilot(lateAtOnce)
				ended := false
				if out, _, err := w.run(t, dieAt(kind, n, effect.After)); err == nil {
					ended = out.Totals.OK > 0
				} else {
					if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
						t.Fatalf("%s effect %d: it died of something else: %v", kind, n, err)
					}
					tried[kind]++
				}
				out, _, err := w.run(t, nil)
				if err != nil {
					t.Fatalf("%s effect %d: resume: %v", kind, n, err)
				}
				what := fmt.Sprintf("%s effect %d", kind, n)
				w.proven(t, w.left(t), what)
				if d := out.Report.Documents; d.OK != 15 || d.Failed+d.Invalid != 0 {
					t.Errorf("%s: documents %+v, want 15 answered", what, d)
				}
				if d := out.Report.Deadline; d == nil || d.Moved == 0 {
					t.Errorf("%s: the report says %+v, want records that were moved", what, d)
				}
				if err := w.server.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if ended {
					break
				}
			}
		}
		if tried[effect.HTTP] < 2 || tried[effect.SQL] < 3 {
			t.Errorf("crash points tried: %v, want more", tried)
		}
		t.Logf("crash points tried: %v", tried)
	})
}

func TestWhatIsLateIsAskedInFlexWhereThatCostsLess(t *testing.T) {
	onTestClock(t, func(t *testing.T) {
		const nova = "us.amazon.nova-pro-v1:0"
		renderer, err := prompt.New(prompt.Config{Model: nova})
		if err != nil {
			t.Fatal(err)
		}
		w := newWiredWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs / 2, cfg: func(c *run.Config) {
			withoutPilot(doneBy("30s"))(c)
			c.Model, c.Prompt, c.Type = nova, renderer, renderer.Invocation()
			c.Quotas.RPM = 90 // 14 calls take 9.3 s, so those in flex begin after 1 s
		}})
		w.model = nova
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		results, _ := w.results(t)
		modes := map[quarry.Mode]int{}
		for _, res := range results {
			modes[res.Mode]++
		}
		if modes[quarry.ModeFlex] == 0 || modes[quarry.ModeOnDemand] != 0 || out.Report.Documents.OK != 15 {
			t.Errorf("modes %v, documents %+v, want some in flex, none on demand and 15 answered", modes, out.Report.Documents)
		}
		for id, n := range w.bill(t) {
			if n != 1 {
				t.Errorf("record %s was answered and billed %d times", id, n)
			}
		}
		d := out.Report.Deadline
		if d == nil || len(d.Moves) == 0 || d.Moves[0].Mode != quarry.ModeFlex || *d.Moves[0].Cost != *d.Moves[0].Instead {
			t.Errorf("the report says %+v, want a move to flex at the price of jobs", d)
		}
		w.auditClean(t)
	})
}
