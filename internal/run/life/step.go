// Package life brings one shard through its life: from a planned row to collected answers.
//
// It owns the order of the states, the jobs, and every change of a row while its shard is under way. It does not decide on
// the cap, on pools or on the deadline: these return a verdict, and life acts on it. It does not plan, and it does not know
// how input files are built. What always holds: a step sees a row and nothing else, and may be run again for the same state
// after a crash; an intent is durable before its job is submitted; whatever was paid for is collected.
package life

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/verdict"
)

// life is the life of a shard: in each state, what can block it, then what is done.
var life = map[quarry.ShardState]stage{
	quarry.ShardPlanned:   {gates{stop, late, underCap}, build},
	quarry.ShardBuilt:     {gates{stop, late, place}, upload},
	quarry.ShardUploaded:  {gates{stop, late, underCap}, intend},
	quarry.ShardIntended:  {gates{late}, submit},
	quarry.ShardSubmitted: {gates{stop, late}, poll},
	quarry.ShardCalling:   {gates{stop, turn, underCap}, call},
	quarry.ShardEnded:     {nil, collectJob},
	quarry.ShardCollected: {nil, finish},
}

type stage struct {
	gates gates
	act   func(context.Context, *Life, *ledger.Shard) error
}

// gates are passed in order; the first that does not say Go ends the step.
type gates []func(context.Context, *Life, *ledger.Shard) (verdict.Verdict, error)

// Step brings a shard one state further, or leaves it to wait.
func (l *Life) Step(ctx context.Context, s *ledger.Shard) error {
	stage, ok := life[s.State]
	if !ok {
		return fmt.Errorf("shard %s: no step for state %q", s.ID, s.State)
	}
	before := s.State
	defer func() {
		l.turns.end(s.ID)
		if s.State != before { // it got on: what it meets next is waited out from the shortest wait
			l.waits.Delete(s.ID)
		}
	}()
	for _, gate := range stage.gates {
		v, err := gate(ctx, l, s)
		if err != nil {
			return err
		}
		if v != (verdict.Go{}) {
			return l.follow(ctx, s, v)
		}
	}
	return stage.act(ctx, l, s)
}

// follow does what a verdict says.
func (l *Life) follow(ctx context.Context, s *ledger.Shard, v verdict.Verdict) error {
	switch v := v.(type) {
	case verdict.Wait:
		return l.wait(s, v.Why, v.For)
	case verdict.Move:
		return l.move(s, v)
	case verdict.ToCalls:
		return l.toCalls(s, v.Mode)
	case verdict.StopJob:
		return l.stopJob(ctx, s, v)
	case verdict.Cut:
		return l.exclusive(ctx, func() error { return l.cut(ctx, s, v) })
	}
	return fmt.Errorf("shard %s: no act for verdict %T", s.ID, v)
}

// stop obeys a request to stop: what was not sent stays unsent, open jobs are stopped, and what they finished is collected.
func stop(ctx context.Context, l *Life, s *ledger.Shard) (verdict.Verdict, error) {
	requested := l.stopRequest()
	if requested == nil {
		return verdict.Go{}, nil
	}
	if s.State == quarry.ShardSubmitted {
		if s.Job.Status == quarry.JobStopping || s.Job.Status.Terminal() {
			return verdict.Go{}, nil
		}
		return verdict.StopJob{}, nil
	}
	// What is open is followed to its end first; then this row is the only one due, and the run ends.
	counts, err := l.Ledger.Count(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, state := range []quarry.ShardState{quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected} {
		if counts.States[state] > 0 {
			return verdict.Wait{Why: "a request to stop", For: time.Second}, nil
		}
	}
	return nil, requested
}

// late follows the deadline.
func late(ctx context.Context, l *Life, s *ledger.Shard) (verdict.Verdict, error) {
	if s.Mode != quarry.ModeJob || s.Unasked != "" {
		return verdict.Go{}, nil
	}
	if err := l.Deadline.Look(ctx); err != nil {
		return nil, err
	}
	attempt, fresh := l.fresh.Load(s.ID)
	return l.Deadline.Held().Check(s, fresh && attempt == s.Attempt), nil
}

// underCap holds the shard back where it could pass the limit of the cost.
func underCap(ctx context.Context, l *Life, s *ledger.Shard) (verdict.Verdict, error) {
	if l.Cap == nil {
		return verdict.Go{}, nil
	}
	var v verdict.Verdict
	err := l.Ledger.Reserve(ctx, s, func(others *ledger.Balance) (takes ledger.Money, err error) {
		v, takes, err = l.Cap.Check(l.Costs, others, s)
		return takes, err
	})
	return v, err
}

// place chooses the pool of a shard that is sent as a job. The choice is saved with it, so the next one to be placed sees it.
func place(ctx context.Context, l *Life, s *ledger.Shard) (v verdict.Verdict, err error) {
	if !asJob(s) || l.schedule.Placed(s) {
		return verdict.Go{}, nil
	}
	err = l.Ledger.Place(ctx, s, l.schedule.Pools(), func(queues []ledger.Queue) (bool, error) {
		chosen := l.schedule.Place(s, queues, time.Now())
		s.Pool, v = chosen.To, chosen
		return true, nil
	})
	return v, err
}

// turn bounds how many shards that turned from jobs to calls are sent at once.
func turn(_ context.Context, l *Life, s *ledger.Shard) (verdict.Verdict, error) {
	if s.Late && !l.turns.begin(s.ID) {
		return verdict.Wait{Why: "the calls of other shards", For: time.Second}, nil
	}
	return verdict.Go{}, nil
}

// move gives a shard to another pool.
func (l *Life) move(s *ledger.Shard, v verdict.Move) error {
	name := l.schedule.Name(v.To)
	if v.Why != "" {
		name += ": " + v.Why
	}
	l.Watch.Send(event.Event{Kind: event.Placed, Shard: s.ID, Text: name, Total: s.Records})
	s.Pool = v.To
	s.Due, s.Waits = time.Now(), ""
	return l.back(s)
}

// toCalls takes a shard that has no job out of its pool, to be sent as on-demand calls.
func (l *Life) toCalls(s *ledger.Shard, mode quarry.Mode) error {
	s.Money = ledger.Money{} // calls cost something else than what was reserved
	s.Mode, s.Late, s.Pool = mode, true, ledger.Pool{}
	s.Due, s.Waits = time.Now(), ""
	return l.back(s)
}

// back makes a shard built again that has no job. Another attempt has another job name and another token: a request that was sent
// for the intent and the next one can never be taken for one, and no output is looked for where this one's was meant to be.
func (l *Life) back(s *ledger.Shard) error {
	switch s.State {
	case quarry.ShardUploaded:
		return s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt)
	case quarry.ShardIntended:
		l.fresh.Delete(s.ID)
		s.Attempt++
		s.Intent = ledger.Intent{}
		return s.State.Advance(quarry.ShardIntended, quarry.ShardBuilt)
	}
	return nil
}

// cut cuts a planned shard into smaller ones of which the first fits under the cap: they are sent one after another, each
// once the one before has turned out cheaper than it might have. Row and new rows change in one transaction, and no record
// gets another id.
func (l *Life) cut(ctx context.Context, s *ledger.Shard, v verdict.Cut) error {
	rows, err := cut.Smaller(ctx, s, index.Of(l.Effects, l.Dir, s.Pass), l.Queue(s.Sources), cut.Pieces{Least: v.Least, Most: v.Most, Bytes: v.Bytes})
	if err != nil {
		return err
	}
	if len(rows) < 2 {
		return v.Else
	}
	if err := l.Book.Number(ctx, rows[1:]); err != nil {
		return err
	}
	l.Watch.Note(fmt.Sprintf("%s and is split into %s, which are sent one after another", v.Why, figure.Thousands(len(rows))))
	first := rows[0]
	s.First, s.FirstPart, s.Last, s.LastPart = first.First, first.FirstPart, first.Last, first.LastPart
	s.Records, s.Bytes, s.Start, s.StartOrder = first.Records, first.Bytes, first.Start, first.StartOrder
	s.Due, s.Waits = time.Now(), ""
	return l.Ledger.Split(ctx, s, rows[1:])
}

// asJob reports whether a shard is sent as a job.
func asJob(s *ledger.Shard) bool { return s.Mode == quarry.ModeJob && s.Unasked == "" }
