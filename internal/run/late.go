package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/ledger"
	"quarry/internal/report"
)

// rest is what of a pass has no end yet, in records.
type rest struct {
	all     int64 // that would have to be asked by calls if every job were stopped now
	unsent  int64 // of no job
	open    int64 // of open jobs, without what these have answered
	gated   bool  // an open job is the pilot's, for which the others wait
	settled quarry.USD
	priced  bool // settled is known
}

func (r *Run) restOf(shards []ledger.Shard) rest {
	rest := rest{all: r.planned.Stages(), priced: true}
	main := false
	for i := range shards {
		s := &shards[i]
		if s.Pass != r.planned.Pass {
			continue
		}
		if !s.Times.Collected.IsZero() {
			if usd := r.listCostAt(r.placeOf(s), s.Mode, r.settledUsage(s)); usd != nil {
				rest.settled += *usd
			} else {
				rest.priced = false
			}
		}
		switch {
		case s.Unasked != "":
			rest.all -= s.Records
		case s.State == quarry.ShardCollected || s.State == quarry.ShardDone:
			rest.all -= s.Tally.OK + s.Tally.Invalid + s.Tally.Failed
		case s.State == quarry.ShardCalling:
			if n, ok := r.clock.calls.Load(s.ID); ok {
				rest.all -= n.(int64)
			}
		case s.State.Open() || s.State == quarry.ShardEnded:
			answered := min(s.Job.Counts.Success, s.Records)
			rest.all -= answered
			if s.State.Open() {
				rest.open += s.Records - answered
				rest.gated = rest.gated || s.Kind == quarry.PilotShard
			}
		case s.Mode == quarry.ModeJob:
			rest.unsent += s.Records
			main = main || s.Kind == quarry.MainShard
		}
	}
	rest.all, rest.gated = max(0, rest.all), rest.gated && main
	return rest
}

// watchClock decides, from time to time, whether calls have to begin. What it decides is durable and told before any
// shard follows it.
func (r *Run) watchClock(ctx context.Context) error {
	c := &r.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	d, now := c.held, time.Now()
	if d == nil || now.Before(c.next) || (d.Unsent != nil && d.Open != nil) {
		return nil
	}
	c.next = now.Add(lookAgain)
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	rest := r.restOf(shards)
	if rest.all == 0 {
		return nil
	}
	haste, need := r.haste(), r.callTime(rest.all)
	mode := haste.Mode(d.By.Sub(now), need)
	unsent, open := haste.Moments(d.By, need, mode, rest.gated)
	at := unsent
	if d.Unsent != nil {
		at = open
	}
	if now.Before(at) {
		c.at = at
		return nil
	}
	moved := *d
	moved.Kept = ""
	if d.Unsent == nil {
		moved.Unsent = r.moveOf(movedUnsent, mode, rest.unsent, now)
	} else {
		moved.Open = r.moveOf(movedOpen, mode, rest.open, now)
	}
	if why := r.overCap(&rest, mode, d.By); why != "" {
		if d.Kept != "" { // said before
			return nil
		}
		r.watch(Event{Kind: Note, Text: why})
		moved = *d
		moved.Kept = why
	}
	if err := r.keepDeadline(ctx, &moved); err != nil {
		return err
	}
	for _, m := range []*report.Move{moved.Unsent, moved.Open} {
		if m != nil && m != d.Unsent && m.Records > 0 {
			r.watch(Event{Kind: Note, Text: moveText(m, d.By)})
		}
	}
	c.held, c.next = &moved, time.Time{} // what follows from it is seen at the next tick
	return nil
}

func (r *Run) moveOf(what string, mode quarry.Mode, records int64, now time.Time) *report.Move {
	u := r.shareOf(records)
	return &report.Move{At: now.UTC(), What: what, Mode: mode, Records: records, Cost: r.listCost(mode, u), Instead: r.listCost(quarry.ModeJob, u)}
}

// overCap says why calls are not begun: the cap is harder than the deadline. What is in reach of it is held back shard
// by shard as always.
func (r *Run) overCap(rest *rest, mode quarry.Mode, by time.Time) string {
	if r.cfg.MaxUSD == nil {
		return ""
	}
	calls := r.listCost(mode, r.shareOf(rest.all))
	if calls == nil || !rest.priced {
		return fmt.Sprintf("what is late for %s stays in jobs: the price of calls is not known, so the cap of %s could not be held", moment(by), r.cfg.MaxUSD)
	}
	if rest.settled+*calls <= *r.cfg.MaxUSD {
		return ""
	}
	return fmt.Sprintf("what is late for %s stays in jobs: calls for the rest cost about %s, and the cap of %s would be passed", moment(by), calls, r.cfg.MaxUSD)
}

// decided gives what was decided for shards without a job, and for those with one.
func (r *Run) decided() (unsent, open *report.Move) {
	r.clock.mu.Lock()
	defer r.clock.mu.Unlock()
	if d := r.clock.held; d != nil {
		return d.Unsent, d.Open
	}
	return nil, nil
}

// applyDeadline lets a shard follow what was decided for the deadline. It reports whether that is all for this tick: the row is
// saved before it goes on.
func (r *Run) applyDeadline(ctx context.Context, s *ledger.Shard) (bool, error) {
	if s.Mode != quarry.ModeJob || s.Unasked != "" {
		return false, nil
	}
	if err := r.watchClock(ctx); err != nil {
		return true, err
	}
	unsent, open := r.decided()
	switch s.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded:
		if unsent == nil {
			return false, nil
		}
		return true, r.turnToCalls(s, unsent.Mode)
	case quarry.ShardIntended:
		if unsent == nil {
			return false, nil
		}
		// Only an intent that this process wrote and did not act on: of any other the provider may know a job.
		if attempt, ok := r.fresh.Load(s.ID); !ok || attempt != s.Attempt {
			return false, nil
		}
		r.fresh.Delete(s.ID)
		return true, r.turnToCalls(s, unsent.Mode)
	case quarry.ShardSubmitted:
		if open == nil || s.Job.Status == quarry.JobStopping || s.Job.Status.Terminal() {
			return false, nil
		}
		s.Late = true
		return true, r.stopJob(ctx, s)
	}
	return false, nil
}

// turnToCalls takes a shard that has no job out of its pool, to be asked by calls.
func (r *Run) turnToCalls(s *ledger.Shard, mode quarry.Mode) error {
	switch s.State {
	case quarry.ShardUploaded:
		if err := s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt); err != nil {
			return err
		}
	case quarry.ShardIntended:
		s.Attempt++ // nobody takes the calls' output for that of a job
		if err := s.State.Advance(quarry.ShardIntended, quarry.ShardBuilt); err != nil {
			return err
		}
	}
	r.sched.leave(s.ID)
	r.money.Lock()
	delete(r.underWay, s.ID)
	delete(r.granted, s.ID) // calls cost something else than what was reserved
	r.money.Unlock()
	s.Mode, s.Late, s.Pool, s.Intent = mode, true, ledger.Pool{}, ledger.Intent{}
	s.Due, s.Waits = time.Now(), ""
	return nil
}

// stopJob asks for the end of a shard's job. What it has answered by then is collected.
func (r *Run) stopJob(ctx context.Context, s *ledger.Shard) error {
	pool, err := r.poolOf(s)
	if err != nil {
		return err
	}
	if err := pool.Bedrock.Stop(ctx, s.Job.ARN); err != nil {
		return r.waitOr(s, err)
	}
	s.Job.Status, s.Job.Polls = quarry.JobStopping, 0
	s.Due = r.nextPoll(s)
	r.watch(Event{Kind: JobStatus, Shard: s.ID, Text: string(quarry.JobStopping)})
	return nil
}

// refusedLate turns a shard to calls whose job the provider refused for want of room, when it is late. As with another
// pool, that takes an answer that no job of that name is known, and a second refusal of the same request.
func (r *Run) refusedLate(s *ledger.Shard, asked bool, why error) (bool, error) {
	unsent, _ := r.decided()
	if cause := bedrock.CauseOf(why); unsent == nil || !asked || (cause != bedrock.CauseNoSlot && cause != bedrock.CauseThrottled) {
		return false, nil
	}
	return true, r.turnToCalls(s, unsent.Mode)
}

// callsAtOnce is how many shards of a pass of jobs are asked by calls at once. One keeps the whole quota busy, the second
// bridges the first one's end; the other workers are for jobs, which have to be seen ending meanwhile.
const callsAtOnce = 2

// callInTurn asks a shard by calls once it is its turn.
func (r *Run) callInTurn(ctx context.Context, s *ledger.Shard) error {
	if !s.Late {
		return r.call(ctx, s)
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
		defer r.clock.calls.Delete(s.ID)
		return r.call(ctx, s)
	default:
		return r.wait(s, "the calls of other shards", time.Second)
	}
}

// retryMode is how leftovers are asked: by calls, once no further job is made.
func (r *Run) retryMode(ctx context.Context) (mode quarry.Mode, late bool, err error) {
	if r.planned.Mode != quarry.ModeJob {
		return r.planned.Mode, false, nil
	}
	if err := r.watchClock(ctx); err != nil {
		return "", false, err
	}
	unsent, open := r.decided()
	switch {
	case open != nil:
		return open.Mode, true, nil
	case unsent != nil:
		return unsent.Mode, true, nil
	}
	return quarry.ModeJob, false, nil
}
