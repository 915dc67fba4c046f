package run

import (
	"cmp"
	"context"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/adopt"
	"quarry/internal/run/book"
)

// closeAdopted makes a pass of the records that were taken over, and its results. Once all of them are here the pass is
// finished, and the next one begins when sources are named.
func (r *Run) closeAdopted(ctx context.Context, c *Collected, rows []ledger.Shard, pass int) error {
	before, err := r.adoptedBefore(ctx)
	if err != nil {
		return err
	}
	if before != nil {
		defer before.Close()
	}
	if err := r.planAdopted(ctx, rows, pass, before); err != nil {
		return err
	}
	if _, err := r.exportAs(ctx, takenOver); err != nil {
		return err
	}
	if err := r.keepAnswers(); err != nil {
		return err
	}
	if _, err := r.writeReportFiles(ctx, takenOver); err != nil {
		return err
	}
	last := passesOf(rows, pass)
	if len(c.Running) > 0 || len(c.Errors) > 0 || pass != last[len(last)-1] {
		return nil
	}
	c.Done = true
	if err := r.finished(ctx, nil); err != nil {
		return err
	}
	passed, err := r.pilotPassed(ctx)
	if err != nil || passed {
		return err
	}
	return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { h.FinishedSettings = "" }) // the next pass has a pilot of its own
}

// pilotPassed reports whether the rest was asked after the pilot, or may be.
func (r *Run) pilotPassed(ctx context.Context) (bool, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	for i := range rows {
		if rows[i].Pass == r.planned.Pass && rows[i].Kind == quarry.MainShard {
			return true, nil
		}
	}
	kept, err := r.book.Pass(ctx, r.planned.Pass)
	if err != nil {
		return false, err
	}
	least := r.cfg.PilotMinValid
	if kept.Asked != nil {
		least = cmp.Or(kept.Asked.PilotMinValid, least)
	}
	p, err := r.readPilot(ctx)
	return err == nil && p.Judged > 0 && p.Good(least), err
}

// adoptedBefore opens the pass before among those that asked something; nil for the first of them.
func (r *Run) adoptedBefore(ctx context.Context) (*known, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	earlier := 0
	for i := range rows {
		if p := rows[i].Pass; p < r.pass {
			earlier = max(earlier, p)
		}
	}
	planned, ok, err := r.plannedPass(ctx, earlier)
	if earlier == 0 || err != nil || !ok {
		return nil, err
	}
	return r.openKnown(earlier, planned), nil
}

// planAdopted makes a pass of the records that were taken over: its index, and its plan.
func (r *Run) planAdopted(ctx context.Context, rows []ledger.Shard, pass int, before *known) error {
	planned, err := adopt.Index(ctx, r.effects, r.index(pass), adopt.Parts(r.files(), rows, pass), before.slots())
	planned.Pass = pass
	r.planned = planned
	if err != nil {
		return err
	}
	return r.book.Change(ctx, pass, func(_ *book.Head, p *book.Pass) { p.Plan = &planned })
}
