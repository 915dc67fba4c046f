package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/index"
)

// Records of ten megabytes and more fill a file before it holds a batch job's minimum. A shard of those is no job: its
// records are asked by runtime calls where that was allowed, and else not at all.

// tooFew finds the shards that are too small to be a job, decides what becomes of them, and says so; "" where there are
// none.
func (r *Run) tooFew(rows []ledger.Shard) string {
	var records int64
	for i := range rows {
		s := &rows[i]
		if s.Mode != quarry.ModeJob || s.Records >= r.cfg.Quotas.MinRecords {
			continue
		}
		records += s.Records
		if r.mayCall() {
			s.Mode = quarry.ModeOnDemand
		} else {
			s.Unasked = quarry.KindBelowMinimum
		}
	}
	switch {
	case records == 0:
		return ""
	case r.mayCall():
		return fmt.Sprintf("%d records are so large that a file cannot hold the %d a batch job needs: asked by runtime calls", records, r.cfg.Quotas.MinRecords)
	}
	return fmt.Sprintf("%d records are so large that a file cannot hold the %d a batch job needs: they end failed; --rescue asks them on demand", records, r.cfg.Quotas.MinRecords)
}

// mayCall reports whether records that no job takes may be asked by runtime calls: they cost twice as much, and nothing
// on a stand-in.
func (r *Run) mayCall() bool { return r.cfg.Local || r.cfg.Rescue || r.cfg.Mode == quarry.ModeAuto }

// pilotTooLarge reports whether the pilot's records do not fit into one file together.
func (r *Run) pilotTooLarge(ctx context.Context) (bool, error) {
	p, limit := &r.planned, r.maxLine()
	if p.Pilot == 0 || p.Mode != quarry.ModeJob || limit == 0 || p.LineBytes <= limit {
		return false, nil
	}
	var bytes int64
	for d, err := range r.index(p.Pass).Taken() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return false, err
		}
		if d.Take == index.Pilot {
			bytes += int64(d.Bytes)
		}
	}
	return bytes > limit, nil
}

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
