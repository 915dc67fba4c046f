package effect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
)

// Database is a database of someone else, which is read and never changed.
type Database struct {
	// Connector makes the connections; or, where it is nil, the driver of this name does with this DSN.
	Connector   driver.Connector
	Driver, DSN string
	// Snapshot asks in a transaction that may only read and sees one state of the data. SQLite needs none: one query is
	// one state, and its DSN says that nothing is written.
	Snapshot bool
}

// Row is one row of an answer. Values are int64, float64, bool, []byte, string, time.Time or nil. Columns and Types are
// the same for all rows of an answer; Values is used again for the next row.
type Row struct {
	Columns []string
	Types   []string // as the database calls them, upper case: TEXT, JSONB, DECIMAL
	Values  []any
}

// Rows runs one query and gives its rows as they come from the wire. The connection is closed when the range ends. Reading
// changes nothing and is not counted.
func (d Database) Rows(ctx context.Context, query string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		stopped, err := d.rows(ctx, query, yield)
		if err != nil && !stopped {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			yield(Row{}, err)
		}
	}
}

func (d Database) rows(ctx context.Context, query string, yield func(Row, error) bool) (stopped bool, err error) {
	db, err := d.open()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	// A caller that stops reading early does not want the rest: without this, closing the rows would read a whole table.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, end, err := d.query(ctx, db, query)
	if err != nil {
		return false, err
	}
	defer func() {
		cancel()
		_ = rows.Close()
		end()
	}()
	return eachRow(rows, yield)
}

func eachRow(rows *sql.Rows, yield func(Row, error) bool) (stopped bool, err error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return false, err
	}
	row := Row{Columns: make([]string, len(types)), Types: make([]string, len(types)), Values: make([]any, len(types))}
	into := make([]any, len(types))
	for i, t := range types {
		row.Columns[i], row.Types[i] = t.Name(), t.DatabaseTypeName()
		into[i] = &row.Values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		if !yield(row, nil) {
			return true, nil
		}
	}
	return false, rows.Err()
}

func (d Database) open() (*sql.DB, error) {
	if d.Connector != nil {
		return sql.OpenDB(d.Connector), nil
	}
	return sql.Open(d.Driver, d.DSN)
}

// query sends it; end ends its transaction.
func (d Database) query(ctx context.Context, db *sql.DB, query string) (rows *sql.Rows, end func(), err error) {
	if !d.Snapshot {
		rows, err = db.QueryContext(ctx, query)
		return rows, func() {}, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, nil, fmt.Errorf("begin reading: %w", err)
	}
	end = func() { _ = tx.Rollback() }
	if rows, err = tx.QueryContext(ctx, query); err != nil {
		end()
		return nil, nil, err
	}
	return rows, end, nil
}
