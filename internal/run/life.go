package run

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/input"
	"quarry/internal/run/life"
	"quarry/internal/run/limits"
	"quarry/internal/run/rounds"
	"quarry/internal/run/verdict"
)

// life gives the life of the shards of the pass at hand. final: nothing of them is sent again in it.
func (r *Run) life(ctx context.Context, final bool) (*life.Life, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	cfg := life.Config{
		Run: r.id, Ledger: r.ledger, Effects: r.effects, Dir: r.cfg.Dir, Files: r.files(), Pools: r.pools, Watch: r.deps.Watch,
		Job: bedrock.CreateRequest{
			Type: r.asked.Type, KMSKey: r.cfg.KMSKey, Tags: r.cfg.Tags, TimeoutHours: r.cfg.JobTimeout,
			Subnets: r.cfg.VPCSubnets, SecurityGroups: r.cfg.VPCSecurityGroups, BucketOwner: r.cfg.BucketOwner,
		},
		Validate: r.current().validation(), Poll: r.cfg.Poll, KeepShards: r.cfg.KeepShards,
		Costs: r.costs(), Clock: &r.clock, LookAtDeadline: r.lookAtDeadline, Stop: r.stopRequest,
		Build: r.build, MayCall: r.bounds().MayCall(), Cut: r.cutSmaller, Announce: r.announce, Note: r.note, Answer: r.answer,
		Judge: r.current().judge(), Model: r.asked.Model, Free: r.cfg.Local || r.cfg.Free, Workers: r.cfg.Workers, Final: final,
	}
	if r.cfg.MaxUSD != nil {
		cfg.Cap = limits.NewCap(*r.cfg.MaxUSD)
	}
	return life.New(cfg, rows), nil
}

// build writes the files of a shard of the pass at hand.
func (r *Run) build(ctx context.Context, s *ledger.Shard) (input.Built, error) {
	b := input.Builder{
		Effects: r.effects, Files: r.files(), Index: r.index(r.planned.Pass), Orders: r.planned.Orders, Sources: r.sources, Seen: r.fingerprint,
		Prepare: r.current().preparing(), Queue: r.queue(ctx), Places: &r.places, Model: r.asked.Model,
		Rooms: r.cfg.MaxUSD != nil, MaxAnswer: int64(max(r.asked.MaxTokens, r.asked.MaxOutput)), Watch: r.deps.Watch,
	}
	return b.Build(ctx, s)
}

// costs are what the cost of a shard is computed from, as it is known now.
func (r *Run) costs() *limits.Costs {
	t := r.planned.Texts()
	t.Merges, t.Parts = 0, 0
	e := r.current().answers().Expect(r.learned, t)
	return &limits.Costs{
		Prices: r.cfg.Prices, Pools: r.pools.Refs(), MaxTokens: r.asked.MaxTokens, MaxOutput: r.asked.MaxOutput, MinRecords: r.cfg.Quotas.MinRecords,
		Upper: forecast.UpperOf(&e, t.Records, r.planned.AskedLines), Merges: rounds.IsMerges, CallsBegan: r.callsBegan,
	}
}

// callsBegan reports whether a process began the calls of a shard.
func (r *Run) callsBegan(id quarry.ShardID) bool {
	_, err := os.Stat(r.files().Calls(id))
	return !errors.Is(err, fs.ErrNotExist)
}

// cutSmaller gives the rows of a planned shard in smaller pieces. The first keeps its id.
func (r *Run) cutSmaller(ctx context.Context, s *ledger.Shard, v verdict.Cut) ([]ledger.Shard, error) {
	rows, err := cut.Smaller(ctx, s, r.index(s.Pass), r.queue(ctx).Items(s.Sources), cut.Pieces{Least: v.Least, Most: v.Most, Bytes: v.Bytes})
	if err != nil || len(rows) < 2 {
		return nil, err
	}
	return rows, r.number(ctx, rows[1:])
}
