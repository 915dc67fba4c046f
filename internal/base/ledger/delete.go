package ledger

import (
	"context"
	"fmt"

	"quarry/internal/base/effect"
)

// runTables have rows of runs. The table run itself is last: its row says that there is a run.
var runTables = []string{"file", "fact", "step", "shard", "source", "place", "total"}

// Delete removes the run from a database, in one transaction. The process must have taken the run over; its ledger cannot be used afterwards.
func (l *Ledger) Delete(ctx context.Context) error {
	return l.change(ctx, "ledger: delete run", func(tx *effect.Tx) error {
		for _, table := range runTables {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE run = $1`, l.server.run); err != nil {
				return fmt.Errorf("delete the rows of table %s: %w", table, err)
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM run WHERE id = $1`, l.server.run)
		return err
	})
}
