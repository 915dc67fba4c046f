// Package calls answers the records of a shard by on-demand calls.
//
// It owns when a call is made and made again: the slots that all shards share, the pace, the prompt cache, and the journal of
// calls, which becomes the shard's raw output. It does not own whether a shard may be sent, its row, or what an answer is worth.
// What always holds: an intent is durable before its call; what the provider refused costs no attempt; over all its attempts a
// record has at most one call that is made again for want of a reply; a round that ends waits for the calls under way.
package calls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/inflight"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/event"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// How many calls are under way at once by default. The number that a run needs is the product of the pace that the quotas
// allow and of the model's latency; the bound is for memory, connections and what a crash can leave unknown.
const (
	Most      = 512
	MostLocal = 64 // as many as the stand-in answers at once
)

// repliesBytes bounds the replies in memory that are not on the disk yet. Processing one takes a few times its size.
const repliesBytes = 32 << 20

// Grace is how long a round that has to end waits for the calls under way: their answers are paid for.
const Grace = time.Minute

// Config says what is called and how fast.
type Config struct {
	Client      *bedrock.Client
	Model       string
	Type        quarry.InvocationType
	MaxOutput   int           // tokens of an answer at most; 0: not known
	Quotas      quarry.Quotas // of on-demand calls
	Concurrency int           // calls under way at once, of all shards together
	CachePrefix []byte        // the system prompt to mark for the prompt cache; empty: none
	Local       bool          // the provider is a stand-in: its quotas may be used in bursts, and a 503 is final
	Watch       event.Watch
}

// Caller makes the calls of a run. Its shards share slots, pace and prompt cache. It is safe for concurrent use.
type Caller struct {
	cfg     Config
	slots   chan struct{}
	replies *inflight.Budget
	pacer   *bedrock.Pacer
	cached  atomic.Bool // a call that writes the prompt cache was made
	warned  atomic.Bool // of a call larger than a minute's quota
}

// New makes no call.
func New(cfg Config) *Caller {
	return &Caller{
		cfg: cfg, slots: make(chan struct{}, cfg.Concurrency), replies: inflight.New(repliesBytes),
		pacer: newPacer(cfg.Quotas, cfg.Local),
	}
}

// Answer calls the model with every record of a shard's input file that has no answer yet, and seals the answers as the
// shard's raw output. progress receives how many records are answered; counts says what this process did, also with an error.
// When ctx ends, no further call begins; the error is the context's cause. The next Answer continues.
func (c *Caller) Answer(
	ctx context.Context, files shardfile.Dir, s *ledger.Shard, progress func(done int64),
) (out collect.Output, counts ledger.Calls, err error) {
	log, answered, begun, err := files.OpenCalls(ctx, s.ID)
	if err != nil {
		return out, counts, err
	}
	r := &round{Caller: c, shard: s, log: log, report: progress, done: int64(len(answered))}
	err = r.all(ctx, files, answered, begun)
	if err := errors.Join(err, log.Close()); err != nil {
		return out, r.counts, err
	}
	out, err = files.SealCalls(s.ID, s.Attempt)
	return out, r.counts, err
}

// round is the calls of one process for one shard.
type round struct {
	*Caller
	shard  *ledger.Shard
	log    *shardfile.CallLog
	report func(done int64)

	mu     sync.Mutex
	counts ledger.Calls
	done   int64  // records with an outcome
	why    string // why calls wait, as it was reported last
	whyAt  time.Time
}

// request is one record without an answer.
type request struct {
	id     quarry.RecordID
	input  []byte
	begun  int  // calls that an earlier process began for it
	resent bool // a call of an earlier attempt had no reply and was made again
}

// all makes the calls for the records without an answer. The pace and the model's latency decide how many are under way at
// once; the slots bound it.
func (r *round) all(ctx context.Context, files shardfile.Dir, answered map[quarry.RecordID]bool, begun map[quarry.RecordID]int) error {
	resent, err := files.ResentBefore(r.shard.ID)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	inFlight, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(Grace, end)
		if n := len(r.slots); n > 0 {
			r.cfg.Watch.Note(fmt.Sprintf("ending; waiting at most %[2]s for the answers to %[1]d calls under way, which are billed", n, Grace))
		}
	})()
	var callers sync.WaitGroup
	for q, err := range unanswered(files.Input(r.shard.ID), answered) {
		if err == nil {
			q.begun, q.resent = begun[q.id], resent[q.id]
			err = r.start(ctx, inFlight, &q, stop, &callers)
		}
		if err != nil {
			stop(err)
			break
		}
	}
	callers.Wait()
	return context.Cause(ctx)
}

// start makes a record's calls in a goroutine of its own, once there is a slot for it and the pace allows the first call.
func (r *round) start(ctx, inFlight context.Context, q *request, stop context.CancelCauseFunc, callers *sync.WaitGroup) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.warnOfLargeCall(r.shard.ID, q)
	ticket, err := r.pacer.Take(ctx, len(q.input), r.answerLimit(q.input))
	if err != nil {
		<-r.slots
		return err
	}
	call := func() {
		err := r.answer(ctx, inFlight, q, ticket)
		<-r.slots
		if err != nil {
			stop(err)
			return
		}
		r.progress()
	}
	if len(r.cfg.CachePrefix) > 0 && r.cached.CompareAndSwap(false, true) {
		call() // alone: concurrent calls would each pay for writing the same prefix
		return context.Cause(ctx)
	}
	callers.Go(call)
	return nil
}

// unanswered gives the records of an input file that have no answer yet, in its order.
func unanswered(path string, answered map[quarry.RecordID]bool) iter.Seq2[request, error] {
	return func(yield func(request, error) bool) {
		var checker jsonl.Checker
		for line, err := range lines.Raw(path) {
			if err != nil {
				yield(request{}, err)
				return
			}
			l, err := collect.Parse(&checker, bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				yield(request{}, fmt.Errorf("read %s: %w", path, err))
				return
			}
			if !answered[l.RecordID] && !yield(request{id: l.RecordID, input: l.ModelInput}, nil) {
				return
			}
		}
	}
}

func (r *round) progress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.report(r.done)
}

// count notes something in the counts of the round.
func (r *round) count(note func(*ledger.Calls)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	note(&r.counts)
}
