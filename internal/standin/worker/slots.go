package worker

import (
	"context"
	"slices"
	"sync"
)

// slots shares the records in flight among the running jobs: a free slot goes to the waiting job that holds the
// fewest, so a small job beside a large one is not made to wait for it.
type slots struct {
	mu      sync.Mutex
	free    int // above 0 only while nobody waits
	waiting []*claim
}

// claim is one job's part. One goroutine takes for it, any may give back.
type claim struct {
	held  int
	ready chan struct{}
}

func newSlots(n int) *slots { return &slots{free: n} }

func (s *slots) take(ctx context.Context, c *claim) error {
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return err
	}
	if s.free > 0 {
		s.free--
		c.held++
		s.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	c.ready = ready
	s.waiting = append(s.waiting, c)
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	if at := slices.Index(s.waiting, c); at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
		s.mu.Unlock()
		return ctx.Err()
	}
	s.mu.Unlock()
	s.give(c) // it was granted in the same moment
	return ctx.Err()
}

func (s *slots) give(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.held--
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	least := 0
	for i, w := range s.waiting {
		if w.held < s.waiting[least].held {
			least = i
		}
	}
	next := s.waiting[least]
	s.waiting = slices.Delete(s.waiting, least, least+1)
	next.held++
	close(next.ready)
}
