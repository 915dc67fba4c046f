// Package reconcile decides when a run's shards are ticked.
//
// It owns the loop next → step → save, and knows nothing of what a step does. It is level-triggered: a step sees the state
// of a row, never what happened, so a lost or doubled tick changes nothing. Other processes do not matter here: the lock of
// the run's directory keeps them out. What always holds: a row is stepped by one worker at a time, and what a step found
// out is saved before the row is stepped again.
package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
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
	// Refill is called before the first tick and after every save: it releases rows for which there is room now.
	Refill func(ctx context.Context) error
	// Workers is how many rows are stepped at once. Zero: 4.
	Workers int
	// Longest is longer than any step asks to wait: a row due later is due now, since the clock was set back. Zero: 5 minutes.
	Longest time.Duration
}

// Run ticks until every released row is done, a step fails, or ctx ends.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Workers == 0 {
		cfg.Workers = 4
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

	mu      sync.Mutex
	stepped []quarry.ShardID // rows that workers have in hand
	changed chan struct{}    // closed and replaced whenever a row was saved
}

// work steps rows until nothing is left that could become due.
func (l *loop) work(ctx context.Context) error {
	for ctx.Err() == nil {
		s, changed, err := l.take(ctx)
		if err == nil {
			err = l.tick(ctx, &s)
			l.letGo(s.ID)
			if err != nil {
				return err
			}
			continue
		}
		if !errors.Is(err, ledger.ErrNothingDue) {
			return err
		}
		if more, err := l.pause(ctx, changed); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// take gives a due row that no other worker steps, and the channel that is closed when one of them has saved its row.
func (l *loop) take(ctx context.Context) (ledger.Shard, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.Ledger.Next(ctx, time.Now(), l.stepped...)
	if err == nil {
		l.stepped = append(l.stepped, s.ID)
	}
	return s, l.changed, err
}

// letGo gives a row back, and lets the others look again.
func (l *loop) letGo(id quarry.ShardID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stepped = slices.DeleteFunc(l.stepped, func(s quarry.ShardID) bool { return s == id })
	close(l.changed)
	l.changed = make(chan struct{})
}

// pause waits until a row may be due. It reports false when none will be: no row waits, and no worker could release one.
func (l *loop) pause(ctx context.Context, changed <-chan struct{}) (more bool, err error) {
	now := time.Now()
	if n, err := l.Ledger.Hasten(ctx, now, now.Add(l.Longest)); err != nil || n > 0 {
		return true, err
	}
	l.mu.Lock()
	due, waits, err := l.Ledger.NextDue(ctx, l.stepped...)
	idle := len(l.stepped) == 0
	l.mu.Unlock()
	if err != nil || !waits && idle {
		return false, err
	}
	wait := time.Minute
	if waits {
		wait = min(wait, max(time.Until(due), 10*time.Millisecond))
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-time.After(wait):
	}
	return true, nil
}

// tick runs one step and saves what it found.
func (l *loop) tick(ctx context.Context, s *ledger.Shard) error {
	err := l.Step(ctx, s)
	var halt *Halt
	if err != nil && !errors.As(err, &halt) {
		return err
	}
	// What was done has to be remembered even when the run was just asked to stop.
	saveCtx, done := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer done()
	if err := l.Ledger.Save(saveCtx, s); err != nil {
		return err
	}
	if halt != nil {
		return halt.Err
	}
	return l.Refill(saveCtx)
}
