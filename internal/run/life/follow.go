package life

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
)

// Collect brings shards as far as they get without anything being sent: intents are looked for, jobs are polled, and those that
// ended are collected, whatever they ended as. With wait it follows open jobs to their end; without, it looks once. What
// blocks one shard does not keep the others from being collected: failed has an error for each such shard.
func (l *Life) Collect(ctx context.Context, rows []*ledger.Shard, wait bool) (failed []error, err error) {
	blocked := map[quarry.ShardID]bool{}
	for {
		var next time.Time
		for _, s := range rows {
			if blocked[s.ID] {
				continue
			}
			open, err := l.collectOne(ctx, s, wait)
			var q *quarry.Error
			if errors.As(err, &q) && ctx.Err() == nil {
				blocked[s.ID], failed = true, append(failed, err)
				continue
			}
			if err != nil {
				return failed, err
			}
			if open && (next.IsZero() || s.Due.Before(next)) {
				next = s.Due
			}
		}
		if next.IsZero() || !wait {
			return failed, nil
		}
		select {
		case <-time.After(min(max(time.Until(next), time.Millisecond), time.Minute)):
		case <-ctx.Done():
			return failed, context.Cause(ctx)
		}
	}
}

// collectOne steps one shard until it is done or has to wait, and reports whether it waits.
func (l *Life) collectOne(ctx context.Context, s *ledger.Shard, wait bool) (open bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		before := s.State
		switch s.State {
		case quarry.ShardIntended:
			known, err := l.Find(ctx, s)
			if err != nil {
				return true, err
			}
			if !known {
				return false, nil // never sent; the run command looks once more and continues
			}
		case quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected:
			if wait && time.Now().Before(s.Due) && time.Until(s.Due) < 5*time.Minute { // a clock set back makes it later
				return true, nil
			}
			s.Due = time.Now() // it was held, as every new row is
			stepErr := l.Step(ctx, s)
			var halted interface{ Unwrap() error }
			if stepErr != nil && (s.State == before || !errors.As(stepErr, &halted)) {
				return false, stepErr
			}
			err = stepErr // a job that failed: the row is saved as the step left it
		default:
			return false, nil
		}
		if saveErr := l.Ledger.Save(context.WithoutCancel(ctx), s); saveErr != nil {
			return false, saveErr
		}
		if err != nil {
			return false, err
		}
		if s.State == before {
			return true, nil
		}
	}
}
