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
type Rows = sql.Rows

// ErrNoRows says that a query for one row found none.
var ErrNoRows = sql.ErrNoRows

// Tx is a transaction under way.
type Tx = sql.Tx

// Query reads.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	return d.db.QueryContext(ctx, query, args...)
}

// QueryRow reads one row into dest; ErrNoRows when there is none.
func (d *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return d.db.QueryRowContext(ctx, query, args...).Scan(dest...)
}

// Change runs fn in a transaction and commits it: one effect. An error from fn rolls it back.
func (d *DB) Change(ctx context.Context, what string, fn func(*Tx) error) error {
	return d.e.do(SQL, what, func() error {
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("%s: begin: %w", what, err)
		}
		if err := fn(tx); err != nil {
			_ = tx.Rollback()
			return err
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("%s: commit: %w", what, err)
		}
		return nil
	})
}

// Close closes the database.
func (d *DB) Close() error { return d.db.Close() }
