package worker

import (
	"context"
	"slices"
	"sync"
)

// slots shares the records in flight evenly among the jobs that have unanswered records, so a small job does not wait for
// a large one.
type slots struct {
	size int

	mu      sync.Mutex
	free    int
	jobs    int // that take part
	waiting []*claim
}

// claim is one job's part. One goroutine takes for it, any may give back.
type claim struct {
	held  int
	ready chan struct{}
}

func newSlots(n int) *slots { return &slots{size: n, free: n} }

// join lets a job take part until leave.
func (s *slots) join() *claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs++
	return &claim{}
}

// leave ends the taking, not the giving back: what the job still holds comes back later.
func (s *slots) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs--
	s.grant()
}

func (s *slots) take(ctx context.Context, c *claim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	ready := make(chan struct{})
	c.ready = ready
	s.waiting = append(s.waiting, c)
	s.grant()
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	at := slices.Index(s.waiting, c)
	if at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
	}
	s.mu.Unlock()
	if at < 0 {
		s.give(c) // it was granted in the same moment
	}
	return ctx.Err()
}

func (s *slots) give(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.held--
	s.free++
	s.grant()
}

// grant hands free slots to the waiting jobs that hold the fewest, up to an even share. The caller holds mu.
func (s *slots) grant() {
	for s.free > 0 && len(s.waiting) > 0 {
		share := (s.size + s.jobs - 1) / s.jobs
		least := 0
		for i, c := range s.waiting {
			if c.held < s.waiting[least].held {
				least = i
			}
		}
		c := s.waiting[least]
		if c.held >= share {
			return // what is free is for those who come next
		}
		s.waiting = slices.Delete(s.waiting, least, least+1)
		s.free--
		c.held++
		close(c.ready)
	}
}
