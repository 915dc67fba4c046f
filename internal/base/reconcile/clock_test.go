package reconcile_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/reconcile"
)

func TestClockThatWasSetBackDelaysNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	book, err := ledger.Open(ctx, effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	row := ledger.Shard{ID: "s00001", Seq: 1, Kind: quarry.MainShard, State: quarry.ShardSubmitted, Mode: quarry.ModeJob}
	if err := book.AddShards(ctx, []ledger.Shard{row}, nil, nil); err != nil {
		t.Fatal(err)
	}
	steps := 0
	step := func(_ context.Context, s *ledger.Shard) error {
		if steps++; steps == 1 {
			s.Due = time.Now().Add(time.Hour) // as it looks once the clock is an hour slow
			return nil
		}
		s.State = quarry.ShardDone
		return nil
	}
	refill := func(ctx context.Context) error { return book.Release(ctx, time.Now(), 1, "") }
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: book, Step: step, Refill: refill}); err != nil {
		t.Errorf("after %d steps: %v", steps, err)
	}
}

func TestClockThatJumpedAheadGivesNoRowToTwo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	book, err := ledger.Open(ctx, effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	rows := []ledger.Shard{
		{ID: "s00001", Seq: 1, Kind: quarry.MainShard, State: quarry.ShardCalling, Mode: quarry.ModeOnDemand},
		{ID: "s00002", Seq: 2, Kind: quarry.MainShard, State: quarry.ShardCalling, Mode: quarry.ModeOnDemand},
	}
	if err := book.AddShards(ctx, rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	jumped, other := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	steps := map[quarry.ShardID]int{}
	step := func(ctx context.Context, s *ledger.Shard) error {
		mu.Lock()
		steps[s.ID]++
		mu.Unlock()
		switch s.ID {
		case "s00001":
			// Every row is due, as all are once the clock is an hour ahead.
			if err := book.Resume(ctx, time.Now()); err != nil {
				return err
			}
			close(jumped)
			<-other // the other row is stepped meanwhile, and this one is not
		case "s00002":
			<-jumped
			s.State = quarry.ShardDone
			time.AfterFunc(100*time.Millisecond, func() { close(other) })
			return nil
		}
		s.State = quarry.ShardDone
		return nil
	}
	refill := func(ctx context.Context) error { return book.Release(ctx, time.Now(), 2, "") }
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: book, Step: step, Refill: refill}); err != nil {
		t.Error(err)
	}
	if steps["s00001"] != 1 {
		t.Errorf("the row was stepped %d times, the second time while the first was at it", steps["s00001"])
	}
}
