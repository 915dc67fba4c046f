package life

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/reconcile"
	"quarry/internal/outcome/collect"
	"quarry/internal/prepare/pack"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/input"
	"quarry/internal/run/limits"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
	"quarry/internal/run/settle"
	"quarry/internal/run/shardfile"
)

// Config is what the life of the shards of one pass needs.
type Config struct {
	RunJSON runjson.Run // without the places and the time of its creation, which are read when it is written
	Ledger  *ledger.Ledger
	Book    *book.Book
	Effects *effect.Effects
	Dir     string // of the run
	Files   shardfile.Dir
	Pools   *pool.Pools
	Watch   event.Watch

	Job        bedrock.CreateRequest // what the jobs of all shards have in common
	Validate   validate.Config
	Poll       time.Duration // the first wait for a job
	KeepShards bool          // input files stay

	Cap      *limits.Cap // nil: none
	Costs    *limits.Costs
	Deadline *Deadline

	// Build writes the input file and the part of the index of a planned shard.
	Build   func(context.Context, *ledger.Shard) (input.Built, error)
	MayCall bool // records that no job takes may be sent as on-demand calls
	// Queue gives the queued records of shards, for a retry shard that is cut again.
	Queue func(from []quarry.ShardID) iter.Seq2[pack.Item, error]
	// Answer sends the records of a shard as on-demand calls; see calls.Caller.
	Answer func(ctx context.Context, files shardfile.Dir, s *ledger.Shard, progress func(done int64)) (collect.Output, ledger.Calls, error)

	Settler *settle.Settler // makes journals of output
}

// Life is the life of the shards of one pass. Safe for concurrent use, by one goroutine a shard. It remembers nothing that a new
// one would not find in the rows, but how often a shard waited and which intents are fresh.
type Life struct {
	Config
	schedule *pool.Schedule
	heavy    chan struct{} // the slot of what needs both cores and much memory
	sending  chan struct{} // the slot of uploads: one fills the line with its parts, and four hold 160 MB of them
	turns    turns
	fresh    sync.Map // ShardID → job attempt whose intent this process wrote and has not sent
	waits    sync.Map // ShardID → how often it waited
}

// New gives the life of the shards of a ledger.
func New(cfg Config) *Life {
	return &Life{Config: cfg, schedule: cfg.Pools.Schedule(), heavy: make(chan struct{}, 1), sending: make(chan struct{}, 1)}
}

// callsAtOnce is how many shards of a pass of jobs are sent as calls at once. One keeps the whole quota busy, the second
// bridges the first one's end; the other workers are for jobs, which have to be seen ending meanwhile.
const callsAtOnce = 2

// turns are the shards that turned from jobs to calls and are sent now.
type turns struct {
	mu  sync.Mutex
	now []quarry.ShardID
}

func (t *turns) begin(id quarry.ShardID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.now) == callsAtOnce {
		return false
	}
	t.now = append(t.now, id)
	return true
}

func (t *turns) end(id quarry.ShardID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = slices.DeleteFunc(t.now, func(o quarry.ShardID) bool { return o == id })
}

// exclusive runs what needs both cores and much memory, one at a time.
func (l *Life) exclusive(ctx context.Context, act func() error) error {
	return alone(ctx, l.heavy, act)
}

// alone acts when the slot is free.
func alone(ctx context.Context, slot chan struct{}, act func() error) error {
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
		return act()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait leaves the row as it is and says why.
func (l *Life) wait(s *ledger.Shard, why string, first time.Duration) error {
	if s.Waits != why {
		l.Watch.Send(event.Event{Kind: event.Waiting, Shard: s.ID, Text: why})
	}
	s.Waits = why
	first = max(first, 10*time.Millisecond) // a gate may compute it, down to zero and less
	s.Due = time.Now().Add(first*9/10 + time.Duration(rand.Int64N(int64(first/5))))
	return nil
}

// waitOr waits where waiting can help (throttling, no slot, no network, expired credentials), and gives every other
// error back. The row keeps its state, so what was intended is looked up before it is done again.
func (l *Life) waitOr(s *ledger.Shard, err error) error {
	if errors.Is(err, effect.ErrHook) || errors.Is(err, context.Canceled) {
		return err
	}
	var fault *bedrock.Fault
	if !errors.As(err, &fault) {
		if errors.Is(err, bucket.ErrExpired) {
			return l.waitLonger(s, err.Error()+logInAgain)
		}
		if errors.Is(err, bucket.ErrLater) {
			return l.waitLonger(s, err.Error()+retried)
		}
		return err
	}
	switch {
	case fault.Code == "ExpiredTokenException":
		return l.waitLonger(s, fault.Error()+logInAgain)
	case fault.Cause == bedrock.CauseThrottled, fault.Cause == bedrock.CauseNoSlot, fault.Cause == bedrock.CauseModel,
		fault.Cause == bedrock.CauseUnknown && fault.Code != "ValidationException":
		return l.waitLonger(s, fault.Error()+retried)
	}
	return err
}

// What a person does about a wait: nothing, or something.
const (
	retried    = " (retried automatically)"
	logInAgain = "; log in again: a profile or `aws sso login` is read again automatically; " +
		"for keys in AWS_… variables, press Ctrl-C and rerun the same command"
)

// waitLonger waits twice as long each time the same happens, up to a minute.
func (l *Life) waitLonger(s *ledger.Shard, why string) error {
	n, _ := l.waits.LoadOrStore(s.ID, 0)
	count := n.(int)
	l.waits.Store(s.ID, count+1)
	return l.wait(s, why, min(time.Second<<min(count, 6), time.Minute))
}

// halt saves the row as it is and stops the run.
func halt(err error) error { return &reconcile.Halt{Err: err} }
