package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry/internal/base/figure"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/results"
	"quarry/internal/run/shardfile"
)

// extent is which documents of a pass are in its results.
type extent int

const (
	whole     extent = iota // all: each has ended
	soFar                   // those that have ended
	takenOver               // those of a run that was taken over; documents that were never sent are not known
)

// export writes the results of the whole pass.
func (r *Run) export(ctx context.Context) (count, error) { return r.exportAs(ctx, whole) }

// exportAs joins all attempts at each document and writes results.jsonl in the order of the sources, and failed.jsonl.
func (r *Run) exportAs(ctx context.Context, how extent) (count, error) {
	if err := r.setAside(ctx); err != nil {
		return count{}, err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return count{}, err
	}
	pass := r.index(r.planned.Pass)
	column, err := pass.OpenDispositions()
	if err != nil {
		return count{}, err
	}
	defer func() { _ = column.Close() }()
	out, err := results.Create(r.effects, r.cfg.Dir, pass)
	if err != nil {
		return count{}, err
	}
	defer out.Abort()
	open := r.passBefore
	if how == takenOver {
		open = r.adoptedBefore
	}
	before, err := open(ctx)
	if err != nil {
		return count{}, err
	}
	if before != nil {
		defer before.Close()
	}
	taken, err := results.OpenTakenOver(pass, out, before.slots())
	if err != nil {
		return count{}, err
	}
	defer taken.Close()
	files := append(r.journals(shards), lines.Sorted{Path: pass.Path(index.SkippedFile)}, lines.Sorted{Path: pass.Path(index.EarlierFile), Rank: -1})
	files = append(files, r.unbuilt(shards)...)
	closing := answers.Closing{Partial: how != whole, Unsent: r.unsent, UnsentKind: r.bounds().UnsentKind()}
	var attempts []shardfile.Outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		if err := taken.Before(attempts[0].Order); err != nil {
			return err
		}
		return out.Add(attempts[0].Order, closing.Result(attempts), answers.LastAttempt(attempts), answers.Paid(attempts))
	}
	for o, err := range lines.Merge(files, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return count{}, err
		}
		if o.RecordID == "" { // never asked; when the sources were read, its id was not known to come again
			if t, err := column.Disposition(o.Order); err != nil {
				return count{}, err
			} else if t == index.SameID {
				continue
			}
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return count{}, err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	if err := errors.Join(give(), taken.Before(r.planned.Orders)); err != nil {
		return count{}, err
	}
	t := out.Totals()
	if how != whole {
		r.totals = t
		return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, out.Commit(r.planned.Orders)
	}
	if t.Total != r.planned.Documents || t.OK+t.Invalid+t.Failed+t.Skipped != t.Total {
		return count{}, fmt.Errorf("export: %s planned, but %s ended: %s ok, %s invalid, %s failed, %s skipped", figure.Clause(r.planned.Documents, "document", "was", "were"),
			figure.Thousands(t.Total), figure.Thousands(t.OK), figure.Thousands(t.Invalid), figure.Thousands(t.Failed), figure.Thousands(t.Skipped))
	}
	if before != nil {
		if err := pass.KeepGone(before.Known); err != nil {
			return count{}, err
		}
	}
	if err := out.Commit(r.planned.Orders); err != nil {
		return count{}, err
	}
	if err := r.keepAnswers(); err != nil {
		return count{}, err
	}
	r.totals = t
	return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, nil
}

// keepAnswers copies the results, so that the next pass finds them whatever becomes of the file that people see.
func (r *Run) keepAnswers() error {
	return r.index(r.planned.Pass).KeepResults(r.effects, filepath.Join(r.cfg.Dir, results.File))
}
