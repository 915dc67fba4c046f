package inflight_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quarry/internal/base/inflight"
)

func TestNoMoreIsHeldThanTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inflight.New(100)
		var held, most atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				h := b.Hold()
				if err := h.Grow(t.Context(), 30); err != nil {
					t.Error(err)
				}
				most.Store(max(most.Load(), held.Add(30)))
				time.Sleep(time.Second)
				held.Add(-30)
				h.Release()
			})
		}
		wg.Wait()
		// Three of 30 fit into 100. The oldest may come on top, where younger ones took the room before it woke.
		if got := most.Load(); got < 90 || got > 120 {
			t.Errorf("%d bytes were held at once, want 90, or 120 with the oldest", got)
		}
	})
}

func TestReplyLargerThanTheBudgetGetsThroughAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inflight.New(100)
		small := b.Hold()
		if err := small.Grow(t.Context(), 60); err != nil {
			t.Fatal(err)
		}
		passed := false
		go func() {
			h := b.Hold()
			defer h.Release()
			passed = h.Grow(t.Context(), 1000) == nil
		}()
		synctest.Wait()
		if passed {
			t.Error("it did not wait for the hold that was there")
		}
		small.Release()
		synctest.Wait()
		if !passed {
			t.Error("it still waits, and no bytes are held")
		}
	})
}

// Holds that grow while others grow must not wait for each other for ever.
func TestHoldsThatGrowInStepsAllEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inflight.New(10)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				h := b.Hold()
				defer h.Release()
				for range 5 {
					if err := h.Grow(t.Context(), 3); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait()
	})
}

func TestGivingUpLeavesNothingHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inflight.New(10)
		first := b.Hold()
		if err := first.Grow(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Hold().Grow(ctx, 5); !errors.Is(err, context.Canceled) {
			t.Errorf("Grow = %v, want the context's error", err)
		}
		first.Release()
		if err := b.Hold().Grow(t.Context(), 10); err != nil {
			t.Error(err)
		}
	})
}

func TestReaderTakesWhatIsRead(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"of a known length": 3000, "of an unknown one": -1, "of a wrong one": 7} {
		b := inflight.New(1 << 20)
		h := b.Hold()
		got, err := io.ReadAll(h.Reader(t.Context(), strings.NewReader(strings.Repeat("x", 3000)), length, 1<<20))
		if err != nil || len(got) != 3000 {
			t.Errorf("%s: %d bytes, %v; want 3000", name, len(got), err)
		}
		h.Release()
	}
	var none *inflight.Budget
	h := none.Hold()
	if got, err := io.ReadAll(h.Reader(t.Context(), strings.NewReader("x"), 1, 1)); err != nil || string(got) != "x" {
		t.Errorf("without a budget: %q, %v", got, err)
	}
	h.Release()
}
