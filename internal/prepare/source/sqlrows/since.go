package sqlrows

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/rows"
)

// updatedField is the key of --field that names the column with the time of the last change of a row.
const updatedField = "updated"

// sqliteUTC, postgresUTC and mysqlUTC ask for the time of the database, in the form of RFC 3339.
const (
	sqliteUTC   = `SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')`
	postgresUTC = `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
	mysqlUTC    = `SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')`
)

// postgresSince and mysqlSince are conditions on a column of a type of time. One without a time zone is compared in that of the session,
// which is less than a day away from any other.
func postgresSince(column string, t time.Time) string {
	return fmt.Sprintf("(%[1]s >= TIMESTAMPTZ '%[2]s+00' OR %[1]s IS NULL)", column, t.UTC().Format(time.DateTime))
}

func mysqlSince(column string, t time.Time) string {
	return fmt.Sprintf("(%[1]s >= '%[2]s' OR %[1]s IS NULL)", column, t.UTC().Format(time.DateTime))
}

// sqliteSince takes what SQLite's own functions write (https://www.sqlite.org/lang_datefunc.html): texts that begin with a date, seconds
// or milliseconds since 1970, and Julian days. A row whose value is none of these is read each time.
func sqliteSince(column string, t time.Time) string {
	return fmt.Sprintf(`CASE typeof(%[1]s)
		WHEN 'integer' THEN CASE WHEN abs(%[1]s) >= 100000000000 THEN %[1]s / 1000 ELSE %[1]s END >= %[2]d
		WHEN 'real' THEN CASE WHEN %[1]s < 10000000 THEN (%[1]s - 2440587.5) * 86400 ELSE %[1]s END >= %[2]d
		WHEN 'text' THEN CASE WHEN %[1]s LIKE '____-__-__%%' THEN coalesce(unixepoch(%[1]s) >= %[2]d, 1) ELSE 1 END
		ELSE 1 END`, column, t.Unix())
}

// Clock gives the time of the database; zero: no column says when a row was changed.
func (s *Source) Clock(ctx context.Context) (now time.Time, err error) {
	column := s.Config.Fields[updatedField]
	if column == "" {
		return now, nil
	}
	table, err := s.table(ctx)
	if err == nil {
		err = checkColumn(s.Select(ctx, "SELECT * FROM "+quote(table)+" LIMIT 1"), s.Name(), column, nil)
	}
	if err != nil {
		return now, err
	}
	return clock(s.Select(ctx, sqliteUTC))
}

// Since gives the rows that were changed since a time of the database.
func (s *Source) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	narrowed := *s
	narrowed.since = sqliteSince(quote(s.Config.Fields[updatedField]), t)
	return narrowed.Blocks
}

// Clock gives the time of the database; zero: no column says when a row was changed. A column of another type than one of time is
// refused.
func (s *Query) Clock(ctx context.Context) (now time.Time, err error) {
	column := s.Config.Fields[updatedField]
	if column == "" {
		return now, nil
	}
	d := s.dialect()
	statement, err := s.statement(ctx)
	if err == nil {
		err = checkColumn(s.Select(ctx, within(statement)+" LIMIT 1"), s.Name(), column, d.times)
	}
	if err != nil {
		return now, err
	}
	return clock(s.Select(ctx, d.utc))
}

// Since gives the rows that were changed since a time of the database.
func (s *Query) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	narrowed := *s
	d := s.dialect()
	narrowed.since = d.since(d.Quote(strings.ReplaceAll(s.Config.Fields[updatedField], ".", "\x00")), t)
	narrowed.since = strings.ReplaceAll(narrowed.since, "\x00", ".")
	return narrowed.Blocks
}

// dialect is that of SQLite where there is none: it comes here with queries alone.
func (s *Query) dialect() Dialect {
	if s.Dialect.utc != "" {
		return s.Dialect
	}
	return Dialect{Quote: func(name string) string { return quoteParts(name, '"') }, utc: sqliteUTC, since: sqliteSince}
}

// within selects from a statement, which may have an order and a semicolon at its end.
func within(statement string) string {
	return "SELECT * FROM (" + strings.TrimRight(statement, "; \t\r\n") + "\n) AS quarry_rows"
}

// checkColumn refuses a column that the rows do not have, or whose type is none of times; nil: any type will do.
func checkColumn(some iter.Seq2[Row, error], name, column string, times []string) error {
	for r, err := range some {
		if err != nil {
			return err
		}
		at := slices.Index(r.Columns, column)
		switch {
		case at < 0:
			err = fmt.Errorf("there is no such column; there are %s", strings.Join(r.Columns, ", "))
		case times != nil && !slices.Contains(times, r.Types[at]):
			err = fmt.Errorf("its type is %s, not one of %s", r.Types[at], strings.Join(times, ", "))
		}
		if err != nil {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "read " + name, Subject: "--field updated=" + column, Err: err,
				Hint: "name the column with the time of a row's last change, or omit it: then every row is read each time",
			}
		}
		break
	}
	return nil
}

func clock(answer iter.Seq2[Row, error]) (now time.Time, err error) {
	for r, err := range answer {
		if err != nil {
			return now, err
		}
		return time.Parse(time.RFC3339, text(r.Values[0]))
	}
	return now, errors.New("the database does not say what time it is")
}

// sampled decides which column is which by the first rows of the whole: those that were changed may be few.
func sampled(source *rows.Source, whole iter.Seq2[rows.Row, error]) error {
	var first []rows.Row
	size := 0
	for r, err := range whole {
		if err != nil {
			return err
		}
		first = append(first, r)
		if size += len(r.Object); len(first) >= item.Sample || size >= rows.SampleBytes {
			break
		}
	}
	keys := source.Decide(first)
	source.Keys = &keys
	return nil
}
