package reconcile_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/reconcile"
)

func TestAHaltStopsTheRunAndKeepsWhatTheStepDid(t *testing.T) {
	t.Parallel()
	failed := errors.New("the job failed")
	for _, c := range []struct {
		name  string
		err   error
		state quarry.ShardState
		waits string
	}{
		{"a halt", &reconcile.Halt{Err: failed}, quarry.ShardBuilt, "the job failed"},
		{"any other error", failed, quarry.ShardEnded, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			book, err := ledger.Open(ctx, effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = book.Close() }()
			rows := []ledger.Shard{
				{ID: "s00001", Seq: 1, Kind: quarry.MainShard, State: quarry.ShardEnded, Mode: quarry.ModeJob},
				{ID: "s00002", Seq: 2, Kind: quarry.MainShard, State: quarry.ShardEnded, Mode: quarry.ModeJob},
			}
			if err := book.AddShards(ctx, rows, nil, nil); err != nil {
				t.Fatal(err)
			}
			steps := 0
			step := func(_ context.Context, s *ledger.Shard) error {
				steps++
				s.State, s.Waits = quarry.ShardBuilt, "the job failed"
				return c.err
			}
			refill := func(ctx context.Context) error {
				if steps > 0 {
					return nil
				}
				return book.Release(ctx, time.Now(), 1, "")
			}
			err = reconcile.Run(ctx, reconcile.Config{Ledger: book, Step: step, Refill: refill, Workers: 1})
			if !errors.Is(err, failed) {
				t.Errorf("Run = %v, want %v", err, failed)
			}
			if steps != 1 {
				t.Errorf("%d steps were made, want 1: the error stops the run", steps)
			}
			s, err := book.Shard(ctx, "s00001")
			if err != nil || s.State != c.state || s.Waits != c.waits {
				t.Errorf("the row is %s, %q (%v), want %s, %q", s.State, s.Waits, err, c.state, c.waits)
			}
		})
	}
}
