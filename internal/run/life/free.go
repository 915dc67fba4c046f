package life

import (
	"context"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
)

// FreeUnsent lets shards of which the provider knows no job go to the places that a command names. moved says that home is another place
// than before, so shards that were built for home are freed too.
func FreeUnsent(ctx context.Context, l *ledger.Ledger, pools *pool.Pools, rows []ledger.Shard, moved bool) error {
	for i := range rows {
		s := &rows[i]
		if s.State != quarry.ShardBuilt && s.State != quarry.ShardUploaded {
			continue
		}
		if elsewhere := moved && s.Pool == (ledger.Pool{}); !elsewhere && pools.Named(s) != nil {
			continue
		}
		s.Pool, s.Waits, s.Due = ledger.Pool{}, "", time.Now()
		if s.State == quarry.ShardUploaded {
			if err := s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt); err != nil {
				return err
			}
		}
		if err := l.Save(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
