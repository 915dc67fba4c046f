package state

import (
	"context"
	"errors"
	"sync"
)

// group does several transfers at a time, and no further one after an error.
type group struct {
	ctx   context.Context //nolint:containedctx // of a group that ends with the call that made it
	end   context.CancelCauseFunc
	slots chan struct{}
	all   sync.WaitGroup

	mu  sync.Mutex
	err error
}

func newGroup(ctx context.Context) *group {
	g := &group{slots: make(chan struct{}, transfers)}
	g.ctx, g.end = context.WithCancelCause(ctx)
	return g
}

// do waits for a slot and does it in its own goroutine.
func (g *group) do(transfer func(context.Context) error) {
	g.slots <- struct{}{}
	g.all.Go(func() {
		defer func() { <-g.slots }()
		if err := transfer(g.ctx); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.err == nil {
				g.err = err
				g.end(err)
			}
		}
	})
}

// wait gives the first error once all have ended.
func (g *group) wait() error {
	g.all.Wait()
	g.end(errors.New("the group has ended"))
	return g.err
}
