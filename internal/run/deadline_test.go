package run_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/run"
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
	t.Parallel()
	for name, cfg := range map[string]func(*run.Config){"with a pilot": lateSoon, "without one": withoutPilot(lateSoon)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs, cfg: cfg})
			var mu sync.Mutex
			var told []string
			w.event = func(e run.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == run.Note || e.Text == string(quarry.JobStopping) {
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
	t.Parallel()
	// Calls for all would take 8.4 s, so they begin after 3 to 4; the two jobs that are open then end after 5.4. What they
	// hold would be late for calls after 9.
	w := newWorld(t, worldConfig{docs: someDocs(14), delay: 1800 * time.Millisecond, cfg: func(c *run.Config) {
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
}

func TestDeadlineThatJobsCannotMakeIsCalledAtOnce(t *testing.T) {
	t.Parallel()
	for rpm, want := range map[int64]string{60: "asked by calls, mode ondemand", 20: "asked on demand all the same"} {
		w := newWorld(t, worldConfig{docs: someDocs(14), delay: time.Hour, cfg: func(c *run.Config) {
			doneBy("20s")(c)
			c.Quotas.RPM = rpm // 14 calls take 14 s, or 42 s
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.Report.Mode != quarry.ModeOnDemand || !strings.Contains(strings.Join(out.Planned.Notes, "\n"), want) {
			t.Errorf("at %d calls a minute: mode %s with the notes %q, want %q", rpm, out.Report.Mode, out.Planned.Notes, want)
		}
		if calls, jobs := w.moved(t, &out); calls != 15 || jobs != 0 {
			t.Errorf("%d documents were answered by calls and %d by jobs, want 15 and 0", calls, jobs)
		}
	}
}

func TestCapIsHarderThanTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(14), delay: slowJobs / 4, cfg: func(c *run.Config) {
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
}

func TestResumeKeepsTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: doneBy("1h")})
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
	w = newWorld(t, worldConfig{docs: someDocs(9), cfg: doneBy("2020-01-01T00:00:00Z")})
	_, _, err = w.run(t, nil)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "that is past") {
		t.Errorf("got %v, want a refusal of a deadline that is past", err)
	}
}
