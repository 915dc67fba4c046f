package limits_test

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
	"quarry/internal/run/verdict"
)

// began is when the passes of these tests begin. Calls for all of their 40 records take 40 s, at 60 a minute.
var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

func work(t *testing.T) *limits.Work {
	t.Helper()
	c := costs(t)
	return &limits.Work{
		Records: 40, Usage: quarry.Usage{InputTokens: 40_000, OutputTokens: 400}, Prices: forecast.Prices{Table: c.Prices, Model: home, Region: "us-west-2"},
		Quotas: quarry.Quotas{RPM: 60}, Concurrency: 64, Margin: 10 * time.Second, Costs: c,
	}
}

func deadline(t *testing.T, said string) *limits.Deadline {
	t.Helper()
	d, err := limits.NewDeadline(said, began, began)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func clock(d *limits.Deadline) *limits.Clock {
	var c limits.Clock
	c.Hold(d)
	return &c
}

// four are the shards of a pass: one ended job, one open one that answered four records, two that were not sent.
func four() []ledger.Shard {
	open := row(2, quarry.ShardSubmitted)
	open.Job.Counts.Success = 4
	return []ledger.Shard{row(1, quarry.ShardDone, collected(10_000, 100)), open, row(3, quarry.ShardUploaded), row(4, quarry.ShardPlanned)}
}

// sums are those that a ledger keeps of the rows of pass 1.
func sums(t *testing.T, rows []ledger.Shard) ledger.Groups {
	t.Helper()
	l, err := ledger.Open(t.Context(), effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := l.AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	groups, err := l.Groups(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestCallsBeginAtTheLatestMoment(t *testing.T) {
	t.Parallel()
	// 26 records are left: 26 s of calls, a quarter more for what was not sent (32.5 s), a tenth more for open jobs (28.6 s),
	// and the margin.
	const unsent, open = 100 - 32.5 - 10, 100 - 28.6 - 10
	w, c := work(t), clock(deadline(t, "100s"))
	if d, notes := c.Look(w, sums(t, four()), after(unsent-0.1)); d != nil || notes != nil {
		t.Errorf("a moment before it is late: %+v, %q, want nothing", d, notes)
	}
	if at := c.NextLook(after(0), after(90)); !at.Equal(after(unsent - 0.5)) {
		t.Errorf("the next look is %s after the beginning, want just before it is late", at.Sub(began))
	}
	if at := c.NextLook(after(0), after(20)); !at.Equal(after(20)) {
		t.Errorf("the next look is %s after the beginning, want 20 s: the shard is due before it is late", at.Sub(began))
	}
	if c.Due(after(unsent)) || !c.Due(after(unsent+0.4)) {
		t.Error("the rows are looked at twice a second")
	}
	d, notes := c.Look(w, sums(t, four()), after(unsent))
	if d == nil || d.Unsent == nil || d.Unsent.Records != 20 || d.Unsent.Mode != quarry.ModeOnDemand || d.Open != nil || len(notes) != 1 {
		t.Fatalf("when it is late: %+v, %q, want 20 unsent records moved", d, notes)
	}
	if *d.Unsent.Cost <= *d.Unsent.Instead || !strings.Contains(notes[0], "20 records that were not sent yet") {
		t.Errorf("it moves for %s instead of %s, saying %q", d.Unsent.Cost, d.Unsent.Instead, notes[0])
	}
	if c.Held().Unsent != nil {
		t.Error("the decision holds before it was saved")
	}
	c.Hold(d)
	if d, _ := c.Look(w, sums(t, four()), after(open-0.1)); d != nil {
		t.Errorf("open jobs are stopped too early: %+v", d)
	}
	if at := c.NextLook(after(0), after(99)); !at.Equal(after(open - 0.5)) {
		t.Errorf("the next look is %s after the beginning, want just before open jobs are late", at.Sub(began))
	}
	d, notes = c.Look(w, sums(t, four()), after(open))
	if d == nil || d.Open == nil || d.Open.Records != 6 || len(notes) != 1 || !strings.Contains(notes[0], "these jobs are stopped") {
		t.Fatalf("when open jobs are late: %+v, %q, want their 6 records moved", d, notes)
	}
	c.Hold(d)
	if c.Due(after(99)) {
		t.Error("it looks again though all was decided")
	}
}

func TestWhatIsLeftBeforeADeadline(t *testing.T) {
	t.Parallel()
	calling := four()
	calling[2].State, calling[2].Mode = quarry.ShardCalling, quarry.ModeOnDemand
	for name, tt := range map[string]struct {
		rows  []ledger.Shard
		calls int64 // answered, of the third shard
		want  int64 // records that were not sent
		none  bool
		at    float64 // seconds after the beginning. Zero: 89
	}{
		"two shards were not sent":  {rows: four(), want: 20},
		"one is sent as calls":      {rows: calling, calls: 3, want: 10},
		"one was answered by calls": {rows: calling, calls: 10, at: 60, none: true}, // 16 s, a quarter more and the margin are left after 70
		"all is answered":           {rows: []ledger.Shard{row(1, quarry.ShardDone, collected(1, 1), func(s *ledger.Shard) { s.Tally.OK = 40 })}, none: true},
		"the rest is not sent at all": {rows: []ledger.Shard{
			row(1, quarry.ShardDone, collected(1, 1)), row(2, quarry.ShardPlanned, func(s *ledger.Shard) { s.Records, s.Unasked = 30, quarry.KindBelowMinimum }),
		}, none: true},
		"another pass does not count": {rows: append(four(), row(5, quarry.ShardPlanned, func(s *ledger.Shard) { s.Pass = 2 })), want: 20},
	} {
		c := clock(deadline(t, "100s"))
		c.Answered("s00003", tt.calls)
		d, _ := c.Look(work(t), sums(t, tt.rows), after(cmp.Or(tt.at, 89)))
		if got := d != nil; got == tt.none {
			t.Errorf("%s: decided %+v", name, d)
		} else if d != nil && d.Unsent.Records != tt.want {
			t.Errorf("%s: %d records are moved, want %d", name, d.Unsent.Records, tt.want)
		}
	}
}

func TestThePilotIsNotWaitedForUntilItIsLate(t *testing.T) {
	t.Parallel()
	rows := []ledger.Shard{row(1, quarry.ShardSubmitted, func(s *ledger.Shard) { s.Kind = quarry.PilotShard }), row(2, quarry.ShardPlanned)}
	w, c := work(t), clock(deadline(t, "100s"))
	moment := after(100 - 50 - 10) // of 40 records, for both: the rest waits for the pilot
	d, _ := c.Look(w, sums(t, rows), moment)
	c.Hold(d)
	if d, _ = c.Look(w, sums(t, rows), moment); d == nil || d.Open == nil {
		t.Errorf("decided %+v, want the pilot's job stopped at the moment when the rest turns to calls", d)
	}
}

func TestTheCapIsHarderThanTheDeadline(t *testing.T) {
	t.Parallel()
	limit, more := 2*cent, 3*cent // 26 of 40 records take 26,000 and 260 tokens: 2.73 cents as calls. Half a cent is settled
	for name, tt := range map[string]struct {
		change func(*limits.Work)
		want   string // empty: calls begin
	}{
		"calls cost more":              {func(w *limits.Work) { w.Cap = &limit }, "exceed the cap of $0.02"},
		"with what is settled they do": {func(w *limits.Work) { w.Cap = &more }, "exceed the cap of $0.03"},
		"their price is not known":     {func(w *limits.Work) { w.Cap, w.Prices.Model = &limit, "unknown.model" }, "the price of calls is not known"},
		"a settled shard has no price": {func(w *limits.Work) { w.Cap, w.Costs.Pools[0].Model = &limit, "unknown.model" }, "the price of calls is not known"},
		"calls cost less":              {func(w *limits.Work) { w.Cap = &limit; w.Usage = quarry.Usage{InputTokens: 100} }, ""},
	} {
		w, c := work(t), clock(deadline(t, "100s"))
		tt.change(w)
		rows := four()
		account(w.Costs, rows)
		d, notes := c.Look(w, sums(t, rows), after(80))
		if d == nil || (d.Unsent == nil) != (tt.want != "") || !strings.Contains(d.Kept, tt.want) || len(notes) != 1 {
			t.Errorf("%s: decided %+v, %q, want %q", name, d, notes, tt.want)
			continue
		}
		c.Hold(d)
		if d, notes := c.Look(w, sums(t, rows), after(81)); tt.want != "" && (d != nil || notes != nil) {
			t.Errorf("%s: said twice: %+v, %q", name, d, notes)
		}
	}
	kept := deadline(t, "100s")
	kept.Kept = "it was over the cap"
	if d, _ := clock(kept).Look(work(t), sums(t, four()), after(80)); d == nil || d.Unsent == nil || d.Kept != "" {
		t.Errorf("decided %+v once the cap allows calls, want them to begin and nothing kept", d)
	}
}

func TestAShardFollowsTheDeadline(t *testing.T) {
	t.Parallel()
	m := &report.Move{Mode: quarry.ModeFlex}
	stopping := func(s *ledger.Shard) { s.Job.Status = quarry.JobStopping }
	none, unsent, open := &limits.Deadline{}, &limits.Deadline{Unsent: m}, &limits.Deadline{Unsent: m, Open: &report.Move{Mode: quarry.ModeOnDemand}}
	calls := verdict.ToCalls{Mode: quarry.ModeFlex}
	for name, tt := range map[string]struct {
		d     *limits.Deadline
		s     ledger.Shard
		fresh bool
		want  verdict.Verdict
	}{
		"without a deadline":                    {nil, row(1, quarry.ShardPlanned), false, verdict.Go{}},
		"in time":                               {none, row(1, quarry.ShardPlanned), false, verdict.Go{}},
		"planned":                               {unsent, row(1, quarry.ShardPlanned), false, calls},
		"uploaded":                              {unsent, row(1, quarry.ShardUploaded), false, calls},
		"an intent that was not acted on":       {unsent, row(1, quarry.ShardIntended), true, calls},
		"an intent of which there may be a job": {unsent, row(1, quarry.ShardIntended), false, verdict.Go{}},
		"an open job, while only the rest is late":   {unsent, row(1, quarry.ShardSubmitted), false, verdict.Go{}},
		"an open job that is late":                   {open, row(1, quarry.ShardSubmitted), false, verdict.StopJob{Late: true}},
		"a job that is being stopped":                {open, row(1, quarry.ShardSubmitted, stopping), false, verdict.Go{}},
		"a job that ended":                           {open, row(1, quarry.ShardEnded), false, verdict.Go{}},
		"calls are not late":                         {open, row(1, quarry.ShardPlanned, mode(quarry.ModeOnDemand)), false, verdict.Go{}},
		"a shard that is not sent follows its state": {open, row(1, quarry.ShardBuilt, func(s *ledger.Shard) { s.Unasked = quarry.KindWaiting }), false, verdict.Go{}},
	} {
		if got := tt.d.Check(&tt.s, tt.fresh); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		d       *limits.Deadline
		refused verdict.Verdict
		mode    quarry.Mode
	}{"no deadline": {nil, verdict.Go{}, quarry.ModeJob}, "in time": {none, verdict.Go{}, quarry.ModeJob}, "late": {unsent, calls, quarry.ModeFlex}, "later": {open, calls, quarry.ModeOnDemand}} {
		mode, late := tt.d.Retries()
		if tt.d.Refused() != tt.refused || mode != tt.mode || late != (tt.mode != quarry.ModeJob) {
			t.Errorf("%s: refused %+v, retries %s (late %t), want %+v and %s", name, tt.d.Refused(), mode, late, tt.refused, tt.mode)
		}
	}
}

func TestTheModeByDeadline(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]struct {
		mode quarry.Mode
		note string
	}{
		"2m":  {quarry.ModeJob, "sent as jobs, for which AWS promises no time"},
		"60s": {quarry.ModeOnDemand, "sent as on-demand calls, mode ondemand"}, // 40 s, and half as much again, and the margin
		"30s": {quarry.ModeOnDemand, "too late even for calls"},
	} {
		if mode, note := deadline(t, by).Mode(work(t), began, true); mode != want.mode || !strings.Contains(note, want.note) {
			t.Errorf("by %s: %s, %q, want %s, %q", by, mode, note, want.mode, want.note)
		}
	}
	if mode, note := deadline(t, "2m").Mode(work(t), began, false); mode != quarry.ModeOnDemand || note != "" {
		t.Errorf("too few records for a job: %s, %q, want calls and nothing to say", mode, note)
	}
}

func TestAnInvalidDeadlineIsRefused(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{"yesterday": "is not a time", "2026-01-01T11:00:00Z": "that is past", "1m": "that is past"} {
		_, err := limits.NewDeadline(said, began, after(60))
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("NewDeadline(%q) = %v, want %q", said, err, want)
		}
	}
}

func TestTheReportOfADeadline(t *testing.T) {
	t.Parallel()
	d := deadline(t, "100s")
	d.Unsent = &report.Move{What: "unsent", Mode: quarry.ModeOnDemand, Records: 10}
	ended := func(seconds float64) func(*ledger.Shard) {
		return func(s *ledger.Shard) { collected(1, 1)(s); s.Times.Collected = after(seconds) }
	}
	stopped := func(s *ledger.Shard) { s.Late = true }
	rows := []ledger.Shard{row(1, quarry.ShardDone, ended(50), stopped), row(2, quarry.ShardDone, ended(60), late), row(3, quarry.ShardDone, ended(70), func(s *ledger.Shard) { s.Pass = 2 })}
	rep := d.Report(rows, 1, after(80))
	if !rep.Made || rep.StoppedJobs != 1 || rep.Moved != 10 || len(rep.Moves) != 1 || !rep.Ended.Equal(after(60)) {
		t.Errorf("Report = %+v, want it made after 60 s with one job stopped and 10 records moved", rep)
	}
	if notes := strings.Join(d.Notes(rep), "\n"); !strings.Contains(notes, "40s before the deadline") || !strings.Contains(notes, "10 records that were not sent yet") {
		t.Errorf("Notes = %q", notes)
	}
	rep = d.Report(append(rows, row(4, quarry.ShardSubmitted)), 1, after(101))
	if rep.Made {
		t.Errorf("Report = %+v, want a deadline that is not made: a job is open after it", rep)
	}
	rep = d.Report(append(rows, row(4, quarry.ShardDone, ended(105))), 1, after(200))
	if notes := strings.Join(d.Notes(rep), "\n"); rep.Made || !strings.Contains(notes, "5s after the deadline") {
		t.Errorf("Report = %+v, %q, want a deadline that was missed by 5 s", rep, notes)
	}
}
