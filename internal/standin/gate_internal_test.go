package standin

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheGateLetsNobodyInWhileItIsShut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := g.shut(ctx); !errors.Is(err, errBusy) {
			t.Fatalf("shut with a request inside: %v, want errBusy", err)
		}
		if err := g.enter(t.Context()); err != nil { // it is open again
			t.Fatal(err)
		}
		g.leave()
		var inside atomic.Bool
		go func() {
			reopen, err := g.shut(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			inside.Store(true)
			time.Sleep(time.Second)
			inside.Store(false)
			reopen()
		}()
		synctest.Wait()
		if inside.Load() {
			t.Error("it is shut although a request is inside")
		}
		g.leave()
		synctest.Wait()
		if !inside.Load() {
			t.Error("it is not shut although the last request has left")
		}
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		if inside.Load() {
			t.Error("a request entered while it was shut")
		}
		g.leave()
	})
}
