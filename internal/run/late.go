package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/ledger"
	"quarry/internal/run/verdict"
)

// act does what a verdict says of a shard. It reports whether the shard may take its next step; else the row is saved as it is
// now.
func (r *Run) act(ctx context.Context, s *ledger.Shard, v verdict.Verdict) (bool, error) {
	switch v := v.(type) {
	case verdict.Go:
		return true, nil
	case verdict.Wait:
		return false, r.wait(s, v.Why, v.For)
	case verdict.Move:
		return false, r.move(s, v)
	case verdict.ToCalls:
		return false, r.turnToCalls(s, v.Mode)
	case verdict.StopJob:
		return false, r.stopJob(ctx, s)
	case verdict.Cut:
		return false, r.exclusive(ctx, func() error { return r.cut(ctx, s, &v) })
	}
	return false, fmt.Errorf("shard %s: no act for verdict %T", s.ID, v)
}

// inTime says whether the deadline lets a shard take its next step.
func (r *Run) inTime(ctx context.Context, s *ledger.Shard) (verdict.Verdict, error) {
	if s.Mode != quarry.ModeJob || s.Unasked != "" {
		return verdict.Go{}, nil
	}
	if err := r.watchDeadline(ctx); err != nil {
		return nil, err
	}
	attempt, fresh := r.fresh.Load(s.ID)
	return r.clock.Held().Check(s, fresh && attempt == s.Attempt), nil
}

// turnToCalls takes a shard that has no job out of its pool, to be sent as on-demand calls.
func (r *Run) turnToCalls(s *ledger.Shard, mode quarry.Mode) error {
	r.sched.Leave(s.ID)
	r.release(s.ID)
	s.Mode, s.Late, s.Pool = mode, true, ledger.Pool{}
	s.Due, s.Waits = time.Now(), ""
	return r.back(s)
}

// move gives a shard to another pool.
func (r *Run) move(s *ledger.Shard, v verdict.Move) error {
	name := r.sched.Name(v.To)
	if v.Why != "" {
		name += ": " + v.Why
	}
	r.watch(Event{Kind: Placed, Shard: s.ID, Text: name, Total: s.Records})
	s.Pool = v.To
	s.Due, s.Waits = time.Now(), ""
	return r.back(s)
}

// back makes a shard built again that has no job. Another attempt has another job name and another token: a request that was sent
// for the intent and the next one can never be taken for one, and no output is looked for where this one's was meant to be.
func (r *Run) back(s *ledger.Shard) error {
	switch s.State {
	case quarry.ShardUploaded:
		return s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt)
	case quarry.ShardIntended:
		r.fresh.Delete(s.ID)
		s.Attempt++
		s.Intent = ledger.Intent{}
		return s.State.Advance(quarry.ShardIntended, quarry.ShardBuilt)
	}
	return nil
}

// release takes back what the cap let a shard through for.
func (r *Run) release(id quarry.ShardID) {
	if r.cap == nil {
		return
	}
	r.money.Lock()
	defer r.money.Unlock()
	r.cap.Release(id)
}

// stopJob asks for the end of a shard's job, since it is late. What it has answered by then is collected.
func (r *Run) stopJob(ctx context.Context, s *ledger.Shard) error {
	pool, err := r.pools.Of(s)
	if err != nil {
		return err
	}
	s.Late = true
	if err := pool.Bedrock.Stop(ctx, s.Job.ARN); err != nil {
		return r.waitOr(s, err)
	}
	s.Job.Status, s.Job.Polls = quarry.JobStopping, 0
	s.Due = r.nextPoll(s)
	r.watch(Event{Kind: JobStatus, Shard: s.ID, Text: string(quarry.JobStopping)})
	return nil
}

// refused says what becomes of a shard whose job the provider refused for want of room. Calls or another pool take its place once
// no job of that name is known, and the same request was refused again, which known says.
func (r *Run) refused(s *ledger.Shard, known bool, why error) verdict.Verdict {
	if cause := bedrock.CauseOf(why); cause != bedrock.CauseNoSlot && cause != bedrock.CauseThrottled {
		return verdict.Go{}
	}
	if v := r.clock.Held().Refused(); known && v != (verdict.Go{}) {
		return v
	}
	return r.sched.Refused(s, known, time.Now())
}

// callsAtOnce is how many shards of a pass of jobs are asked by calls at once. One keeps the whole quota busy, the second
// bridges the first one's end; the other workers are for jobs, which have to be seen ending meanwhile.
const callsAtOnce = 2

// callInTurn sends a shard as calls once it is its turn.
func (r *Run) callInTurn(ctx context.Context, s *ledger.Shard) error {
	if !s.Late {
		return r.call(ctx, s)
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
		defer r.clock.Ended(s.ID)
		return r.call(ctx, s)
	default:
		return r.wait(s, "the calls of other shards", time.Second)
	}
}
