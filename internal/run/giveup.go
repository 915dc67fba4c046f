package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
	"quarry/internal/run/resume"
)

// A command that was refused or interrupted does not bind the next one. A pass that has sent nothing is dropped as soon as a
// command differs. A pass that has sent something is given up if the next command has other settings: what it has not sent is
// dropped, what it has sent is followed to its end and collected with the settings that it was sent with, and its answers stay
// known. A pass that stopped at its gate is given up too if its sources were corrected.

// letGo drops or gives up the pass at hand where this command is not the one that it was planned for.
func (r *Run) letGo(ctx context.Context) error {
	head, rows, err := r.headAndRows(ctx)
	if err != nil || head.Ended() || head.WithoutSources() {
		return err
	}
	kept, err := r.book.Pass(ctx, head.Pass)
	if err != nil || kept.Plan == nil {
		return err
	}
	flags, err := r.cfg.PlanFlags(r.cfg.Bounds(0).MayCall(), r.pools.Refs())
	if err != nil {
		return err
	}
	rows = resume.OfPass(rows, head.Pass)
	fate := r.command().Fate(&head, &kept, rows, flags)
	if fate == resume.IfCorrected {
		now, err := source.Contents(ctx, r.cfg.Sources, r.cfg.Dir)
		if err != nil {
			return err
		}
		if fate = resume.Continue; now != kept.Judged {
			fate = resume.GiveUp
		}
	}
	switch fate {
	case resume.Drop:
		return r.dropPass(ctx, head.Pass, rows)
	case resume.GiveUp:
		if err := r.deps.refusal(ctx, head.Pass+1); err != nil { // no pass is given up for a command that sends nothing
			return err
		}
		return r.giveUp(ctx, head.Pass, rows)
	case resume.GivingUp:
		return r.giveUp(ctx, head.Pass, rows)
	}
	moved := head.Region != r.cfg.Region || head.Bucket != r.deps.Bucket.Name()
	return life.FreeUnsent(ctx, r.deps.Ledger, r.pools, rows, moved)
}

// dropPass removes every trace of a pass that has sent nothing.
func (r *Run) dropPass(ctx context.Context, n int, rows []ledger.Shard) error {
	if err := r.book.Drop(ctx, n, rows, func(h *book.Head, p *book.Pass) { h.Seen, *p = "", book.Pass{} }); err != nil {
		return err
	}
	for i := range rows {
		if err := r.files.Remove(rows[i].ID); err != nil {
			return err
		}
	}
	return r.index(n).Remove()
}

// giveUp ends a pass that has sent something, for a command with other settings. Each step can be made again after a crash.
func (r *Run) giveUp(ctx context.Context, n int, rows []ledger.Shard) error {
	p, err := r.sentPass(ctx, n)
	if err != nil {
		return err
	}
	kept, err := p.dropUnsent(ctx, rows)
	if err != nil {
		return err
	}
	open := 0
	for i := range kept {
		if s := kept[i].State; s == quarry.ShardSubmitted || s == quarry.ShardIntended {
			open++
		}
	}
	text := fmt.Sprintf("pass %d is not finished; this command gives it up: what it has not sent is dropped, and its answers are kept", n)
	if open > 0 {
		text += fmt.Sprintf("; %s open and collected first (`quarry stop` ends jobs early)", figure.Clause(open, "job", "is", "are"))
	}
	r.deps.Watch.Note(text)
	l, err := p.life(ctx, true)
	if err != nil {
		return err
	}
	if err := l.Drain(ctx, kept); err != nil {
		return err
	}
	r.at = n
	if err := p.remember(ctx); err != nil {
		return err
	}
	return r.book.Change(ctx, n, func(h *book.Head, p *book.Pass) {
		p.Ended = &book.Ended{At: time.Now().UTC()}
		r.cfg.NotePass(h, n+1)
		h.Abandoned, h.Seen = 0, ""
	})
}

// dropUnsent drops the shards of a pass that the provider never received, and gives the others.
func (p *pass) dropUnsent(ctx context.Context, rows []ledger.Shard) (kept []ledger.Shard, err error) {
	l, err := p.life(ctx, true)
	if err != nil {
		return nil, err
	}
	kept, gone, err := l.Unsent(ctx, rows, p.cfg.ListLag)
	if err != nil {
		return nil, err
	}
	if err := p.book.Drop(ctx, p.number, gone, func(h *book.Head, _ *book.Pass) { h.Abandoned = p.number }); err != nil {
		return nil, err
	}
	for i := range gone {
		if err := p.files.Remove(gone[i].ID); err != nil {
			return nil, err
		}
	}
	return kept, nil
}
