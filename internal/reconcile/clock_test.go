package reconcile_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/reconcile"
)

func TestClockThatWasSetBackHoldsNobodyUp(t *testing.T) {
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
			s.Due = time.Now().Add(time.Hour) // as it looks once the clock is an hour behind
			return nil
		}
		s.State = quarry.ShardDone
		return nil
	}
	refill := func(ctx context.Context) error { return book.Release(ctx, time.Now(), 1, "") }
	if err := reconcile.Run(ctx, reconcile.Config{Ledger: book, Step: step, Refill: refill, Owner: "test"}); err != nil {
		t.Errorf("after %d steps: %v", steps, err)
	}
}
