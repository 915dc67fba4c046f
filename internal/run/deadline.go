package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/limits"
)

// CallMargin is what is left before a deadline for everything but the calls: a job that stops, what is collected, retries. How long
// a job takes to stop is not documented; this is an assumption.
const (
	CallMargin      = 10 * time.Minute
	LocalCallMargin = 2 * time.Second
)

func deadlineFact(pass int) string { return fmt.Sprintf("deadline.%d", pass) }
func beganFact(pass int) string    { return fmt.Sprintf("began.%d", pass) }

func readDeadline(ctx context.Context, book *ledger.Ledger, pass int) (*limits.Deadline, error) {
	text, ok, err := book.Fact(ctx, deadlineFact(pass))
	if err != nil || !ok {
		return nil, err
	}
	var d limits.Deadline
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
		began, err := r.passBegan(ctx, d)
		if err != nil {
			return err
		}
		if d, err = limits.NewDeadline(r.cfg.By, began, time.Now()); err != nil {
			return err
		}
		if err := r.keepDeadline(ctx, d); err != nil {
			return err
		}
	}
	if d == nil {
		return nil
	}
	if r.cfg.Mode != quarry.ModeAuto { // the price class changes only for those who ask for it
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("the deadline of %s is not held: that takes --mode auto", limits.Moment(d.By))})
		return nil
	}
	r.clock.Hold(d)
	return nil
}

// passBegan is the moment from which the deadline of the pass counts, which another deadline of it may have kept.
func (r *Run) passBegan(ctx context.Context, before *limits.Deadline) (time.Time, error) {
	text, ok, err := r.ledger.Fact(ctx, beganFact(r.pass))
	switch {
	case err != nil:
		return time.Time{}, err
	case before != nil:
		return before.Began, nil
	case ok:
		began, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return began, fmt.Errorf("read when pass %d began: %w", r.pass, err)
		}
		return began, nil
	case !r.began.IsZero():
		return r.began, nil
	}
	return time.Now(), nil
}

func (r *Run) keepDeadline(ctx context.Context, d *limits.Deadline) error {
	text, err := marshalled(d)
	if err != nil {
		return err
	}
	return r.ledger.SetFacts(ctx, map[string]string{deadlineFact(r.pass): text})
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

// work is what the pass has to do before its deadline.
func (r *Run) work() *limits.Work {
	return &limits.Work{
		Pass: r.planned.Pass, Records: r.planned.Stages(), Usage: r.basis().Usage(), Prices: r.prices(), Quotas: r.cfg.Quotas, Concurrency: r.cfg.Concurrency,
		Margin: r.callMargin(), Cap: r.cfg.MaxUSD, Costs: r.costs(),
	}
}

// modeByDeadline is the cheapest way that makes the deadline, as it looks before anything is sent.
func (r *Run) modeByDeadline(jobs bool) quarry.Mode {
	d := r.clock.Held()
	if d == nil {
		return quarry.ModeJob
	}
	mode, note := d.Mode(r.work(), time.Now(), jobs)
	if note != "" {
		r.planned.Notes = append(r.planned.Notes, note)
	}
	return mode
}

// deadlineQuestion says to a person who confirms a run what its deadline may cost.
func (r *Run) deadlineQuestion() string {
	d := r.clock.Held()
	if d == nil || r.planned.Mode != quarry.ModeJob {
		return ""
	}
	return d.Question(r.work())
}

// DeadlineNow is a pass's deadline as the ledger has it, for status; nil where there is none.
func DeadlineNow(ctx context.Context, book *ledger.Ledger, pass int) (*report.Deadline, error) {
	d, err := readDeadline(ctx, book, pass)
	if d == nil || err != nil {
		return nil, err
	}
	shards, err := book.Shards(ctx)
	if err != nil {
		return nil, err
	}
	return d.Report(shards, pass, time.Now()), nil
}

// deadlineReport is the deadline's part of the report, with its words among the notes.
func (r *Run) deadlineReport(shards []ledger.Shard) (*report.Deadline, []string) {
	d := r.clock.Held()
	if d == nil {
		return nil, nil
	}
	rep := d.Report(shards, r.planned.Pass, time.Now())
	return rep, d.Notes(rep)
}

// watchDeadline decides, from time to time, whether calls have to begin. A decision is durable, and said, before any shard
// follows it.
func (r *Run) watchDeadline(ctx context.Context) error {
	r.deciding.Lock()
	defer r.deciding.Unlock()
	now := time.Now()
	if !r.clock.Due(now) {
		return nil
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	decided, notes := r.clock.Look(r.work(), rows, now)
	if decided == nil {
		return nil
	}
	if err := r.keepDeadline(ctx, decided); err != nil {
		return err
	}
	for _, note := range notes {
		r.watch(Event{Kind: Note, Text: note})
	}
	r.clock.Hold(decided)
	return nil
}

// retryMode is how a round of retries is sent: by calls, once no further job is made.
func (r *Run) retryMode(ctx context.Context) (mode quarry.Mode, late bool, err error) {
	if r.planned.Mode != quarry.ModeJob {
		return r.planned.Mode, false, nil
	}
	if err := r.watchDeadline(ctx); err != nil {
		return "", false, err
	}
	mode, late = r.clock.Held().Retries()
	return mode, late, nil
}
