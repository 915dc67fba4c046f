package ledger

import (
	"context"
	"time"

	"quarry/internal/base/effect"
)

// SetClock gives the process that opened a ledger in Postgres another clock.
func SetClock(l *Ledger, now func() time.Time) { l.server.clock = now }

// WhileHeld does something while a transaction holds the row of the run.
func WhileHeld(ctx context.Context, l *Ledger, do func()) error {
	return l.db.Change(ctx, "ledger: hold run", func(tx *effect.Tx) error {
		var fence, ms int64
		if err := tx.QueryRowContext(ctx, holdsRow, l.server.run).Scan(&fence, &ms); err != nil {
			return err
		}
		do()
		return nil
	})
}
