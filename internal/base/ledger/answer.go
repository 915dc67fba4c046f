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
) (err error) {
	to, err := ParseAddress(address)
	if err != nil {
		return err
	}
	l, err := to.connect(e, run, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var refused error
	err = l.db.Change(ctx, "ledger: answer", func(tx *effect.Tx) error {
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
	if err == nil || refused != nil {
		return refused
	}
	return to.Fault(err)
}
