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
func (p *pass) closeAdopted(ctx context.Context, c *Collected, rows []ledger.Shard) error {
	before, err := p.adoptedBefore(ctx)
	if err != nil {
		return err
	}
	if before != nil {
		defer before.Close()
	}
	if err := p.planAdopted(ctx, rows, before); err != nil {
		return err
	}
	if err := p.writeResults(ctx, takenOver); err != nil {
		return err
	}
	if err := p.published.KeepResults(p.number); err != nil {
		return err
	}
	if _, err := p.makeReport(ctx, takenOver); err != nil {
		return err
	}
	if err := p.published.WriteReport(&p.made); err != nil {
		return err
	}
	last := passesOf(rows, p.number)
	if len(c.Running) > 0 || len(c.Errors) > 0 || p.number != last[len(last)-1] {
		return nil
	}
	c.Done = true
	if err := p.finished(ctx, nil); err != nil {
		return err
	}
	passed, err := p.pilotPassed(ctx)
	if err != nil || passed {
		return err
	}
	return p.book.Change(ctx, p.number, func(h *book.Head, _ *book.Pass) { h.FinishedSettings = "" }) // the next pass has a pilot of its own
}

// pilotPassed reports whether the rest was asked after the pilot, or may be.
func (p *pass) pilotPassed(ctx context.Context) (bool, error) {
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	for i := range rows {
		if rows[i].Pass == p.number && rows[i].Kind == quarry.MainShard {
			return true, nil
		}
	}
	kept, err := p.book.Pass(ctx, p.number)
	if err != nil {
		return false, err
	}
	least := p.cfg.PilotMinValid
	if kept.Asked != nil {
		least = cmp.Or(kept.Asked.PilotMinValid, least)
	}
	out, err := p.readPilot(ctx)
	return err == nil && out.Judged > 0 && out.Good(least), err
}

// adoptedBefore opens the pass before among those that asked something; nil for the first of them.
func (p *pass) adoptedBefore(ctx context.Context) (*known, error) {
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	earlier := 0
	for i := range rows {
		if n := rows[i].Pass; n < p.number {
			earlier = max(earlier, n)
		}
	}
	planned, ok, err := p.book.Plan(ctx, earlier)
	if earlier == 0 || err != nil || !ok {
		return nil, err
	}
	return openKnown(p.index(earlier), planned), nil
}

// planAdopted makes a pass of the records that were taken over: its index, and its plan.
func (p *pass) planAdopted(ctx context.Context, rows []ledger.Shard, before *known) error {
	planned, err := adopt.Index(ctx, p.deps.Effects, p.index(p.number), adopt.Parts(p.files, rows, p.number), before.slots())
	planned.Pass = p.number
	p.planned = planned
	if err != nil {
		return err
	}
	return p.book.Change(ctx, p.number, func(_ *book.Head, kept *book.Pass) { kept.Plan = &planned })
}
