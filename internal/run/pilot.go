package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/run/book"
	"quarry/internal/run/expected"
	"quarry/internal/run/pilot"
	"quarry/internal/run/resume"
)

// preflight checks, at no cost, what could fail after money was spent, and asks the user before any is.
func (p *pass) preflight(ctx context.Context) (count, error) {
	if err := pilot.RecallSchema(ctx, p.book, &p.cfg, p.planned.Pilot > 0); err != nil {
		return count{}, err
	}
	if err := p.expected.Make(ctx, &p.cfg, &p.planned); err != nil || p.planned.Asked == 0 {
		return count{}, err
	}
	counts, err := p.deps.Ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	if merges := p.planned.Records() == 0; counts.States[quarry.ShardDone] == counts.Total() && !merges { // nothing will be sent any more
		return count{}, nil
	}
	if p.planned.Beyond > 0 && p.cfg.Window.Known() {
		p.deps.Watch.Note(p.cfg.Window.Advice(p.planned.Beyond, p.planned.Asked, p.planned.FitsAt))
	}
	if p.deps.Preflight != nil {
		if err := p.deps.Preflight(ctx); err != nil {
			return count{}, err
		}
	}
	return count{taken: 1, done: 1}, p.confirm(ctx)
}

// confirm asks the user whether the pass may be sent, unless some of it was, or the process that registered it asked.
func (p *pass) confirm(ctx context.Context) error {
	kept, err := p.book.Pass(ctx, p.number)
	if err != nil {
		return err
	}
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return err
	}
	if resume.Began(rows, p.number, "") {
		if kept.Confirmed != "" {
			p.deps.Confirm = nil
		}
		return nil
	}
	var late time.Time
	question := p.expected.Question(&p.cfg, &p.planned, !p.registers)
	if d := p.deadline.Held(); d != nil && p.planned.Mode == quarry.ModeJob {
		question.Text += d.Question(p.work())
		late = d.By
	}
	question.Run = p.id
	question.Digest = expected.Digest(&p.cfg, &p.planned, &question, late)
	if kept.Confirmed == question.Digest {
		p.deps.Confirm = nil
	}
	if p.deps.Confirm == nil {
		err = p.review.Settled(ctx) // an earlier process may have left its question
	} else {
		err = p.review.Ask(ctx, &question, p.deps.Confirm)
	}
	if err == nil && p.registers {
		return p.book.Change(ctx, p.number, func(_ *book.Head, kept *book.Pass) { kept.Confirmed = question.Digest })
	}
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint += fmt.Sprintf("; or rerun the same command after `quarry approve %s`", p.cfg.Named())
	}
	return err
}

// pilot sends the sample, judges its answers, and blocks the rest if too few are good or a person says no.
func (p *pass) pilot(ctx context.Context) (count, error) {
	head, err := p.book.Head(ctx)
	if err != nil {
		return count{}, err
	}
	if p.planned.Pilot == 0 || head.Finished == p.number { // of a finished pass it was judged and shown
		return count{}, p.review.Settled(ctx)
	}
	step := pilot.Step{
		Plan: &p.planned, Config: &p.cfg, Expected: &p.expected, Effects: p.deps.Effects, Ledger: p.deps.Ledger, Book: p.book, Files: p.files,
		Index: p.index(p.number), Delivered: &p.delivered, Watch: p.deps.Watch, Confirm: p.deps.Confirm, Review: &p.review, ID: p.id,
		Deadline: p.deadline.Held(), Work: p.work,
		Send: p.reconcile,
		Retry: func(ctx context.Context, among []quarry.ShardID) (more bool, err error) {
			more, _, err = p.planRetries(ctx, among)
			return more, err
		},
	}
	out, err := step.Run(ctx)
	if err == nil {
		err = p.review.Settled(ctx)
	}
	if err != nil {
		return count{}, err
	}
	return count{taken: out.Records, done: out.OK, failed: out.Records - out.OK}, nil
}
