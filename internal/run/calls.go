package run

import (
	"context"
	"sync"
	"time"

	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/calls"
	"quarry/internal/run/event"
)

// newCaller gives what makes the on-demand calls of the run's shards.
func (r *Run) newCaller() *calls.Caller {
	return calls.New(calls.Config{
		Client: r.bedrock, Model: r.asked.Model, Type: r.asked.Type, MaxOutput: r.asked.MaxOutput, Quotas: r.cfg.Quotas,
		Concurrency: r.cfg.Concurrency, CachePrefix: r.asked.CachePrefix, Local: r.cfg.Local, Watch: r.deps.Watch,
	})
}

// answer makes the calls of a shard, until they are all answered or a request to stop is seen, within a second.
func (r *Run) answer(ctx context.Context, s *ledger.Shard) (collect.Output, error) {
	ctx, stop := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer stop(nil)
	watcher.Go(func() { r.obeyStop(ctx, stop) })
	out, counts, err := r.caller.Answer(ctx, r.files(), s, func(done int64) {
		r.clock.Answered(s.ID, done)
		r.deps.Watch.Send(event.Event{Kind: event.Progress, Step: "calls", Shard: s.ID, Done: done, Total: s.Records})
	})
	s.Calls.Add(&counts)
	return out, err
}

// obeyStop ends a context when the run is requested to stop.
func (r *Run) obeyStop(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if r.stopRequested() {
			stop(r.stopError())
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
