package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/reconcile"
	"quarry/internal/run/rounds"
)

// steps is the whole product, in order. Each asks the ledger what is left and does only that.
// Between pilot and export is the life of each shard (package life), ticked by reconcile.
func (r *Run) steps() []step {
	return []step{
		{"plan", r.plan},           // read, clean, count, cut into shards; refuse what cannot be sent
		{"preflight", r.preflight}, // free checks before paid work; stops, never warns
		{"pilot", r.pilot},         // a small sample; its answers decide on the rest
		{"shards", r.shards},       // each: build → submit → watch → collect → retry
		{"export", r.export},       // every document once, in the order of the sources
		{"report", r.writeReport},  // what it cost, how long it took
	}
}

// shards runs all shards to completion, then rounds of retries, until no queued record is left that may be sent.
func (r *Run) shards(ctx context.Context) (count, error) {
	for more := true; more; {
		err := r.reconcile(ctx, "")
		if err == nil {
			more, r.unsent, err = r.planRetries(ctx, nil)
		}
		if err != nil {
			return count{}, err
		}
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return count{}, err
	}
	r.unsent += rounds.Unsent(rows, r.planned.Pass)
	counts, err := r.ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	done := counts.States[quarry.ShardDone]
	return count{taken: counts.Total(), done: done, failed: counts.Total() - done}, nil
}

// reconcile ticks all shards of a kind, or all there are, to their end. At most the free slots + 2 are under way between
// planned and ended, so that the disk does not fill with files that cannot be sent yet.
func (r *Run) reconcile(ctx context.Context, kind quarry.ShardKind) error {
	ahead := r.cfg.Quotas.OpenJobs
	if ahead == 0 {
		ahead = math.MaxInt32
	}
	ahead += 2
	refill := func(ctx context.Context) error {
		all, err := r.ledger.Count(ctx, "")
		if err != nil {
			return err
		}
		if all.Held == 0 {
			return nil
		}
		underway := all.Unfinished() - all.States[quarry.ShardEnded] - all.States[quarry.ShardCollected]
		return r.ledger.Release(ctx, time.Now(), ahead-underway, kind)
	}
	shards, err := r.life(ctx, false)
	if err != nil {
		return err
	}
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: r.ledger, Step: shards.Step, Refill: refill}); err != nil {
		return err
	}
	counts, err := r.ledger.Count(ctx, kind)
	if err != nil {
		return err
	}
	if done := counts.States[quarry.ShardDone]; done != counts.Total() {
		return fmt.Errorf("%s of %s done and none is due: %w", figure.Thousands(done), figure.Clause(counts.Total(), "shard", "is", "are"), errors.ErrUnsupported)
	}
	return nil
}
