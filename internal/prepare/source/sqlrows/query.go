package sqlrows

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/rows"
)

// Query is what a database answers, read as one stream: an item's line is the row's number. A position is good for as long
// as the database gives the same rows in the same order; a caller that must be sure keeps what it gave once.
type Query struct {
	Label   string // how people know the database, without a login
	Select  Select
	Dialect Dialect
	// Statement is a SELECT. Empty reads Table.
	Statement string
	// Table names the table; empty means the only one that has an id and a body.
	Table  string
	Config item.Config
	Index  int // of the source in the run

	since string // a condition on the rows; empty: all are read
}

// Dialect has the queries that describe the tables of one kind of database.
type Dialect struct {
	// Tables lists the tables, each as its name is after `#`.
	Tables string
	// Key gives the query for the columns of a table's primary key, in their order.
	Key func(table string) string
	// Quote quotes a table's or a column's name, whose parts are parted by dots.
	Quote func(name string) string

	utc   string // the query for the time of the server
	times []string
	since func(column string, t time.Time) string
}

// Postgres and MySQL are what pg_catalog and information_schema answer; SQLite has rowids, see Source, and comes here with
// queries alone.
var (
	Postgres = Dialect{
		Tables: `SELECT CASE WHEN schemaname = current_schema() THEN tablename ELSE schemaname || '.' || tablename END AS name
			FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
		Key: func(table string) string {
			return `SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
			WHERE i.indisprimary AND i.indrelid = ` + literal(quoteParts(table,
				'"')) + `::regclass ORDER BY array_position(i.indkey::int2[], a.attnum)`
		},
		Quote: func(name string) string { return quoteParts(name, '"') },
		utc:   postgresUTC, times: []string{"TIMESTAMPTZ", "TIMESTAMP", "DATE"}, since: postgresSince,
	}
	MySQL = Dialect{
		Tables: `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME`,
		Key: func(table string) string {
			schema, name, ok := strings.Cut(table, ".")
			in := "DATABASE()"
			if ok {
				in = literal(schema)
			} else {
				name = table
			}
			return `SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_NAME = 'PRIMARY' AND TABLE_SCHEMA = ` + in +
				` AND TABLE_NAME = ` + literal(name) + ` ORDER BY ORDINAL_POSITION`
		},
		Quote: func(name string) string { return quoteParts(name, '`') },
		utc:   mysqlUTC, times: []string{"TIMESTAMP", "DATETIME", "DATE"}, since: mysqlSince,
	}
)

// quoteParts quotes schema and table apart.
func quoteParts(name string, mark byte) string {
	parts := strings.SplitN(name, ".", 2)
	for i, p := range parts {
		parts[i] = string(mark) + strings.ReplaceAll(p, string(mark), string(mark)+string(mark)) + string(mark)
	}
	return strings.Join(parts, ".")
}

// literal quotes a text. MySQL takes a backslash as an escape; a name that has one is not worth the other way.
func literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, ``), "'", "''") + "'"
}

// Name gives the database's name, and the table's where it was named.
func (s *Query) Name() string {
	if s.Table != "" {
		return s.Label + "#" + s.Table
	}
	return s.Label
}

// Blocks runs the query and gives its rows.
func (s *Query) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		err := ctx.Err()
		if err == nil {
			err = s.blocks(ctx, from, yield)
		}
		if err != nil {
			var failure *quarry.Error
			if !errors.As(err, &failure) && ctx.Err() == nil {
				err = fmt.Errorf("read %s: %w", s.Name(), err)
			}
			yield(quarry.Block{}, err)
		}
	}
}

func (s *Query) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	statement, err := s.statement(ctx)
	if err != nil {
		return err
	}
	source := rows.Source{Name: s.Name(), Config: s.Config, Index: s.Index}
	if s.since != "" {
		if err := sampled(&source, s.read(ctx, statement, 0)); err != nil {
			return err
		}
		statement = within(statement) + " WHERE " + s.since
	}
	return source.Blocks(from, func(offset int64) iter.Seq2[rows.Row, error] { return s.read(ctx, statement, offset) }, yield)
}

// read runs a statement and gives the rows from a number on.
func (s *Query) read(ctx context.Context, statement string, from int64) iter.Seq2[rows.Row, error] {
	return func(yield func(rows.Row, error) bool) {
		var n int64
		for r, err := range s.Select(ctx, statement) {
			if err != nil {
				yield(rows.Row{}, err)
				return
			}
			if n++; n < from {
				continue
			}
			out := rows.Row{Line: n, Offset: n}
			out.Object, out.Reason = object(r)
			if !yield(out, nil) {
				return
			}
		}
	}
}

func (s *Query) statement(ctx context.Context) (string, error) {
	if s.Statement != "" {
		return s.Statement, nil
	}
	table := s.Table
	if table == "" {
		var err error
		if table, err = s.find(ctx); err != nil {
			return "", err
		}
	}
	var key []string
	for r, err := range s.Select(ctx, s.Dialect.Key(table)) {
		if err != nil {
			return "", err
		}
		key = append(key, s.Dialect.Quote(strings.ReplaceAll(text(r.Values[0]), ".", "\x00")))
	}
	statement := "SELECT * FROM " + s.Dialect.Quote(table)
	if len(key) > 0 {
		statement += " ORDER BY " + strings.ReplaceAll(strings.Join(key, ", "), "\x00", ".")
	}
	return statement, nil
}

// find finds the table to read.
func (s *Query) find(ctx context.Context) (string, error) {
	var names, fit []string
	for r, err := range s.Select(ctx, s.Dialect.Tables) {
		if err != nil {
			return "", err
		}
		names = append(names, text(r.Values[0]))
	}
	for _, name := range names {
		var some []rows.Row
		for r, err := range s.read(ctx, "SELECT * FROM "+s.Dialect.Quote(name)+" LIMIT 20", 0) {
			if err != nil {
				if ctx.Err() != nil {
					return "", err
				}
				break // one that may not be read is not the one that is meant
			}
			some = append(some, r)
		}
		if k := (rows.Source{Config: s.Config}).Decide(some); len(k.ID) > 0 && len(k.Body) > 0 {
			fit = append(fit, name)
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	return "", whichTable(s.Label, fit)
}

// whichTable says why a table has to be named.
func whichTable(label string, fit []string) error {
	why := "no table has columns whose names are known for an id and a body"
	if len(fit) > 1 {
		why = "these tables have an id and a body: " + strings.Join(fit, ", ")
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read source", Subject: label, Err: errors.New(why),
		Hint: "name the table: " + label + "name #TABLE and its columns: --field body=COLUMN; or use --query 'SELECT …'",
	}
}

// text gives a name as the drivers give texts.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}
