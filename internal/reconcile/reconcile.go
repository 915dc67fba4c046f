// Package reconcile decides who ticks a run's shards, and when.
//
// It owns the loop claim → step → save with its leases and fences, and knows nothing of what a step does. It is level
// triggered: a step is told only how a row stands, never what happened, so a lost or doubled tick changes nothing. What
// always holds: a row is stepped by one claimant at a time, and what a step found out is saved before the row is
// stepped again. The local driver here ticks from this process; a driver on a shared ledger needs the same Config.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"quarry"
	"quarry/internal/ledger"
)

// Step brings one shard one state further, or finds that it has to wait: it changes State, Due and Detail of the row it
// is given. It is idempotent: it may be run again for the same state after a crash. An error stops the whole run and
// leaves the row as it was.
type Step func(ctx context.Context, s *ledger.Shard) error

// Halt is a step's error that stops the run, but lets the row be saved as the step left it.
type Halt struct{ Err error }

// Error gives the cause's text.
func (h *Halt) Error() string { return h.Err.Error() }

// Unwrap gives the cause.
func (h *Halt) Unwrap() error { return h.Err }

// Config says what is ticked.
type Config struct {
	Ledger *ledger.Ledger
	Step   Step
	// Refill is called before the first claim and after every save: it releases rows for which there is room now.
	Refill func(ctx context.Context) error
	// Owner names the claimant in the ledger, for people.
	Owner string
	// Workers is how many rows are stepped at once. Zero: 4.
	Workers int
	// Lease is how long a claim lasts unless it is renewed, which happens every third of it. Zero: 2 minutes.
	Lease time.Duration
	// Longest is longer than any step asks to wait: a row due later is due now, since the clock was set back. Zero: 5 minutes.
	Longest time.Duration
}

// Run ticks until every released row is done, a step fails, or ctx ends.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	if cfg.Lease == 0 {
		cfg.Lease = 2 * time.Minute
	}
	if cfg.Longest == 0 {
		cfg.Longest = 5 * time.Minute
	}
	if err := cfg.Refill(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l := &loop{Config: cfg, changed: make(chan struct{})}
	var workers sync.WaitGroup
	for range cfg.Workers {
		workers.Go(func() {
			if err := l.work(ctx); err != nil {
				stop(err)
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

type loop struct {
	Config

	claims  sync.Mutex
	stepped []quarry.ShardID // rows that workers of this process have in hand

	mu      sync.Mutex
	busy    int           // workers in a step
	changed chan struct{} // closed and replaced whenever a row was saved
}

// work claims and steps until nothing is left that could become due.
func (l *loop) work(ctx context.Context) error {
	for ctx.Err() == nil {
		changed := l.claimed(+1)
		s, err := l.claim(ctx)
		if err == nil {
			err = l.tick(ctx, &s)
			l.letGo(s.ID)
			l.claimed(-1)
			l.wake()
			if err != nil {
				return err
			}
			continue
		}
		l.claimed(-1)
		if !errors.Is(err, ledger.ErrNothingDue) {
			return err
		}
		now := time.Now()
		if n, err := l.Ledger.Hasten(ctx, now, now.Add(l.Longest)); err != nil {
			return err
		} else if n > 0 {
			continue
		}
		due, ok, err := l.Ledger.NextDue(ctx)
		if err != nil {
			return err
		}
		if !ok && l.idle() {
			l.wake() // the others may be waiting for a change that will not come
			return nil
		}
		wait := time.Minute
		if ok {
			wait = min(wait, max(time.Until(due), 10*time.Millisecond))
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(wait):
		}
	}
	return ctx.Err()
}

// claim takes a due row that no other worker of this process steps. A lease alone would not tell: a clock that jumps ahead, as
// on a machine that slept, ends them all while their steps go on.
func (l *loop) claim(ctx context.Context) (ledger.Shard, error) {
	l.claims.Lock()
	defer l.claims.Unlock()
	s, err := l.Ledger.Claim(ctx, l.Owner, time.Now(), l.Lease, l.stepped...)
	if err == nil {
		l.stepped = append(l.stepped, s.ID)
	}
	return s, err
}

func (l *loop) letGo(id quarry.ShardID) {
	l.claims.Lock()
	defer l.claims.Unlock()
	l.stepped = slices.DeleteFunc(l.stepped, func(s quarry.ShardID) bool { return s == id })
}

// tick runs one step and saves what it found.
func (l *loop) tick(ctx context.Context, s *ledger.Shard) error {
	stepCtx, cancel := context.WithCancel(ctx)
	renewed := make(chan error, 1)
	go func() { renewed <- l.renew(stepCtx, s, cancel) }()
	err := l.Step(stepCtx, s)
	cancel()
	if lost := <-renewed; lost != nil {
		return lost
	}
	var halt *Halt
	if err != nil && !errors.As(err, &halt) {
		return err
	}
	// What was done has to be remembered even when the run was just told to stop.
	saveCtx, done := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer done()
	if err := l.Ledger.Save(saveCtx, s, time.Time{}); err != nil {
		return err
	}
	if halt != nil {
		return halt.Err
	}
	return l.Refill(saveCtx)
}

// renew keeps the claim while a step runs; a claim that is lost ends the step.
func (l *loop) renew(ctx context.Context, s *ledger.Shard, cancel func()) error {
	id, fence := s.ID, s.Fence // the step changes the rest of the row meanwhile
	every := time.NewTicker(l.Lease / 3)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-every.C:
			if err := l.Ledger.Renew(ctx, id, fence, now.Add(l.Lease)); err != nil && ctx.Err() == nil {
				cancel()
				return fmt.Errorf("keep hold of shard %s: %w", id, err)
			}
		}
	}
}

// claimed counts workers that may hold a row, and gives the channel that the next wake closes.
func (l *loop) claimed(n int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy += n
	return l.changed
}

func (l *loop) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy == 0
}

func (l *loop) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}
