package ledger

import (
	"context"
	"errors"

	"quarry"
	"quarry/internal/base/effect"
)

// Answer sets a fact of a run on which another process may work, in one transaction with a look at the fact that it answers. still gets the
// value of the fact asked, empty if there is none, and refuses with an error, which Answer returns. Where the run is gone, the error wraps
// ErrNoRun.
func Answer(
	ctx context.Context, e *effect.Effects, address string, run quarry.RunID, asked string, still func(value string) error, name, value string,
) error {
	var refused error
	err := changeShared(ctx, e, address, run, "ledger: answer", func(l *Ledger, tx *effect.Tx) error {
		var fence, ms int64
		// As every change of the process that works on the run does: the two follow each other.
		if err := tx.QueryRowContext(ctx, holdsRow, l.server.run).Scan(&fence, &ms); errors.Is(err, effect.ErrNoRows) {
			return l.noRun()
		} else if err != nil {
			return err
		}
		values, err := texts(tx.QueryContext(ctx, `SELECT value FROM fact WHERE /*run and*/ name = $1`, asked))
		if err != nil {
			return err
		}
		if refused = still(append(values, "")[0]); refused != nil {
			return refused
		}
		return setFacts(ctx, tx, map[string]string{name: value})
	})
	if refused != nil {
		return refused
	}
	return err
}
