package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/pool"
)

// Pool is one place where jobs run; see package pool.
type Pool = pool.Pool

// gatherPools puts the home pool, which the Config describes, before the further ones, and lets every shard fit into each
// of them: where one goes is decided when it is built.
func (r *Run) gatherPools(further []Pool) {
	home := Pool{Region: r.cfg.Region, Model: r.asked.Model, RoleARN: r.cfg.RoleARN, Quotas: r.cfg.Quotas, Bucket: r.bucket, Bedrock: r.bedrock}
	r.pools = pool.New(append([]Pool{home}, further...), r.deps.PoolAt)
	r.cfg.Quotas = r.pools.Quotas()
}

// samePools names the pools that still have shards and that the command does not name, and refuses where they cannot be reached.
// A shard that was not sent yet is given to another.
func (r *Run) samePools(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	left := map[string]int64{}
	for i := range shards {
		s := &shards[i]
		if s.Mode != quarry.ModeJob || !(s.State.Open() || s.State == quarry.ShardEnded || s.State == quarry.ShardUploaded) {
			continue
		}
		p, err := r.pools.Of(s)
		if err != nil {
			return err
		}
		if r.pools.Named(s) == nil {
			left[p.Region+", bucket "+p.Bucket.Name()]++
		}
	}
	for _, place := range slices.Sorted(maps.Keys(left)) {
		r.deps.Watch.Send(event.Event{Kind: event.Note, Text: fmt.Sprintf("%s in %s, which this command does not name: they are followed and collected there; what is not sent yet goes to %s",
			figure.Count(left[place], "job"), place, r.pools.Home().Region)})
	}
	return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { h.Pools = r.pools.Refs() })
}
