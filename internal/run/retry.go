package run

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/pack"
	"quarry/internal/run/cut"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// leftovers gives the records that shards left, and the merges that can be asked, by the documents' order: so a retry shard's journal is in that order too.
func (r *Run) leftovers(ctx context.Context, from []quarry.ShardID) iter.Seq2[shardfile.Left, error] {
	return func(yield func(shardfile.Left, error) bool) {
		var files []lines.Sorted
		for i, id := range from {
			if isMerges(id) {
				files = append(files, lines.Sorted{Path: r.files().Left(id), Rank: i})
				continue
			}
			s, err := r.ledger.Shard(ctx, id)
			if err != nil {
				yield(shardfile.Left{}, err)
				return
			}
			files = append(files, lines.Sorted{Path: r.files().Left(id), From: firstOrder(&s), Rank: i})
		}
		lines.Merge(files, func(l *shardfile.Left) int64 { return l.Order })(yield)
	}
}

// planRetries plans a round of further attempts: the only arrow that leads back. It gathers what all ended shards left, so
// that few records of many shards fill one job. It reports whether there was anything to do. among, where it is not nil,
// narrows it to some shards: what they leave that is too little for a job waits for the others, and so do merges.
func (r *Run) planRetries(ctx context.Context, among []quarry.ShardID) (bool, error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	var from []quarry.ShardID
	var records, retries, seq int64
	for i := range shards {
		s := &shards[i]
		seq = max(seq, s.Seq)
		if s.Pass == r.planned.Pass && s.State == quarry.ShardDone && s.Tally.Left > 0 && s.HandsTo == "" && s.Unasked == "" && (among == nil || slices.Contains(among, s.ID)) {
			from = append(from, s.ID)
			records += s.Tally.Left
		}
	}
	if among == nil {
		id, merges, err := r.planMerges(ctx, shards)
		if err != nil {
			return false, err
		}
		if merges > 0 {
			from = append(from, id)
			records += merges
		}
	}
	if records == 0 {
		return false, nil
	}
	numbers, err := r.numbered(ctx, shards)
	if err != nil {
		return false, err
	}
	retries = int64(numbers[quarry.RetryShard])
	mode, late, err := r.retryMode(ctx)
	if err != nil {
		return false, err
	}
	if mode == quarry.ModeJob && records < r.cfg.Quotas.MinRecords {
		if among != nil {
			return false, nil
		}
		if !r.mayCall() {
			r.unsent = records
			what := ": failed; --below-minimum ondemand sends them on demand" + r.basis().OnDemandHint() + ", --below-minimum hold keeps them for a later run"
			if r.belowMinimum() == Hold {
				what = ", waiting for a run with enough records; --below-minimum ondemand sends them now" + r.basis().OnDemandHint()
			}
			r.watch(Event{Kind: Note, Text: tooFewText(records, r.cfg.Quotas.MinRecords) + what})
			return false, nil
		}
		mode = quarry.ModeOnDemand
		r.watch(Event{Kind: Note, Text: tooFewText(records, r.cfg.Quotas.MinRecords) + ": sent again by on-demand calls"})
	}
	rows, err := r.retryShards(ctx, from, mode, retries, seq)
	if err != nil {
		return false, err
	}
	for i := range rows {
		rows[i].Late = late
	}
	takes := map[quarry.ShardID]quarry.ShardID{}
	for _, id := range from {
		if isMerges(id) {
			continue // no shard's
		}
		takes[id] = rows[0].ID
	}
	return true, r.ledger.AddShards(ctx, rows, nil, takes)
}

// retryShards cuts the leftovers into shards.
func (r *Run) retryShards(ctx context.Context, from []quarry.ShardID, mode quarry.Mode, before, seq int64) ([]ledger.Shard, error) {
	rows, few, err := cut.Leftovers(ctx, r.leftoverItems(ctx, from), from, r.planned.Pass, mode, r.bounds())
	if err != nil {
		return nil, err
	}
	for i := range rows {
		n := int64(i) + 1
		rows[i].ID, rows[i].Seq = quarry.NewShardID(quarry.RetryShard, int(before+n)), seq+n
	}
	if few != "" {
		r.watch(Event{Kind: Note, Text: few})
	}
	return rows, nil
}

// leftoverItems gives what is left by its place among the leftovers of a round, and the size of its next attempt.
func (r *Run) leftoverItems(ctx context.Context, from []quarry.ShardID) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		place := int64(0)
		for l, err := range r.leftovers(ctx, from) {
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			input, err := r.nextInput(&l)
			if err != nil {
				yield(pack.Item{}, fmt.Errorf("attempt %d at record %s: %w", l.Attempt, l.RecordID, err))
				return
			}
			if !yield(pack.Item{Order: place, Bytes: shardfile.LineBytes(l.RecordID.Again(l.Attempt), input)}, nil) {
				return
			}
			place++
		}
	}
}
