// Package sqlrows reads the rows of a database table, or of a query, as documents.
//
// It owns the queries and the types of columns. It opens no database: the caller brings a function that does. A row becomes
// a JSON object with its columns as members, and from there on all is package item's.
//
// What always holds: nothing but SELECT and what the user asks is sent, over a connection that may only read; rows of a
// table come in the order of its key; every row is given, whatever its type or status; no more than a block of rows is held.
package sqlrows

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/rows"
)

// Row is one row of an answer: it is used before the next one is asked for.
type Row = effect.Row

// Select runs a query and gives its rows. What it opens it closes when the range ends.
type Select func(ctx context.Context, query string) iter.Seq2[Row, error]

// Source is one table of a SQLite database.
type Source struct {
	Label  string // how people know it: the file's name
	Select Select
	// Table names the table; empty means the only one that has an id and a body.
	Table  string
	Config item.Config
	Index  int // of the source in the run

	since string // a condition on the rows; empty: all are read
}

// Name gives the file's name, and the table's where it was named.
func (s *Source) Name() string {
	if s.Table != "" {
		return s.Label + "#" + s.Table
	}
	return s.Label
}

const (
	rowsAtOnce = 200
	blockBytes = 1 << 20
)

// Blocks gives the rows in blocks of some hundred. An item's offset is its rowid.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			var failure *quarry.Error
			if !errors.As(err, &failure) {
				err = fmt.Errorf("read %s: %w", s.Name(), err)
			}
			yield(quarry.Block{}, err)
		}
	}
}

func (s *Source) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	table, err := s.table(ctx)
	if err != nil {
		return err
	}
	source := rows.Source{Name: s.Name(), Config: s.Config, Index: s.Index}
	if s.since != "" {
		whole := *s
		whole.since = ""
		if err := sampled(&source, whole.all(ctx, table, math.MinInt64)); err != nil {
			return err
		}
	}
	return source.Blocks(from, func(offset int64) iter.Seq2[rows.Row, error] {
		if from.File == "" || offset == 0 {
			offset = math.MinInt64
		}
		return s.all(ctx, table, offset)
	}, yield)
}

// all gives a table's rows from a rowid on.
func (s *Source) all(ctx context.Context, table string, from int64) iter.Seq2[rows.Row, error] {
	return func(yield func(rows.Row, error) bool) {
		for {
			some, err := s.rows(ctx, table, from)
			if err != nil {
				yield(rows.Row{}, err)
				return
			}
			for _, r := range some {
				if !yield(r, nil) {
					return
				}
				from = r.Offset
			}
			if len(some) == 0 || from == math.MaxInt64 {
				return
			}
			from++
		}
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// table finds the table to read.
func (s *Source) table(ctx context.Context) (string, error) {
	if s.Table != "" {
		return s.Table, nil
	}
	var names []string
	for r, err := range s.Select(ctx,
		`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`) {
		if err != nil {
			return "", err
		}
		if name, ok := r.Values[0].(string); ok {
			names = append(names, name)
		}
	}
	var fit []string
	source := rows.Source{Config: s.Config}
	for _, name := range names {
		some, err := s.rows(ctx, name, math.MinInt64)
		if err != nil || len(some) == 0 {
			continue // a table without a rowid is no dump of articles
		}
		if k := source.Decide(some); len(k.ID) > 0 && len(k.Body) > 0 {
			fit = append(fit, name)
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	return "", whichTable(s.Label, fit)
}

// rows reads some rows from a rowid on.
func (s *Source) rows(ctx context.Context, table string, from int64) ([]rows.Row, error) {
	var out []rows.Row
	size := 0
	condition := ""
	if s.since != "" {
		condition = " AND " + s.since
	}
	query := fmt.Sprintf("SELECT rowid, * FROM %s WHERE rowid >= %d%s ORDER BY rowid LIMIT %d", quote(table), from, condition, rowsAtOnce)
	for r, err := range s.Select(ctx, query) {
		if err != nil {
			return nil, err
		}
		key, ok := r.Values[0].(int64)
		if !ok {
			return nil, fmt.Errorf("rowid of table %s is no number", table)
		}
		r.Columns, r.Values = r.Columns[1:], r.Values[1:]
		if len(r.Types) > 0 {
			r.Types = r.Types[1:]
		}
		object, reason := object(r)
		out = append(out, rows.Row{Offset: key, Object: object, Reason: reason})
		if size += len(object); size > 4*blockBytes {
			break
		}
	}
	return out, nil
}
