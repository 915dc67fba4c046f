package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/collect"
	"quarry/internal/effect"
	"quarry/internal/inflight"
	"quarry/internal/jsonl"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// call asks all records of a shard by on-demand calls and seals the answers as the shard's raw output.
func (r *Run) call(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	if v, err := r.withinCap(ctx, s); err != nil {
		return err
	} else if ok, err := r.act(ctx, s, v); err != nil || !ok {
		return err
	}
	if s.Job.Submitted.IsZero() {
		s.Job.Submitted = began
	}
	log, answered, begun, err := r.files().OpenCalls(s.ID)
	if err != nil {
		return err
	}
	err = r.callAll(ctx, s, log, answered, begun)
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	s.Job.Ended, s.Job.Status = time.Now(), quarry.JobCompleted
	out, err := r.files().SealCalls(s.ID, s.Attempt)
	if err != nil {
		return err
	}
	if err := r.exclusive(ctx, func() error { return r.settle(ctx, s, out, true) }); err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(s.Job.Ended)
	return s.State.Advance(quarry.ShardCalling, quarry.ShardCollected)
}

// repliesBytes bounds what is held of the replies to calls until they are on the disk. What is made of a reply on the way takes a few
// times as much.
const repliesBytes = 32 << 20

// callGrace is how long calls under way may still take when the run is told to end: what they answer is paid.
const callGrace = time.Minute

// sayAgain is how often it is told that calls still wait for the same.
const sayAgain = 5 * time.Minute

// asking is one round of calls for a shard.
type asking struct {
	run   *Run
	shard *ledger.Shard
	log   *shardfile.CallLog
	pacer *bedrock.Pacer

	mu     sync.Mutex
	calls  ledger.Calls // what this process made
	done   int64
	said   string // why calls wait, as it was told last
	saidAt time.Time
}

// ask is one record that is to be asked.
type ask struct {
	id     quarry.RecordID
	input  []byte
	begun  int             // calls that an earlier process began for it
	resent bool            // a call of an earlier attempt had no reply and was made again
	ticket *bedrock.Ticket // the leave to make the first one
}

// callAll asks every record that has no answer yet. How many are asked at once is what the pace and the model's latency
// make of it; Concurrency bounds it. When it has to end it begins no further call, and waits for those under way.
func (r *Run) callAll(ctx context.Context, s *ledger.Shard, log *shardfile.CallLog, answered map[quarry.RecordID]bool, begun map[quarry.RecordID]int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	inFlight, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(callGrace, end)
		if n := len(r.calls); n > 0 {
			r.watch(Event{Kind: Note, Text: fmt.Sprintf("ending; calls under way, which are paid for: %d; their answers are waited for, %s at most", n, callGrace)})
		}
	})()
	round := &asking{run: r, shard: s, log: log, pacer: r.pacer(), done: int64(len(answered))}
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	var callers, watcher sync.WaitGroup
	watcher.Go(func() { r.obeyStop(watching, stop) })
	resent, err := r.resentBefore(s)
	if err != nil {
		return err
	}
	err = r.unanswered(s, answered, func(a ask) error {
		select {
		case r.calls <- struct{}{}: // all shards together make Concurrency calls at once
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		a.begun, a.resent = begun[a.id], resent[a.id]
		r.warnOfLargeCall(s.ID, a)
		var err error
		if a.ticket, err = round.pacer.Take(ctx, len(a.input), r.answerLimit(a.input)); err != nil {
			<-r.calls
			return err
		}
		ask := func() {
			err := round.one(ctx, inFlight, a)
			<-r.calls
			if err != nil {
				stop(err)
				return
			}
			round.progress()
		}
		if len(r.cfg.CachePrefix) > 0 && r.cached.CompareAndSwap(false, true) {
			ask() // alone: calls beside it would each pay for writing the same prefix
			return context.Cause(ctx)
		}
		callers.Go(ask)
		return nil
	})
	if err != nil {
		stop(err)
	}
	callers.Wait()
	s.Calls.Add(&round.calls)
	unwatch()
	watcher.Wait()
	return context.Cause(ctx)
}

// obeyStop ends the round within a second of a request to stop, also while its calls wait.
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

// unanswered gives the records of the shard's input file that have no answer yet, in its order.
func (r *Run) unanswered(s *ledger.Shard, answered map[quarry.RecordID]bool, each func(ask) error) error {
	var checker jsonl.Checker
	for line, err := range lines.Raw(r.files().Input(s.ID)) {
		if err != nil {
			return err
		}
		l, err := collect.Parse(&checker, bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return fmt.Errorf("read shard %s: %w", s.ID, err)
		}
		if answered[l.RecordID] {
			continue
		}
		if err := each(ask{id: l.RecordID, input: l.ModelInput}); err != nil {
			return err
		}
	}
	return nil
}

// answerLimit is how many tokens a call takes of the quota for its answer before it has one.
func (r *Run) answerLimit(input []byte) int64 {
	if n := prompt.AnswerLimit(input); n > 0 {
		return n
	}
	if r.cfg.MaxOutput > 0 {
		return int64(r.cfg.MaxOutput)
	}
	return 4096
}

// answerBytes is the room that is taken on the disk for an answer of so many tokens at most: text of most languages takes three
// to five bytes a token, and its quotes and line ends are escaped once more.
func answerBytes(tokens int64) int64 { return 2<<10 + 8*min(tokens, 1<<20) }

func (a *asking) progress() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done++
	a.run.clock.Answered(a.shard.ID, a.done)
	a.run.watch(Event{Kind: Progress, Step: "calls", Shard: a.shard.ID, Done: a.done, Total: a.shard.Records})
}

// say tells why calls wait, once for all of them, and from time to time while it goes on.
func (a *asking) say(fault *bedrock.Fault, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	why := fault.Code + ": " + fault.Message
	if fault.Code == "" {
		why = fault.Message
	}
	if a.said == why && time.Since(a.saidAt) < sayAgain {
		return
	}
	a.said, a.saidAt = why, time.Now()
	a.run.watch(Event{Kind: Waiting, Shard: a.shard.ID, Text: why + "; " + what})
}

// one makes one call: intent, act, outcome. What the provider refused was not done, and is asked again for as long as it
// takes: throttled calls as the pace allows, others after a wait of their own. A call without a reply is made once more, and no more than
// that over all attempts at the record. inFlight outlives ctx by callGrace.
func (a *asking) one(ctx, inFlight context.Context, q ask) error {
	r := a.run
	ticket := q.ticket
	if q.begun > 1 || q.begun > 0 && q.resent { // no reply of two was ever seen: a third call could be a third bill
		ticket.Failed()
		return a.unknown(q.id, "the run ended before it came")
	}
	hold := r.replies.Hold() // until what came is on the disk
	defer hold.Release()
	inFlight = inflight.With(inFlight, hold)
	tier := ""
	if a.shard.Mode == quarry.ModeFlex {
		tier = "flex"
	}
	input := r.withCachePoint(q.input)
	for call, written, refused := q.begun+1, 0, 0; ; {
		if ticket == nil {
			var err error
			if ticket, err = a.again(ctx, q.input, refused); err != nil {
				return err
			}
		}
		if written != call {
			if err := a.log.Begin(&shardfile.Call{RecordID: q.id, Intent: call}, answerBytes(r.answerLimit(q.input))); err != nil {
				ticket.Failed()
				return err
			}
			written = call
		}
		began := time.Now()
		output, err := r.bedrock.Invoke(inFlight, bedrock.Call{RecordID: q.id, ModelID: r.cfg.Model, Type: r.cfg.Type, ModelInput: input, Tier: tier})
		if err == nil {
			a.answered(ticket, output, time.Since(began))
			return a.log.Append(&shardfile.Call{RecordID: q.id, ModelOutput: output})
		}
		var fault *bedrock.Fault
		if inFlight.Err() != nil || errors.Is(err, effect.ErrHook) || !errors.As(err, &fault) {
			ticket.Lost()
			return err
		}
		switch {
		case fault.Cause == bedrock.CauseThrottled:
			ticket.Throttled(fault.Message)
			refused++
			a.count(func(c *ledger.Calls) { c.Throttled++ })
			a.say(fault, paceText(a.pacer.Pace()))
		case r.cfg.Local && fault.Status == 503: // the back end is down: no capacity of AWS's that comes back by itself
			ticket.Failed()
			return a.log.Append(&shardfile.Call{RecordID: q.id, Error: &shardfile.CallError{Code: fault.Status, Message: fault.Message}})
		case fault.Status == 503 || fault.Code == "ModelNotReadyException":
			ticket.Busy()
			refused++
			a.count(func(c *ledger.Calls) { c.Busy++ })
			a.say(fault, "the service has no capacity at the moment, which is not this account's quota; the calls are made again")
		case fault.Unsent || fault.Code == "ExpiredTokenException":
			ticket.Failed()
			refused++
			a.say(fault, "nothing was asked; the calls are made again")
		case fault.Cause == bedrock.CauseDenied:
			ticket.Failed()
			return err
		case fault.Cause == bedrock.CauseUnknown && call == 1 && !q.resent:
			ticket.Lost()
			call++ // it may have been answered and paid: asked once more, and audit lists it
		case fault.Cause == bedrock.CauseUnknown:
			ticket.Lost()
			return a.unknown(q.id, fault.Message)
		default:
			ticket.Failed()
			code := fault.Status
			if code == 0 {
				code = 500
			}
			return a.log.Append(&shardfile.Call{RecordID: q.id, Error: &shardfile.CallError{Code: code, Message: fault.Code + ": " + fault.Message}})
		}
		ticket = nil
	}
}

// again waits, after the nth refusal of a call, until it may be made once more.
func (a *asking) again(ctx context.Context, input []byte, refused int) (*bedrock.Ticket, error) {
	if refused > 0 {
		select {
		case <-time.After(bedrock.Backoff(refused)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return a.pacer.Take(ctx, len(input), a.run.answerLimit(input))
}
