package sqltable_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/sqltable"
	"quarry/internal/prepare/source/database"
	"quarry/internal/prepare/source/item"
)

func setup(t *testing.T) (*effect.DB, *sqltable.Target) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a?b c.db")
	db := database.SQLite(path)
	made, err := effect.New(nil).OpenDB("sqlite", "file:"+strings.ReplaceAll(filepath.ToSlash(path), "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	run(t, made, `CREATE TABLE "p.q" (id TEXT, title TEXT, body TEXT COLLATE NOCASE, "sum""mary" TEXT, short TEXT CHECK (length(short) < 5), n INTEGER)`)
	run(t, made, `INSERT INTO "p.q" VALUES ('1', 'T', 'Text.', NULL, NULL, 7), ('x', 'U', 'Other.', 'old', '', 8), ('2', 'V', 'Twice.', '', '', 9), ('2', 'V', 'Twice.', '', '', 9)`)
	db.Table = "p.q"
	target, err := sqltable.Open(t.Context(), effect.New(nil), db, item.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return made, target
}

func run(t *testing.T, db *effect.DB, statement string) {
	t.Helper()
	if err := db.Change(t.Context(), "x", func(tx *effect.Tx) error { _, err := tx.ExecContext(t.Context(), statement); return err }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, target *sqltable.Target, id quarry.DocumentID) *publish.Article {
	t.Helper()
	articles, err := target.Read(t.Context(), []publish.Ref{{ID: id}}, []string{field})
	if err != nil || len(articles) != 1 {
		t.Fatalf("Read(%s) = %v, %v", id, articles, err)
	}
	return articles[0]
}

const field = `sum"mary`

func TestARowIsUpdatedOnlyIfItHoldsWhatWasRead(t *testing.T) {
	t.Parallel()
	db, target := setup(t)
	for _, value := range []string{"new", `'; DROP TABLE "p.q"; --`, "<script>alert(1)</script>", "日本\n語\t'\"\\"} {
		a := read(t, target, "1")
		if _, err := target.Write(t.Context(), a, map[string]publish.Value{field: publish.TextValue(value)}); err != nil {
			t.Fatalf("write %q: %v", value, err)
		}
		if got := read(t, target, "1").Values[field].String(); got != value {
			t.Errorf("%q is stored as %q", value, got)
		}
		if _, err := target.Write(t.Context(), a, map[string]publish.Value{field: publish.TextValue("late")}); !errors.Is(err, publish.ErrChanged) {
			t.Errorf("a write to a field that was changed = %v", err)
		}
	}
	a := read(t, target, "x")
	run(t, db, `UPDATE "p.q" SET body = 'OTHER.' WHERE id = 'x'`) // the same for the column's collation
	if _, err := target.Write(t.Context(), a, map[string]publish.Value{field: publish.TextValue("new")}); !errors.Is(err, publish.ErrChanged) {
		t.Errorf("a write to an article that was changed = %v", err)
	}
	if _, err := target.Write(t.Context(), read(t, target, "1"), map[string]publish.Value{field: {}}); err != nil || !read(t, target, "1").Values[field].Absent() {
		t.Errorf("null is not restored: %v", err)
	}
	var refused *publish.Refused
	if _, err := target.Write(t.Context(), read(t, target, "1"), map[string]publish.Value{"short": publish.TextValue("too long")}); !errors.As(err, &refused) {
		t.Errorf("a value against a constraint = %v", err)
	}
	if a := read(t, target, "2"); a.Fault == "" {
		t.Errorf("an id of two rows: %+v", a)
	}
}

func TestWhichColumnsCanBeWritten(t *testing.T) {
	t.Parallel()
	_, target := setup(t)
	for _, name := range []string{"id", "none", "body; DROP"} {
		if _, err := target.Text(name, "x", false); err == nil {
			t.Errorf("column %q can be written", name)
		}
	}
	if shown := target.Shown([]string{field}); len(shown) != 1 || !strings.HasPrefix(shown[0], `UPDATE "p.q" SET "sum""mary" = ? WHERE "id" = ? AND `) {
		t.Errorf("Shown = %q", shown)
	}
	d, err := target.Documents(t.Context(), read(t, target, "1"), map[string]publish.Value{field: publish.TextValue("x")})
	if err != nil || len(d) != 1 || string(d[0].Body) != "Text." || d[0].Title != "T" || !strings.Contains(string(d[0].Fields), `"sum\"mary":"x"`) {
		t.Errorf("Documents = %+v, %v", d, err)
	}
}
