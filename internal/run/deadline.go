package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/catalog"
	"quarry/internal/cost"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/forecast"
)

// A pass with a deadline is sent as jobs, the cheapest way, for as long as calls could still answer the rest in time: AWS
// promises no time for a job (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html), so none is
// counted on. At the latest moment for calls, what was not sent yet turns to calls; when those alone do not help any
// more, open jobs are stopped, and what they did not answer is asked by calls once they have ended.

// deadline is that of one pass, and a fact of the run. A decision is in it before anything is done about it, and each
// shard follows it by itself, so a process that resumes goes on with it.
type deadline struct {
	Said   string       `json:"said"` // as it was named
	Began  time.Time    `json:"began"`
	By     time.Time    `json:"by"`
	Unsent *report.Move `json:"unsent,omitempty"` // since then no further job is made
	Open   *report.Move `json:"open,omitempty"`   // since then open jobs are stopped
	Kept   string       `json:"kept,omitempty"`
}

// deadlineClock is the deadline with what this process knows beside it.
type deadlineClock struct {
	mu    sync.Mutex
	held  *deadline // nil: there is none, or the mode does not allow to move anything
	next  time.Time // when to look again
	at    time.Time // the next moment at which something becomes late, as it looks now
	calls sync.Map  // ShardID → records that are answered, of shards that are asked by calls now
}

// CallMargin is what is left for everything but the calls: a job that stops, what is collected, leftovers. How long a job
// takes to stop is not documented; this is an assumption.
const (
	CallMargin      = 10 * time.Minute
	LocalCallMargin = 2 * time.Second
)

// lookAgain is how often the clock is read against the ledger.
const lookAgain = 500 * time.Millisecond

func deadlineFact(pass int) string { return fmt.Sprintf("deadline.%d", pass) }
func beganFact(pass int) string    { return fmt.Sprintf("began.%d", pass) }

func readDeadline(ctx context.Context, book *ledger.Ledger, pass int) (*deadline, error) {
	text, ok, err := book.Fact(ctx, deadlineFact(pass))
	if err != nil || !ok {
		return nil, err
	}
	var d deadline
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("read the deadline of pass %d: %w", pass, err)
	}
	return &d, nil
}

// holdDeadline finds out by when the pass is to be done: as it was said before, unless something else is said now.
func (r *Run) holdDeadline(ctx context.Context) error {
	d, err := readDeadline(ctx, r.ledger, r.pass)
	if err != nil || (d == nil && r.cfg.By == "") {
		return err
	}
	finished, _, err := r.ledger.Fact(ctx, "finished")
	if err != nil {
		return err
	}
	if r.cfg.By != "" && (d == nil || d.Said != r.cfg.By) && finished != fmt.Sprint(r.pass) {
		if d, err = r.newDeadline(ctx, d); err != nil {
			return err
		}
		if err := r.keepDeadline(ctx, d); err != nil {
			return err
		}
	}
	if d == nil {
		return nil
	}
	if r.cfg.Mode != quarry.ModeAuto { // the price class changes for nobody who does not ask for it
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("the deadline of %s is not held: that takes --mode auto", moment(d.By))})
		return nil
	}
	r.clock.held = d
	return nil
}

func (r *Run) newDeadline(ctx context.Context, before *deadline) (*deadline, error) {
	d := &deadline{Said: r.cfg.By, Began: time.Now()}
	text, ok, err := r.ledger.Fact(ctx, beganFact(r.pass))
	if err != nil {
		return nil, err
	}
	switch {
	case before != nil:
		d.Began = before.Began
	case ok:
		if d.Began, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, fmt.Errorf("read when pass %d began: %w", r.pass, err)
		}
	case !r.began.IsZero():
		d.Began = r.began
	}
	if d.By, err = forecast.ParseDeadline(r.cfg.By, d.Began); err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: "--by", Err: err, Hint: "name when the run is to be done"}
	}
	if !d.By.After(time.Now()) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "be done by", Subject: moment(d.By), Err: errors.New("that is past"),
			Hint: "name a later time; a duration counts from the beginning of the run, " + moment(d.Began),
		}
	}
	return d, nil
}

func (r *Run) keepDeadline(ctx context.Context, d *deadline) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return r.ledger.SetFacts(ctx, map[string]string{deadlineFact(r.pass): string(b)})
}

func (r *Run) callMargin() time.Duration {
	switch {
	case r.cfg.CallMargin > 0:
		return r.cfg.CallMargin
	case r.cfg.Local:
		return LocalCallMargin
	}
	return CallMargin
}

// shareOf is what so many of the pass's records take, as it is forecast now.
func (r *Run) shareOf(records int64) quarry.Usage {
	return forecast.Share(r.guess(), records, r.planned.Stages())
}

// callTime is how long calls of the standard tier take for so many records.
func (r *Run) callTime(records int64) time.Duration {
	return forecast.CallTime(records, r.shareOf(records), r.cfg.Quotas, r.cfg.Concurrency)
}

// haste is how calls take the place of jobs in this run.
func (r *Run) haste() forecast.Haste {
	return forecast.Haste{Flex: r.prices().FlexIsCheaper(r.guess()), Margin: r.callMargin()}
}

// modeByDeadline is the cheapest way that makes the deadline, as it looks before anything is sent.
func (r *Run) modeByDeadline(jobs bool) quarry.Mode {
	p, d := &r.planned, r.clock.held
	if d == nil {
		return quarry.ModeJob
	}
	haste := r.haste()
	left, need := time.Until(d.By), r.callTime(p.Stages())
	by := moment(d.By)
	note := func(format string, args ...any) { p.Notes = append(p.Notes, fmt.Sprintf(format, args...)) }
	model, _, known := catalog.Find(r.cfg.Model)
	if jobs && (!known || model.Batch) && haste.JobsFit(left, need) {
		note("to be done by %s: sent as jobs, for which AWS promises no time; what they have not answered by the time that calls need, about %s, is asked by calls%s",
			by, round(need), r.callsCost(p.Stages(), quarry.ModeOnDemand))
		return quarry.ModeJob
	}
	mode := haste.Mode(left, need)
	switch {
	case left < need:
		note("to be done by %s: too late even for calls, which take about %s; asked on demand all the same, as the fastest way", by, round(need))
	case jobs:
		note("to be done by %s: asked by calls, mode %s, which take about %s; jobs would leave no time to ask again what they do not answer", by, mode, round(need))
	}
	return mode
}

// moment is a time for people.
func moment(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }

func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Second / 10)
	}
	return d.Round(time.Second)
}

// callsCost says what calls for so many records cost beside jobs.
func (r *Run) callsCost(records int64, mode quarry.Mode) string {
	u := r.shareOf(records)
	return costText(r.listCost(mode, u), r.listCost(quarry.ModeJob, u))
}

func costText(calls, jobs *quarry.USD) string {
	if calls == nil || jobs == nil {
		return ", at a price that is not known (" + cost.UnknownHelp + ")"
	}
	return fmt.Sprintf(", for about %s instead of %s in jobs", calls, jobs)
}

// deadlineQuestion tells who confirms a run what its deadline may cost.
func (r *Run) deadlineQuestion() string {
	d := r.clock.held
	if d == nil || r.planned.Mode != quarry.ModeJob {
		return ""
	}
	return fmt.Sprintf(" To be done by %s, what jobs have not answered in time is asked by calls: at most all of it%s.",
		moment(d.By), r.callsCost(r.planned.Stages(), quarry.ModeOnDemand))
}

// nextLook is when a shard that waits until then has to be looked at for the deadline: just before the moment as well as at
// it, so that no job is stopped that has ended since it was last asked for.
func (r *Run) nextLook(due time.Time) time.Time {
	c := &r.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || c.at.IsZero() || !c.at.Before(due) {
		return due
	}
	before := c.at.Add(-lookAgain)
	if soon := time.Now().Add(lookAgain); before.Before(soon) { // from here on at each look, the moment's own with them
		return soon
	}
	return before
}

// DeadlineNow is a pass's deadline as the ledger has it, for who looks on; nil where there is none.
func DeadlineNow(ctx context.Context, book *ledger.Ledger, pass int) (*report.Deadline, error) {
	d, err := readDeadline(ctx, book, pass)
	if d == nil || err != nil {
		return nil, err
	}
	shards, err := book.Shards(ctx)
	if err != nil {
		return nil, err
	}
	return d.report(shards, pass), nil
}

// report says what became of the deadline.
func (d *deadline) report(shards []ledger.Shard, pass int) *report.Deadline {
	rep := &report.Deadline{By: d.By, Moves: []report.Move{}, Kept: d.Kept, Made: true}
	for _, m := range []*report.Move{d.Unsent, d.Open} {
		if m != nil && m.Records > 0 {
			rep.Moves = append(rep.Moves, *m)
		}
	}
	for i := range shards {
		s := &shards[i]
		switch {
		case s.Pass != pass:
			continue
		case s.Late && s.Mode == quarry.ModeJob:
			rep.StoppedJobs++
		case s.Late:
			rep.Moved += s.Records
		}
		if s.Times.Collected.IsZero() { // under way
			rep.Made = rep.Made && time.Now().Before(d.By)
		} else if at := s.Times.Collected.UTC(); at.After(rep.Ended) {
			rep.Ended = at
		}
	}
	rep.Made = rep.Made && !rep.Ended.After(d.By)
	return rep
}

// deadlineReport is the deadline's part of the report, with its words among the notes.
func (r *Run) deadlineReport(shards []ledger.Shard) (*report.Deadline, []string) {
	d := r.clock.held
	if d == nil {
		return nil, nil
	}
	rep := d.report(shards, r.planned.Pass)
	var notes []string
	if d.Kept != "" {
		notes = append(notes, d.Kept)
	}
	for i := range rep.Moves {
		notes = append(notes, moveText(&rep.Moves[i], d.By))
	}
	early := d.By.Sub(rep.Ended)
	switch {
	case rep.Ended.IsZero():
	case rep.Made:
		notes = append(notes, fmt.Sprintf("done at %s, %s before the deadline", moment(rep.Ended), round(early)))
	default:
		notes = append(notes, fmt.Sprintf("done at %s, %s after the deadline", moment(rep.Ended), round(-early)))
	}
	return rep, notes
}

func moveText(m *report.Move, by time.Time) string {
	what := "that were not sent yet"
	if m.What == movedOpen {
		what = "that open jobs have not answered: these jobs are stopped, and what they answered is kept"
	}
	return fmt.Sprintf("to be done by %s, calls take the place of jobs for %s %s (mode %s%s)", moment(by), figure.Count(m.Records, "record"), what, m.Mode, costText(m.Cost, m.Instead))
}

// What is moved.
const (
	movedUnsent = "unsent"
	movedOpen   = "open"
)
