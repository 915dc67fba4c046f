package database

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"quarry/internal/base/dbserver"
	"quarry/internal/base/effect"
)

// SQL is what differs between the databases in a statement with parameters.
type SQL struct {
	// Numbers says that a number is given as one; else it is given as a text, and the database converts it.
	Numbers bool
	// Same is the condition that a column, quoted, holds the nth parameter: byte for byte, and null for null.
	Same func(column string, n int) string
	// Parameter is the nth parameter, for a column of a type.
	Parameter func(n int, kind string) string
	mark      byte
	// One part of a name is quoted by Quote1, a name with its schema by Quote.
	parts bool
}

// Quote1 quotes the name of a column.
func (s SQL) Quote1(name string) string {
	mark := string(s.mark)
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

// Quote quotes the name of a table, with its schema where the database has schemas.
func (s SQL) Quote(name string) string {
	schema, table, ok := strings.Cut(name, ".")
	if !ok || !s.parts {
		return s.Quote1(name)
	}
	return s.Quote1(schema) + "." + s.Quote1(table)
}

// Compared is a value that was read, as the parameter of Same.
func (s SQL) Compared(v any) any {
	if b, ok := v.([]byte); ok && (s.parts || s.mark == '`') {
		return string(b)
	}
	return v
}

// SQL gives the statements' parts.
func (d *Database) SQL() SQL {
	plain := func(int, string) string { return "?" }
	switch {
	case d.db.Driver == "sqlite":
		same := func(column string, _ int) string { return column + " IS ? COLLATE BINARY" }
		return SQL{Numbers: true, mark: '"', Parameter: plain, Same: same}
	case d.server.MySQL:
		return SQL{mark: '`', parts: true, Parameter: plain, Same: func(column string, _ int) string {
			return "CAST(CONVERT(" + column + " USING utf8mb4) AS BINARY) <=> CAST(? AS BINARY)"
		}}
	}
	return SQL{
		mark: '"', parts: true,
		Parameter: func(n int, kind string) string {
			if kind == "" || strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				return fmt.Sprintf("$%d", n)
			}
			return fmt.Sprintf("CAST($%d AS %s)", n, strings.ToLower(kind))
		},
		Same: func(column string, n int) string {
			return fmt.Sprintf("CAST(%s AS text) IS NOT DISTINCT FROM CAST($%d AS text)", column, n)
		},
	}
}

// Writable opens the database to change it. A SQLite file is not made where there is none.
func (d *Database) Writable(e *effect.Effects) (*effect.DB, error) {
	to := d.db
	if to.Driver == "sqlite" {
		name := (&url.URL{Path: filepath.ToSlash(filepath.Clean(d.Name))}).EscapedPath()
		to.DSN = "file:" + name + "?mode=rw&_pragma=busy_timeout(5000)&_txlock=immediate"
	}
	return e.OpenDatabase(to)
}

// Fault sorts an error of the server by what a person has to do.
func (d *Database) Fault(err error) error { return d.fault(err) }

// Rejected reports whether a database refused one value: too long, not of the column's type, against a constraint.
func Rejected(err error) bool {
	if dbserver.From(err) {
		return dbserver.Rejected(err)
	}
	return strings.Contains(fmt.Sprint(err), "constraint failed")
}

// Busy reports whether the statement was not executed because of another one, and may be sent again.
func Busy(err error) bool {
	if dbserver.From(err) {
		return dbserver.Busy(err)
	}
	return strings.Contains(fmt.Sprint(err), "database is locked")
}
