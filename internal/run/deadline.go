package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/limits"
)

// holdDeadline finds out by when the pass is to be done: as it was said before, unless something else is said now.
func (r *Run) holdDeadline(ctx context.Context) error {
	pass, err := r.book.Pass(ctx, r.pass)
	d := pass.Deadline
	if err != nil || (d == nil && r.cfg.By == "") {
		return err
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if r.cfg.By != "" && (d == nil || d.Said != r.cfg.By) && head.Finished != r.pass {
		if d, err = limits.NewDeadline(r.cfg.By, r.passBegan(&pass), time.Now()); err != nil {
			return err
		}
		if err := r.keepDeadline(ctx, d); err != nil {
			return err
		}
	}
	if d == nil {
		return nil
	}
	if r.asked.Mode != quarry.ModeAuto { // the price class changes only for those who ask for it
		r.deps.Watch.Note(fmt.Sprintf("the deadline of %s is ignored: it needs --mode auto", limits.Moment(d.By)))
		return nil
	}
	r.clock.Hold(d)
	return nil
}

// passBegan is the moment from which the deadline of the pass counts, which another deadline of it may have kept.
func (r *Run) passBegan(p *book.Pass) time.Time {
	switch {
	case p.Deadline != nil:
		return p.Deadline.Began
	case !p.Began.IsZero():
		return p.Began
	case !r.began.IsZero():
		return r.began
	}
	return time.Now()
}

func (r *Run) keepDeadline(ctx context.Context, d *limits.Deadline) error {
	return r.book.Change(ctx, r.pass, func(_ *book.Head, p *book.Pass) { p.Deadline = d })
}

// work is what the pass has to do before its deadline.
func (r *Run) work() *limits.Work {
	return &limits.Work{
		Pass: r.planned.Pass, Records: r.planned.Stages(), Usage: r.basis().Usage(), Prices: r.current().prices(),
		Quotas: r.cfg.Quotas, Concurrency: r.cfg.Concurrency, Margin: r.current().callMargin(), Cap: r.cfg.MaxUSD, Costs: r.costs(),
	}
}

// deadlineQuestion says to a person who confirms a run what its deadline may cost.
func (r *Run) deadlineQuestion() string {
	d := r.clock.Held()
	if d == nil || r.planned.Mode != quarry.ModeJob {
		return ""
	}
	return d.Question(r.work())
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

// lookAtDeadline decides, from time to time, whether calls have to begin. A decision is durable, and said, before any shard
// follows it.
func (r *Run) lookAtDeadline(ctx context.Context) error {
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
		r.deps.Watch.Note(note)
	}
	r.clock.Hold(decided)
	return nil
}

// retryMode is how a round of retries is sent: by calls, once no further job is made.
func (r *Run) retryMode(ctx context.Context) (mode quarry.Mode, late bool, err error) {
	if r.planned.Mode != quarry.ModeJob {
		return r.planned.Mode, false, nil
	}
	if err := r.lookAtDeadline(ctx); err != nil {
		return "", false, err
	}
	mode, late = r.clock.Held().Retries()
	return mode, late, nil
}
