// Package database opens Postgres, MySQL and SQLite databases to read from them, and for publish to write to them.
//
// It owns that a source writes nothing, and what differs between the databases in a statement that writes. Package dbserver owns
// addresses, logins and errors of servers, package sqlrows the queries and the meaning of a row.
//
// What always holds: a source writes nothing, and its transaction that may only read says so to the server; nothing is opened
// before the first query.
package database

import (
	"context"
	"iter"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry"
	"quarry/internal/base/dbserver"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/source/sqlrows"
)

// Database is one database, not yet opened.
type Database struct {
	// Name is the address without login, options and table.
	Name    string
	Table   string // what was after `#`
	Dialect sqlrows.Dialect
	server  *dbserver.Server // nil for SQLite
	db      effect.Database
}

// Open reads an address of a server, see dbserver.Open.
func Open(address, password string) (*Database, error) {
	s, err := dbserver.Open(address, password)
	if err != nil {
		return nil, err
	}
	d := &Database{Name: s.Name, Table: s.Table, Dialect: sqlrows.Postgres, server: s, db: effect.Database{Connector: s.Connector, Snapshot: true}}
	if s.MySQL {
		d.Dialect = sqlrows.MySQL
	}
	return d, nil
}

// SQLite names a file. It is opened for reading alone.
func SQLite(path string) *Database {
	name := (&url.URL{Path: filepath.ToSlash(filepath.Clean(path))}).EscapedPath()
	return &Database{
		Name: path, db: effect.Database{Driver: "sqlite", DSN: "file:" + name + "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"},
	}
}

// Select runs a query. What the server refuses is reported as what a person can do about it.
func (d *Database) Select(ctx context.Context, query string) iter.Seq2[sqlrows.Row, error] {
	return func(yield func(sqlrows.Row, error) bool) {
		for r, err := range d.db.Rows(ctx, query) {
			if err != nil && ctx.Err() == nil {
				err = d.fault(err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// fault sorts an error by what a person has to do.
func (d *Database) fault(err error) error {
	if d.server != nil {
		return d.server.Fault("read", err, "check the address, #TABLE and --query, which may only read")
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: d.Name, Err: err,
		Hint: "check that the file is complete, and #TABLE and --query, which may only read",
	}
}
