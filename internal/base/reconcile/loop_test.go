package reconcile_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/reconcile"
)

// book makes a ledger of planned rows.
func book(t *testing.T, n int) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var rows []ledger.Shard
	for i := range n {
		rows = append(rows, ledger.Shard{ID: quarry.NewShardID(quarry.MainShard, i+1), Seq: int64(i), Kind: quarry.MainShard, State: quarry.ShardPlanned, Mode: quarry.ModeJob})
	}
	if err := l.AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

// Rows are released one at a time here, so the run ends only where every saved row makes room for the next.
func TestEverySavedRowMakesRoomForTheNext(t *testing.T) {
	t.Parallel()
	l := book(t, 5)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	done := map[quarry.ShardID]int{}
	step := func(_ context.Context, s *ledger.Shard) error {
		mu.Lock()
		defer mu.Unlock()
		done[s.ID]++
		s.State = quarry.ShardDone
		return nil
	}
	refill := func(ctx context.Context) error {
		c, err := l.Count(ctx, "")
		if err != nil || c.Unfinished() > 0 {
			return err
		}
		return l.Release(ctx, time.Now(), 1, "")
	}
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: l, Step: step, Refill: refill, Workers: 3}); err != nil {
		t.Fatal(err)
	}
	if len(done) != 5 {
		t.Errorf("%d rows were stepped, want 5", len(done))
	}
	for id, n := range done {
		if n != 1 {
			t.Errorf("row %s was stepped %d times", id, n)
		}
	}
}

// A job that was made while the run was asked to stop must not be forgotten.
func TestWhatAStepDidIsSavedThoughTheRunEnds(t *testing.T) {
	t.Parallel()
	l := book(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	step := func(_ context.Context, s *ledger.Shard) error {
		cancel()
		s.State = quarry.ShardSubmitted
		return nil
	}
	refill := func(ctx context.Context) error { return l.Release(ctx, time.Now(), 1, "") }
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: l, Step: step, Refill: refill, Workers: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want the context's error", err)
	}
	if s, err := l.Shard(t.Context(), "s00001"); err != nil || s.State != quarry.ShardSubmitted {
		t.Errorf("the row is %s, %v, want submitted", s.State, err)
	}
}
