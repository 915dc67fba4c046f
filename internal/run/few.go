package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/ledger"
)

// mayCall reports whether records that no job takes may be asked by runtime calls: they cost twice as much, and nothing
// on a stand-in.
func (r *Run) mayCall() bool { return r.cfg.Local || r.cfg.Rescue || r.cfg.Mode == quarry.ModeAuto }

// leaveUnasked seals a shard whose records nobody may ask: each is left over, and no later round takes it.
func (r *Run) leaveUnasked(ctx context.Context, s *ledger.Shard) error {
	log, _, _, err := r.files().OpenCalls(s.ID)
	if err != nil {
		return err
	}
	if err := log.Close(); err != nil {
		return err
	}
	out, err := r.files().SealCalls(s.ID, s.Attempt)
	if err != nil {
		return err
	}
	if err := r.heavily(ctx, func() error { return r.settle(ctx, s, out) }); err != nil {
		return fmt.Errorf("leave shard %s unasked: %w", s.ID, err)
	}
	s.Times.Collected = time.Now()
	return s.State.Advance(quarry.ShardCalling, quarry.ShardCollected)
}

// countUnasked adds up the records of the pass that no job took.
func (r *Run) countUnasked(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		if s := &shards[i]; s.Pass == r.planned.Pass && s.Unasked != "" {
			r.belowMinimum += s.Records
		}
	}
	return nil
}
