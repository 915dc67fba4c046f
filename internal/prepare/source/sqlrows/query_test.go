package sqlrows_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/sqlrows"
)

// asServer reads a SQLite file as a server's database is read: by the names that its dialect has for things.
func asServer(s *sqlrows.Source) *sqlrows.Query {
	quoted := func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
	return &sqlrows.Query{
		Label: "postgres://host/blog", Select: s.Select, Index: 2,
		Dialect: sqlrows.Dialect{
			Tables: `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`,
			Key: func(table string) string {
				return `SELECT name FROM pragma_table_info('` + table + `') WHERE pk > 0 ORDER BY pk`
			},
			Quote: quoted,
		},
	}
}

func TestAQuery(t *testing.T) {
	t.Parallel()
	s := asServer(database(t, `CREATE TABLE a (n INTEGER PRIMARY KEY, title TEXT, body TEXT)`,
		`INSERT INTO a SELECT i, 'T ' || i, replace(hex(zeroblob(i % 50 * 100)), '00', 'あ"') || i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n)`))
	s.Statement = `SELECT 'a-' || n AS id, title, body, n % 2 AS odd FROM a ORDER BY n DESC`
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 1000 || len(faults) > 0 {
		t.Fatalf("%d documents and %v, want 1000", len(docs), faults)
	}
	if d := docs[99]; d.ID != "a-901" || d.Title != "T 901" || !strings.HasPrefix(string(d.Body), `あ"`) || string(d.Fields) != `{"odd":1}` || d.At.String() != "postgres://host/blog:100" || d.At.Source != 2 {
		t.Errorf("got %.200s %s at %s", fmt.Sprint(d), d.Fields, d.At)
	}
	s.Config.Where = []item.Condition{{Field: "odd", Value: "1"}}
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 500 {
		t.Errorf("%d odd ones, want 500", len(docs))
	}
}

func TestATableIsReadByItsKey(t *testing.T) {
	t.Parallel()
	s := asServer(database(t, `CREATE TABLE "p.q" (b TEXT, id TEXT, body TEXT, PRIMARY KEY (id, b)) WITHOUT ROWID`,
		`INSERT INTO "p.q" VALUES ('x', 'c', '1'), ('y', 'a', '2'), ('x', 'b', '3')`, `CREATE TABLE options (name TEXT)`, `INSERT INTO options VALUES ('a')`))
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 3 || len(faults) > 0 || docs[0].ID != "a" || docs[2].ID != "c" {
		t.Errorf("got %+v and %v, want a, b, c", docs, faults)
	}
	s.Table = "options"
	if docs, faults := sourcetest.Documents(t, s); len(docs) != 0 || len(faults) != 1 || faults[0] != "postgres://host/blog#options:1: no id" {
		t.Errorf("got %+v and %v, want a row without an id", docs, faults)
	}
}

func TestWhichTableOfAServer(t *testing.T) {
	t.Parallel()
	s := asServer(database(t, `CREATE TABLE a (id, body)`, `INSERT INTO a VALUES (1, 'x')`, `CREATE TABLE b (id, body)`, `INSERT INTO b VALUES (1, 'x')`))
	for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
		var failure *quarry.Error
		if !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "these tables have an id and a body: a, b") || !strings.Contains(failure.Hint, "#TABLE") {
			t.Errorf("got %v, want that there are two", err)
		}
	}
}

// What came before a fault of the connection is given before it.
func TestABrokenConnection(t *testing.T) {
	t.Parallel()
	gone := errors.New("connection reset")
	s := &sqlrows.Query{Label: "db", Statement: "SELECT", Select: func(context.Context, string) iter.Seq2[sqlrows.Row, error] {
		return func(yield func(sqlrows.Row, error) bool) {
			for i := range int64(150) {
				if !yield(sqlrows.Row{Columns: []string{"id", "body"}, Values: []any{i, "x"}}, nil) {
					return
				}
			}
			yield(sqlrows.Row{}, gone)
		}
	}}
	n, last := 0, error(nil)
	for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			last = err
			continue
		}
		for range b.Documents { //nolint:errcheck // they are counted
			n++
		}
	}
	if n != 150 || !errors.Is(last, gone) || last.Error() != "read db: connection reset" {
		t.Errorf("%d documents and %v, want 150 and what happened", n, last)
	}
}

// Each server's driver gives its values in its own way.
func TestValues(t *testing.T) {
	t.Parallel()
	columns := []struct {
		kind  string
		value any
		want  string
	}{
		{"JSONB", []byte(`{"b": [1, 2]}`), `{"b": [1, 2]}`},
		{"JSON", "no JSON", `"no JSON"`},
		{"NUMERIC", "12.50", "12.50"},
		{"NUMERIC", "-0.5", "-0.5"},
		{"NUMERIC", "NaN", `"NaN"`},
		{"DECIMAL", []byte("007"), `"007"`},
		{"DECIMAL", []byte("1."), `"1."`},
		{"UNSIGNED BIGINT", uint64(1 << 63), "9223372036854775808"},
		{"TEXT", []byte("a\x00b"), `"a\u0000b"`},
		{"BLOB", []byte("a\x00b"), "null"},
		{"BLOB", []byte("ab"), `"ab"`},
		{"UUID", "0b-c", `"0b-c"`},
		{"TIMESTAMPTZ", time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600)), `"2026-01-02T02:04:05.000006Z"`},
		{"FLOAT4", float32(1.5), "1.5"},
		{"BOOL", true, "true"},
		{"TEXT", nil, "null"},
	}
	row := sqlrows.Row{Columns: []string{"id", "body"}, Types: []string{"TEXT", "TEXT"}, Values: []any{"a", "x"}}
	want := "{"
	for i, c := range columns {
		name := fmt.Sprintf("c%d", i)
		row.Columns, row.Types, row.Values = append(row.Columns, name), append(row.Types, c.kind), append(row.Values, c.value)
		want += fmt.Sprintf(`"%s":%s,`, name, c.want)
	}
	want = strings.TrimSuffix(want, ",") + "}"
	s := &sqlrows.Query{Label: "db", Statement: "SELECT", Select: func(context.Context, string) iter.Seq2[sqlrows.Row, error] {
		return func(yield func(sqlrows.Row, error) bool) { yield(row, nil) }
	}}
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 1 || len(faults) > 0 || strings.ReplaceAll(string(docs[0].Fields), `"b":[1,2]`, `"b": [1, 2]`) != want {
		t.Errorf("fields %s and %v, want\n%s", docs[0].Fields, faults, want)
	}
}
