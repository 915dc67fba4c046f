package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/figure"
	"quarry/internal/base/reconcile"
	"quarry/internal/prepare/source"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/input"
	"quarry/internal/run/journals"
	"quarry/internal/run/life"
	"quarry/internal/run/limits"
	"quarry/internal/run/rounds"
	"quarry/internal/run/settle"
)

// shards runs all shards to completion, then rounds of retries, until no queued record is left that may be sent.
func (p *pass) shards(ctx context.Context) (count, error) {
	for more := true; more; {
		err := p.reconcile(ctx, "")
		if err == nil {
			more, p.unsent, err = p.planRetries(ctx, nil)
		}
		if err != nil {
			return count{}, err
		}
	}
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return count{}, err
	}
	p.unsent += rounds.Unsent(rows, p.number)
	counts, err := p.deps.Ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	done := counts.States[quarry.ShardDone]
	return count{taken: counts.Total(), done: done, failed: counts.Total() - done}, nil
}

// reconcile ticks all shards of a kind, or all there are, to their end. At most the free slots + 2 are under way between
// planned and ended, so that the disk does not fill with files that cannot be sent yet.
func (p *pass) reconcile(ctx context.Context, kind quarry.ShardKind) error {
	ahead := p.cfg.Quotas.OpenJobs
	if ahead == 0 {
		ahead = math.MaxInt32
	}
	ahead += 2
	refill := func(ctx context.Context) error {
		all, err := p.deps.Ledger.Count(ctx, "")
		if err != nil {
			return err
		}
		if all.Held == 0 {
			return nil
		}
		underway := all.Unfinished() - all.States[quarry.ShardEnded] - all.States[quarry.ShardCollected]
		return p.deps.Ledger.Release(ctx, time.Now(), ahead-underway, kind)
	}
	shards, err := p.life(ctx, false)
	if err != nil {
		return err
	}
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: p.deps.Ledger, Step: shards.Step, Refill: refill}); err != nil {
		return err
	}
	counts, err := p.deps.Ledger.Count(ctx, kind)
	if err != nil {
		return err
	}
	if done := counts.States[quarry.ShardDone]; done != counts.Total() {
		return fmt.Errorf("%s of %s done and none is due: %w",
			figure.Thousands(done), figure.Clause(counts.Total(), "shard", "is", "are"), errors.ErrUnsupported)
	}
	return nil
}

// life gives the life of the shards of the pass. final: nothing of them is sent again in it.
func (p *pass) life(ctx context.Context, final bool) (*life.Life, error) {
	c, queue := &p.cfg, p.queue(ctx)
	builder := input.Builder{
		Effects: p.deps.Effects, Files: p.files, Index: p.index(p.number), Orders: p.planned.Orders, Sources: p.sources,
		Seen:    func() string { return source.Seen(c.Sources) },
		Prepare: c.Preparing(), Queue: queue, Places: p.places, Model: c.Model,
		Rooms: c.MaxUSD != nil, MaxAnswer: int64(max(c.MaxTokens, c.MaxOutput)), Watch: p.deps.Watch,
	}
	costs := p.costs()
	cfg := life.Config{
		RunJSON: p.runJSON(), Ledger: p.deps.Ledger, Book: p.book, Effects: p.deps.Effects, Dir: c.Dir, Files: p.files, Pools: p.pools,
		Watch: p.deps.Watch,
		Job: bedrock.CreateRequest{
			Type: c.Type, KMSKey: c.KMSKey, Tags: c.Tags, TimeoutHours: c.JobTimeout,
			Subnets: c.VPCSubnets, SecurityGroups: c.VPCSecurityGroups, BucketOwner: c.BucketOwner,
		},
		Validate: c.Validation(), Poll: c.Poll, KeepShards: c.KeepShards,
		Costs: costs, Deadline: p.deadline, Build: builder.Build, MayCall: p.bounds().MayCall(), Queue: queue.Items, Answer: p.caller.Answer,
		Settler: &settle.Settler{
			Effects: p.deps.Effects, Dir: c.Dir, Files: p.files, Watch: p.deps.Watch, Costs: costs,
			Judge: c.Judge(), Model: c.Model, Free: c.Local || c.Free, Workers: c.Workers, Final: final,
		},
	}
	if c.MaxUSD != nil {
		cfg.Cap = limits.NewCap(*c.MaxUSD)
		rows, err := p.deps.Ledger.Shards(ctx)
		if err != nil {
			return nil, err
		}
		// Prices, forecast or cap may be others than those that the rows were accounted for with, by this process or another one.
		if err := p.deps.Ledger.Account(ctx, costs.Account(rows, p.number)); err != nil {
			return nil, err
		}
	}
	return life.New(cfg), nil
}

// bounds are what each shard of the pass must fit.
func (p *pass) bounds() cut.Bounds { return p.cfg.Bounds(p.number) }

// costs are what the cost of a shard is computed from, as it is known now.
func (p *pass) costs() *limits.Costs {
	t := p.planned.Texts()
	t.Merges, t.Parts = 0, 0
	e := p.cfg.Answerer().Expect(p.expected.Learned, t)
	callsBegan := func(id quarry.ShardID) bool {
		_, err := os.Stat(p.files.Calls(id))
		return !errors.Is(err, fs.ErrNotExist)
	}
	return &limits.Costs{
		Prices: p.cfg.Prices, Pools: p.pools.Refs(), MaxTokens: p.cfg.MaxTokens, MaxOutput: p.cfg.MaxOutput, MinRecords: p.cfg.Quotas.MinRecords,
		Upper: forecast.UpperOf(&e, t.Records, p.planned.AskedLines), Merges: rounds.IsMerges, CallsBegan: callsBegan,
	}
}

// work is what the pass has to do before its deadline.
func (p *pass) work() *limits.Work {
	return &limits.Work{
		Records: p.planned.Stages(), Usage: p.expected.Basis(&p.cfg, &p.planned).Usage(), Prices: p.cfg.HomePrices(),
		Quotas: p.cfg.Quotas, Concurrency: p.cfg.Concurrency, Margin: p.cfg.Margin(), Cap: p.cfg.MaxUSD, Costs: p.costs(),
	}
}

// queue is the retry queue, as its records are sent now.
func (p *pass) queue(ctx context.Context) *rounds.Queue {
	first := func(id quarry.ShardID) (int64, error) {
		s, err := p.deps.Ledger.Shard(ctx, id)
		return journals.First(&s), err
	}
	return &rounds.Queue{
		Effects: p.deps.Effects, Files: p.files, First: first, MaxLine: p.bounds().MaxLine(),
		Plain: p.cfg.StructuredAuto && !p.cfg.Prompt.Structured(),
	}
}

// planRetries plans a round of further attempts: the only arrow that leads back. It takes the queue of all ended shards, so that
// few records of many shards fill one job. more reports whether there is anything to send, unsent how many queued records are not sent
// any more. among, if not nil, narrows it to some shards: if they queue too little for a job, that waits for the others, and so do
// merges.
func (p *pass) planRetries(ctx context.Context, among []quarry.ShardID) (more bool, unsent int64, err error) {
	shards, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return false, 0, err
	}
	queue := p.queue(ctx)
	from, records := rounds.Waiting(shards, p.number, among)
	if among == nil && p.planned.Long > 0 && p.cfg.Long != nil {
		parts := append(journals.Sealed(p.files, rounds.Parted(shards), p.number), journals.Carried(p.index(p.number), &p.planned)...)
		m := rounds.Merges{Pass: p.index(p.number), Journals: parts, Renderer: p.cfg.Long.Merge}
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
	mode, late := p.planned.Mode, false
	if mode == quarry.ModeJob {
		if mode, late, err = p.deadline.Retries(ctx); err != nil {
			return false, 0, err
		}
	}
	how := rounds.Decide(records, mode, p.bounds(), among != nil, p.expected.Basis(&p.cfg, &p.planned).OnDemandHint())
	if how.Note != "" {
		p.deps.Watch.Note(how.Note)
	}
	if how.Mode == "" {
		return false, how.Unsent, nil
	}
	rows, note, err := queue.Cut(ctx, from, p.number, how.Mode, p.bounds())
	if err != nil {
		return false, 0, err
	}
	if note != "" {
		p.deps.Watch.Note(note)
	}
	cutOff := rounds.CutOff(shards, from)
	for i := range rows {
		rows[i].Late, rows[i].CutOff = late, cutOff
	}
	if err := p.book.Number(ctx, rows); err != nil {
		return false, 0, err
	}
	return true, 0, p.deps.Ledger.AddShards(ctx, rows, nil, rounds.Takes(from, rows[0].ID))
}
