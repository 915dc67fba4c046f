package database_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"quarry"
	"quarry/internal/prepare/source"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres of Debian's package, and read what was modified in it")

// Times of every type are compared in the server, whatever the zone of the session: those of a type without one are a day off at most.
func TestWhatWasModifiedInPostgres(t *testing.T) {
	t.Parallel()
	if !*withPostgres {
		t.Skip("needs -postgres")
	}
	cluster, err := pgcluster.New()
	if cluster != nil {
		t.Cleanup(func() { _ = cluster.Remove() })
	}
	if err != nil {
		t.Fatal(err)
	}
	address := pgcluster.Address(cluster.Dir)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE posts (id int PRIMARY KEY, body text, "at.z" timestamptz, local timestamp, day date, words text);
		INSERT INTO posts VALUES (1, 'old', '2020-01-01T00:00:00Z', '2020-01-01', '2020-01-01', ''), (2, 'new', now(), now(), now(), ''), (3, 'unknown', NULL, NULL, NULL, '')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"at.z", "local", "day"} {
		for _, query := range []string{"", "SELECT * FROM posts ORDER BY id;"} {
			s := synced(t, address, column, query)
			now, err := s.Clock(t.Context())
			if err != nil || time.Since(now).Abs() > time.Hour {
				t.Fatalf("Clock by %s = %s, %v", column, now, err)
			}
			if got := bodies(t, s, now.Add(-24*time.Hour)); !slices.Equal(got, []string{"new", "unknown"}) {
				t.Errorf("by %s of query %q: %v", column, query, got)
			}
		}
	}
	var failure *quarry.Error
	if _, err := synced(t, address, "words", "").Clock(t.Context()); !errors.As(err, &failure) || !strings.Contains(err.Error(), "its type is TEXT, not one of TIMESTAMPTZ") {
		t.Errorf("Clock by a text = %v, want a refusal", err)
	}
}

func synced(t *testing.T, address, column, query string) source.Synced {
	t.Helper()
	if query == "" {
		address += "#posts"
	}
	all, err := source.Open(t.Context(), []string{address}, source.Config{Fields: map[string]string{"updated": column}, Query: query})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := source.AsSynced(all[0])
	if !ok {
		t.Fatalf("%T gives no part of itself", all[0])
	}
	return s
}

func bodies(t *testing.T, s source.Synced, since time.Time) (all []string) {
	t.Helper()
	for b, err := range s.Since(since)(context.WithoutCancel(t.Context()), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range b.Documents {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(d.Body))
		}
	}
	return all
}
