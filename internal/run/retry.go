package run

import (
	"context"

	"quarry"
	"quarry/internal/run/rounds"
)

// queue is the retry queue, as its records are sent now.
func (r *Run) queue(ctx context.Context) *rounds.Queue {
	first := func(id quarry.ShardID) (int64, error) {
		s, err := r.ledger.Shard(ctx, id)
		return firstOrder(&s), err
	}
	return &rounds.Queue{
		Effects: r.effects, Files: r.files(), First: first, MaxLine: r.bounds().MaxLine(),
		Plain: r.asked.StructuredAuto && !r.asked.Prompt.Structured(),
	}
}

// planRetries plans a round of further attempts: the only arrow that leads back. It takes the queue of all ended shards, so that
// few records of many shards fill one job. more reports whether there is anything to send, unsent how many queued records are not sent
// any more. among, if not nil, narrows it to some shards: if they queue too little for a job, that waits for the others, and so do
// merges.
func (r *Run) planRetries(ctx context.Context, among []quarry.ShardID) (more bool, unsent int64, err error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, 0, err
	}
	queue := r.queue(ctx)
	from, records := rounds.Waiting(shards, r.planned.Pass, among)
	if among == nil && r.planned.Long > 0 && r.asked.Long != nil {
		journals := append(r.journals(rounds.Parted(shards)), r.carriedParts()...)
		m := rounds.Merges{Pass: r.index(r.planned.Pass), Journals: journals, Renderer: r.asked.Long.Merge}
		id, merges, err := queue.AddMerges(ctx, shards, &m)
		if err != nil {
			return false, 0, err
		}
		if merges > 0 {
			from, records = append(from, id), records+merges
		}
	}
	if records == 0 {
		return false, 0, nil
	}
	mode, late, err := r.retryMode(ctx)
	if err != nil {
		return false, 0, err
	}
	how := rounds.Decide(records, mode, r.bounds(), among != nil, r.basis().OnDemandHint())
	if how.Note != "" {
		r.deps.Watch.Note(how.Note)
	}
	if how.Mode == "" {
		return false, how.Unsent, nil
	}
	rows, note, err := queue.Cut(ctx, from, r.planned.Pass, how.Mode, r.bounds())
	if err != nil {
		return false, 0, err
	}
	if note != "" {
		r.deps.Watch.Note(note)
	}
	for i := range rows {
		rows[i].Late = late
	}
	if err := r.number(ctx, rows); err != nil {
		return false, 0, err
	}
	return true, 0, r.ledger.AddShards(ctx, rows, nil, rounds.Takes(from, rows[0].ID))
}
