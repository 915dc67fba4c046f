package find

import (
	"context"
	"errors"
	"fmt"
	"math"

	"quarry"
	"quarry/internal/base/effect"
)

// What follows is for a pass under way: which journals are in the index, and attempts at documents, until the pass has its results.

// Whole is the order up to which a journal is in the index that is in it as a whole.
const Whole = math.MaxInt64

const selectUpTo = `SELECT COALESCE(MAX(upto), -1) FROM journal WHERE pass = ? AND shard = ?`

// UpTo gives the last order of a shard's journal that is in the index; -1: none.
func (x *Index) UpTo(ctx context.Context, pass int, shard quarry.ShardID) (upto int64, err error) {
	err = x.read.QueryRow(ctx, selectUpTo, []any{pass, string(shard)}, &upto)
	return upto, err
}

// Reach notes that a journal that was in the index up to one order is in it up to another. ErrMoved: another process has noted that.
func (k *Taker) Reach(shard quarry.ShardID, from, to int64) error {
	var at int64
	if err := k.tx.QueryRowContext(k.ctx, selectUpTo, k.pass, string(shard)).Scan(&at); err != nil {
		return err
	}
	if at != from {
		return ErrMoved
	}
	_, err := k.tx.ExecContext(k.ctx, `INSERT OR REPLACE INTO journal VALUES (?, ?, ?)`, k.pass, string(shard), to)
	return err
}

// Attempts gives what is kept for the attempts at a document; nil: nothing. ended says that the pass has its results.
func (x *Index) Attempts(ctx context.Context, pass int, order int64) (kept []byte, ended bool, err error) {
	err = x.read.QueryRow(ctx, selectAttempts(pass), []any{order}, &kept)
	return kept, noTable(err), missing(err)
}

// Attempts gives what is kept for the attempts at a document; nil: nothing.
func (k *Taker) Attempts(order int64) (kept []byte, err error) {
	err = k.tx.QueryRowContext(k.ctx, selectAttempts(k.pass), order).Scan(&kept)
	return kept, missing(err)
}

func selectAttempts(pass int) string {
	return fmt.Sprintf(`SELECT packed FROM attempt_%d WHERE ord = ?`, pass)
}

// missing takes what is not there for nothing.
func missing(err error) error {
	if errors.Is(err, effect.ErrNoRows) || noTable(err) {
		return nil
	}
	return err
}

// End removes what only a pass under way needs.
func (k *Taker) End() error {
	_, err := k.tx.ExecContext(k.ctx, fmt.Sprintf(`DROP TABLE IF EXISTS attempt_%d`, k.pass))
	return err
}
