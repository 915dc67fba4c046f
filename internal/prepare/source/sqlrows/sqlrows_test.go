package sqlrows_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the driver that the program brings

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/sqlrows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database runs statements on a new file and gives it as a source.
func database(t *testing.T, statements ...string) *sqlrows.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blog.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%.80s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return &sqlrows.Source{Label: path, Select: func(ctx context.Context, statement string) iter.Seq2[sqlrows.Row, error] {
		return query(ctx, path, statement)
	}}
}

// query is how the program runs one, in short.
func query(ctx context.Context, path, statement string) iter.Seq2[sqlrows.Row, error] {
	return func(yield func(sqlrows.Row, error) bool) {
		fail := func(err error) { yield(sqlrows.Row{}, err) }
		db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		if err != nil {
			fail(err)
			return
		}
		defer func() { _ = db.Close() }()
		rows, err := db.QueryContext(ctx, statement)
		if err != nil {
			fail(err)
			return
		}
		defer func() { _ = rows.Close() }()
		names, err := rows.Columns()
		if err != nil {
			fail(err)
			return
		}
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				fail(err)
				return
			}
			if !yield(sqlrows.Row{Columns: names, Values: values}, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			fail(err)
		}
	}
}

func TestATable(t *testing.T) {
	t.Parallel()
	many := `INSERT INTO wp_posts SELECT i * 3 - 10, 'T ' || i, replace(hex(zeroblob(i % 50 * 100)), '00', 'あ"') || i, iif(i % 2, 'draft', 'publish'), 1.5, NULL, x'ff00'
		FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n)`
	s := database(t, `CREATE TABLE wp_posts (ID INTEGER PRIMARY KEY, post_title TEXT, post_content TEXT, post_status TEXT, score REAL, empty, thumb BLOB)`,
		`CREATE TABLE wp_options (option_id INTEGER PRIMARY KEY, option_name TEXT, option_value TEXT)`, `INSERT INTO wp_options VALUES (1, 'a', 'b')`, many)
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 500 || len(faults) > 0 {
		t.Fatalf("%d documents and %v, want 500", len(docs), faults)
	}
	if d := docs[51]; d.ID != "146" || d.Title != "T 52" || !strings.HasPrefix(string(d.Body), `あ"あ"`) || string(d.Fields) != `{"post_status":"publish","score":1.5,"empty":null,"thumb":null}` || d.At.Offset != 146 {
		t.Errorf("got %.200s %s", fmt.Sprint(d), d.Fields)
	}
	s.Config.Where = []item.Condition{{Field: "post_status", Value: "draft"}}
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 250 {
		t.Errorf("%d drafts, want 250", len(docs))
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := database(t, `CREATE TABLE posts (id TEXT, body TEXT)`, `INSERT INTO posts VALUES ('a', 'x'), (NULL, 'x'), ('c', NULL), ('d', CAST(x'ff' AS TEXT)), ('e', printf('%.*c', 200, 'x')), ('f', 'y')`)
	s.Config.MaxBytes = 100
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 2 || len(faults) != 4 || !strings.Contains(faults[2], `row 4: invalid UTF-8 in column "body"`) {
		t.Errorf("%d documents, faults %q", len(docs), faults)
	}
}

func TestWhichTable(t *testing.T) {
	t.Parallel()
	two := []string{`CREATE TABLE a (id, body)`, `INSERT INTO a VALUES (1, 'x')`, `CREATE TABLE "b ""c" (id, body)`, `INSERT INTO "b ""c" VALUES (2, 'y')`}
	s := database(t, two...)
	for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
		var failure *quarry.Error
		if !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.Contains(err.Error(), `a, b "c`) {
			t.Errorf("got %v, want that there are two", err)
		}
	}
	s.Table = `b "c`
	sourcetest.Run(t, s)
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 1 || docs[0].ID != "2" || !strings.HasSuffix(docs[0].At.File, `blog.db#b "c`) {
		t.Errorf("got %+v", docs)
	}
	s.Table = "none"
	for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("a table that is not there: %v", err)
		}
	}
}
