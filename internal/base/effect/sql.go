package effect

import (
	"context"
	"database/sql"
	"fmt"
)

// DB is a SQL database whose every change is one counted transaction.
type DB struct {
	e  *Effects
	db *sql.DB
}

// OpenDB opens a database with one connection: SQLite has one writer, and a second one only waits for it.
func (e *Effects) OpenDB(driver, dsn string) (*DB, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &DB{e: e, db: db}, nil
}

// Rows is what a query gives.
type Rows struct {
	*sql.Rows
	ctx context.Context // the query's, which ends the rows too
}

// Scan reads the row at hand.
func (r *Rows) Scan(dest ...any) error { return cause(r.ctx, r.Rows.Scan(dest...)) }

// Err says why there was no next row; nil: there are no more.
func (r *Rows) Err() error { return cause(r.ctx, r.Rows.Err()) }

// cause is why a context ended, in the place of what the driver or database/sql says then: that its query was interrupted, or
// that the transaction has been rolled back.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ErrNoRows says that a query for one row found none.
var ErrNoRows = sql.ErrNoRows

// Tx is a transaction under way.
type Tx struct{ *sql.Tx }

// QueryContext reads.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*Rows, error) {
	rows, err := t.Tx.QueryContext(ctx, query, args...)
	return &Rows{Rows: rows, ctx: ctx}, cause(ctx, err)
}

// Query reads.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	rows, err := d.db.QueryContext(ctx, query, args...)
	return &Rows{Rows: rows, ctx: ctx}, cause(ctx, err)
}

// QueryRow reads one row into dest; ErrNoRows when there is none.
func (d *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return cause(ctx, d.db.QueryRowContext(ctx, query, args...).Scan(dest...))
}

// Change runs fn in a transaction and commits it: one effect. An error from fn rolls it back.
func (d *DB) Change(ctx context.Context, what string, fn func(*Tx) error) error {
	return d.e.do(SQL, what, func() error { return cause(ctx, d.change(ctx, what, fn)) })
}

func (d *DB) change(ctx context.Context, what string, fn func(*Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: begin: %w", what, err)
	}
	if err := fn(&Tx{tx}); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", what, err)
	}
	return nil
}

// Close closes the database.
func (d *DB) Close() error { return d.db.Close() }
