package sqlrows_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sqlrows"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// updates is a table whose rows have the time of their last change in every form that SQLite's functions know, and in others.
const updates = `INSERT INTO posts VALUES
	(1, 'A', 'text before', '2026-11-30 11:59:59'), (2, NULL, 'text after', '2026-11-30 12:00:00'),
	(3, NULL, 'ISO before', '2026-11-30T11:59:59Z'), (4, NULL, 'ISO after', '2026-11-30T14:00:01+02:00'),
	(5, 'B', 'ISO in another zone before', '2026-11-30T13:00:00+02:00'),
	(6, 'C', 'seconds before', 1796039999), (7, NULL, 'seconds after', 1796040000),
	(8, 'D', 'milliseconds before', 1796039999999), (9, NULL, 'milliseconds after', 1796040000000),
	(10, 'E', 'a Julian day before', 2461374.9), (11, NULL, 'a Julian day after', 2461375.1),
	(12, NULL, 'not known', NULL), (13, NULL, 'no time', 'yesterday'), (14, NULL, 'no date', '12'), (15, NULL, 'a date before', '2026-11-29'), (16, 'F', 'a date after', '2026-12-01')`

func bodies(t *testing.T, blocks iter.Seq2[quarry.Block, error]) (all []string) {
	t.Helper()
	for b, err := range blocks {
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

func TestRowsThatWereChangedSince(t *testing.T) {
	t.Parallel()
	table := database(t, `CREATE TABLE posts (id INTEGER PRIMARY KEY, headline TEXT, body TEXT, changed)`, updates)
	table.Config = item.Config{Fields: map[string]string{"updated": "changed"}}
	query := &sqlrows.Query{Label: "db", Select: table.Select, Statement: "SELECT * FROM posts ORDER BY id;\n", Config: table.Config}
	want := []string{
		"text after", "ISO after", "seconds after", "milliseconds after", "a Julian day after", "not known", "no time", "no date", "a date after",
	}
	for _, s := range []interface {
		Since(t time.Time) func(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
		Clock(ctx context.Context) (time.Time, error)
	}{table, query} {
		if got := bodies(t, s.Since(noon)(t.Context(), quarry.Position{})); !slices.Equal(got, want) {
			t.Errorf("%T gives %q, want %q", s, got, want)
		}
		if now, err := s.Clock(t.Context()); err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("%T: Clock = %s, %v", s, now, err)
		}
	}
	// The rows that were changed are read with the names that the whole table has: most of its titles are in column headline.
	for b, err := range table.Since(noon)(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		for d := range b.Documents {
			if (d.Title == "F") != (string(d.Body) == "a date after") {
				t.Errorf("document %s has the title %q", d.ID, d.Title)
			}
		}
	}
}

func TestAColumnOfTimesIsChecked(t *testing.T) {
	t.Parallel()
	s := database(t, `CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT)`, `INSERT INTO posts VALUES (1, 'x')`)
	if now, err := s.Clock(t.Context()); err != nil || !now.IsZero() {
		t.Errorf("Clock without a column = %s, %v, want none", now, err)
	}
	s.Config.Fields = map[string]string{"updated": "changed"}
	var failure *quarry.Error
	if _, err := s.Clock(t.Context()); !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "--field updated=changed: there is no such column; there are id, body") {
		t.Errorf("Clock = %v, want a refusal that names the columns", err)
	}
	server := asServer(s)
	server.Config = s.Config
	if _, err := server.Clock(t.Context()); !errors.As(err, &failure) {
		t.Errorf("Clock of a server = %v, want a refusal", err)
	}
}
