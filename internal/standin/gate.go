package standin

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errBusy says that requests did not end in time.
var errBusy = errors.New("requests are still under way")

// gate lets requests through, and keeps them waiting while what they use is replaced.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{} // while it is shut: closed when the last request has left
	opened chan struct{} // while it is shut: closed when it opens again
}

// enter waits until the gate is open. The caller calls leave when its request has ended.
func (g *gate) enter(ctx context.Context) error {
	for {
		g.mu.Lock()
		opened := g.opened
		if opened == nil {
			g.inside++
		}
		g.mu.Unlock()
		if opened == nil {
			return nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// shut waits until no request is inside and keeps new ones waiting until reopen is called. When ctx ends first, the gate is open
// again and the error wraps errBusy.
func (g *gate) shut(ctx context.Context) (reopen func(), err error) {
	g.mu.Lock()
	for g.opened != nil { // another call has shut it
		opened := g.opened
		g.mu.Unlock()
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errBusy, context.Cause(ctx))
		}
		g.mu.Lock()
	}
	opened, empty := make(chan struct{}), make(chan struct{})
	g.opened = opened
	if g.inside == 0 {
		close(empty)
	} else {
		g.empty = empty
	}
	g.mu.Unlock()
	reopen = func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.opened, g.empty = nil, nil
		close(opened)
	}
	select {
	case <-empty:
		return reopen, nil
	case <-ctx.Done():
		reopen()
		return nil, fmt.Errorf("%w: %w", errBusy, context.Cause(ctx))
	}
}
