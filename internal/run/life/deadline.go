package life

import (
	"context"
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/limits"
)

// Deadline keeps a pass to its deadline: a decision of its clock is durable, and said, before any shard follows it.
type Deadline struct {
	limits.Clock
	Pass   int
	Book   *book.Book
	Ledger *ledger.Ledger
	Work   func() *limits.Work // what the pass has to do until then, as it is known now
	Watch  event.Watch

	looking sync.Mutex
}

// Open finds out by when the pass must be done: as it was said before, unless something else is said now. began is when this process
// began. Without mode auto a deadline is ignored: the price class changes only for those who ask for it.
func (d *Deadline) Open(ctx context.Context, said string, mode quarry.Mode, began time.Time) error {
	pass, err := d.Book.Pass(ctx, d.Pass)
	held := pass.Deadline
	if err != nil || (held == nil && said == "") {
		return err
	}
	head, err := d.Book.Head(ctx)
	if err != nil {
		return err
	}
	if said != "" && (held == nil || held.Said != said) && head.Finished != d.Pass {
		switch {
		case held != nil: // another deadline of the pass counts from the same moment
			began = held.Began
		case !pass.Began.IsZero():
			began = pass.Began
		}
		if held, err = limits.NewDeadline(said, began, time.Now()); err != nil {
			return err
		}
		if err := d.keep(ctx, held); err != nil {
			return err
		}
	}
	if held == nil {
		return nil
	}
	if mode != quarry.ModeAuto {
		d.Watch.Note(fmt.Sprintf("the deadline of %s is ignored: it needs --mode auto", limits.Moment(held.By)))
		return nil
	}
	d.Hold(held)
	return nil
}

// Look decides, from time to time, whether calls have to begin.
func (d *Deadline) Look(ctx context.Context) error {
	d.looking.Lock()
	defer d.looking.Unlock()
	now := time.Now()
	if !d.Due(now) {
		return nil
	}
	groups, err := d.Ledger.Groups(ctx, d.Pass)
	if err != nil {
		return err
	}
	decided, notes := d.Clock.Look(d.Work(), groups, now)
	if decided == nil {
		return nil
	}
	if err := d.keep(ctx, decided); err != nil {
		return err
	}
	for _, note := range notes {
		d.Watch.Note(note)
	}
	d.Hold(decided)
	return nil
}

// Retries is how a round of retries of a pass of jobs is sent: late by calls, once no further job is made.
func (d *Deadline) Retries(ctx context.Context) (mode quarry.Mode, late bool, err error) {
	if err := d.Look(ctx); err != nil {
		return "", false, err
	}
	mode, late = d.Held().Retries()
	return mode, late, nil
}

func (d *Deadline) keep(ctx context.Context, decided *limits.Deadline) error {
	return d.Book.Change(ctx, d.Pass, func(_ *book.Head, p *book.Pass) { p.Deadline = decided })
}
