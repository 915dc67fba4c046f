package run

import (
	"cmp"
	"context"

	"quarry/internal/base/ledger"
	"quarry/internal/run/adopt"
	"quarry/internal/run/book"
	"quarry/internal/run/pilot"
	"quarry/internal/run/previous"
	"quarry/internal/run/resume"
)

// closeAdopted makes a pass of the records that were taken over, and its results. Once all of them are here the pass is
// finished, and the next one begins when sources are named.
func (p *pass) closeAdopted(ctx context.Context, c *Collected, rows []ledger.Shard) error {
	if err := p.planAdopted(ctx, rows); err != nil {
		return err
	}
	if err := p.writeResults(ctx, takenOver); err != nil {
		return err
	}
	if err := p.delivered.KeepResults(p.number); err != nil {
		return err
	}
	if _, err := p.makeReport(ctx, takenOver); err != nil {
		return err
	}
	if err := p.delivered.WriteReport(&p.made); err != nil {
		return err
	}
	last := resume.Passes(rows, p.number)
	if len(c.Running) > 0 || len(c.Errors) > 0 || p.number != last[len(last)-1] {
		return nil
	}
	c.Done = true
	if err := p.finished(ctx, nil); err != nil {
		return err
	}
	kept, err := p.book.Pass(ctx, p.number)
	if err != nil {
		return err
	}
	least := p.cfg.PilotMinValid
	if kept.Asked != nil {
		least = cmp.Or(kept.Asked.PilotMinValid, least)
	}
	if rows, err = p.deps.Ledger.Shards(ctx); err != nil || pilot.Passed(rows, p.number, least, p.cfg.Judge().SchemaRefused) {
		return err
	}
	return p.book.Change(ctx, p.number, func(h *book.Head, _ *book.Pass) { h.FinishedSettings = "" }) // the next pass has a pilot of its own
}

// planAdopted makes a pass of the records that were taken over: its index, and its plan.
func (p *pass) planAdopted(ctx context.Context, rows []ledger.Shard) error {
	before, err := previous.OfAdopted(ctx, p.book, p.index, rows, p.number)
	if err != nil {
		return err
	}
	defer before.Close()
	planned, err := adopt.Index(ctx, p.deps.Effects, p.index(p.number), adopt.Parts(p.files, rows, p.number), before.Known)
	planned.Pass = p.number
	p.planned = planned
	if err != nil {
		return err
	}
	return p.book.Change(ctx, p.number, func(_ *book.Head, kept *book.Pass) { kept.Plan = &planned })
}
