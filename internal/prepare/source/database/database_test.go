package database_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, name, table, want string }{
		{"postgres://ann@db.example.org:5433/blog?sslmode=require#news.posts", "postgres://db.example.org:5433/blog", "news.posts", ""},
		{"postgresql://db/blog", "postgresql://db/blog", "", ""},
		{"mysql://ann@db.example.org/blog?tls=skip-verify#posts", "mysql://db.example.org/blog", "posts", ""},
		{"mysql://ann@/blog?socket=/run/mysqld.sock", "mysql:///blog", "", ""},
		{"postgres://ann:secret@db/blog", "", "", "its address holds a password"},
		{"postgres://db/blog?password=secret", "", "", "its address holds a password"},
		{"mysql://ann:secret@db/blog", "", "", "its address holds a password"},
		{"mysql://ann:sec%zz@db/blog", "", "", "not an address"},
		{"mysql://ann@db", "", "", "names no database"},
		{"mysql://ann@db/blog?allowAllFiles=true", "", "", `option "allowAllFiles" is not known`},
		{"mysql://ann@db/blog?tls=custom", "", "", "tls=custom: want"},
		{"postgres://db/blog?sslmode=sometimes", "", "", "sslmode"},
	} {
		d, err := database.Open(c.address, "secret")
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(strings.ReplaceAll(err.Error(), "a password", ""), "secret") {
				t.Errorf("Open(%s): %v, want %s", c.address, err, c.want)
			}
			continue
		}
		if err != nil || d.Name != c.name || d.Table != c.table {
			t.Errorf("Open(%s) = %+v, %v, want %s and table %s", c.address, d, err, c.name, c.table)
		}
	}
}

func TestSQLiteIsOnlyRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b#c?.db")
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer(" ", "%20", "#", "%23", "?", "%3f").Replace(path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d := database.SQLite(path)
	n := 0
	for r, err := range d.Select(t.Context(), `SELECT id FROM a`) {
		if n++; err != nil || r.Values[0] != int64(7) {
			t.Errorf("got %v, %v, want 7", r.Values, err)
		}
	}
	if n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	for _, query := range []string{`DELETE FROM a RETURNING id`, `SELECT nothing FROM a`} {
		for _, err := range d.Select(t.Context(), query) {
			var failure *quarry.Error
			if !errors.As(err, &failure) || failure.Kind != quarry.BadUsage {
				t.Errorf("%s: %v, want that it is refused", query, err)
			}
		}
	}
}

// A server that is not there is reported as that, without what would open it.
func TestNoServer(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://ann@127.0.0.1:1/blog?sslmode=disable", "mysql://ann@127.0.0.1:1/blog"} {
		d, err := database.Open(address, "secret")
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range d.Select(t.Context(), "SELECT 1") {
			var failure *quarry.Error
			if !errors.As(err, &failure) || failure.Kind != quarry.Provider || !strings.Contains(failure.Hint, "host and the port") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want that the server cannot be reached", address, err)
			}
		}
	}
}
