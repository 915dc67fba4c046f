package worker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxAhead is how far the clock may be moved in all: beyond the year 2262 times have no nanoseconds in 64 bits, and a sum
// that overflows would turn the clock back.
const maxAhead = 100 * 365 * 24 * time.Hour

// ErrTooFar is a move that would put the clock more than a hundred years ahead.
var ErrTooFar = errors.New("the clock can be moved a hundred years ahead in all")

// clock is a source of time that can be moved forward.
type clock struct {
	source func() time.Time

	mu    sync.Mutex
	ahead time.Duration
	moved chan struct{} // closed and replaced when ahead changes
}

func newClock(source func() time.Time, ahead time.Duration) *clock {
	return &clock{source: source, ahead: min(max(ahead, 0), maxAhead), moved: make(chan struct{})}
}

func (c *clock) now() time.Time {
	now, _ := c.read()
	return now
}

func (c *clock) read() (time.Time, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source().Add(c.ahead).UTC(), c.moved
}

// advance moves the clock once keep has stored the new distance from the source.
func (c *clock) advance(d time.Duration, keep func(time.Duration) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > maxAhead-c.ahead {
		return ErrTooFar
	}
	if err := keep(c.ahead + d); err != nil {
		return err
	}
	c.ahead += d
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

// wait returns nil when the clock has reached until, or the context's error.
func (c *clock) wait(ctx context.Context, until time.Time) error {
	for {
		now, moved := c.read()
		left := until.Sub(now)
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
