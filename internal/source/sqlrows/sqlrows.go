// Package sqlrows reads the rows of a database table, or of a query, as documents.
//
// It owns the queries and the types of columns. It opens no database: the caller brings a function that does. A row becomes
// a JSON object with its columns as members, and from there on all is package item's.
//
// What always holds: nothing but SELECT is sent; rows come in the order of a key, a few hundred at a time, and a reading
// goes on behind the key that it had; every row of the table is given, whatever its type or status.
package sqlrows

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quarry"
	"quarry/internal/jsonl"
	"quarry/internal/source/item"
)

// Row is one row of an answer. Values are those of database/sql: int64, float64, bool, []byte, string, time.Time or nil.
// They are used before the next row is asked for.
type Row struct {
	Columns []string
	Values  []any
}

// Source is one table of a SQLite database.
type Source struct {
	Label string // how people know it: the file's name
	// Select runs a query and gives its rows. What it opens it closes when the range ends.
	Select func(ctx context.Context, query string) iter.Seq2[Row, error]
	// Table names the table; empty means the only one that has an id and a body.
	Table  string
	Config item.Config
	Index  int // of the source in the run
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

// row is one row as a JSON object, or why it is none.
type row struct {
	key    int64
	object []byte
	reason string
}

// Blocks gives the rows in blocks of some hundred. An item's offset is its rowid.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			var told *quarry.Error
			if !errors.As(err, &told) {
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
	first, err := s.rows(ctx, table, math.MinInt64)
	if err != nil {
		return err
	}
	var sample [][]byte
	for _, r := range first {
		if r.reason == "" && len(sample) < item.Sample {
			sample = append(sample, r.object)
		}
	}
	keys := s.Config.Decide(sample)
	rows := first
	if from.File != "" {
		if rows, err = s.rows(ctx, table, from.Offset); err != nil {
			return err
		}
	}
	for len(rows) > 0 {
		// A block is small in bytes too; the rest of the rows make the next.
		n, size := 0, 0
		for n < len(rows) && (n == 0 || size+len(rows[n].object) <= blockBytes) {
			size += len(rows[n].object)
			n++
		}
		if !yield(s.block(rows[:n:n], keys), nil) {
			return nil
		}
		last := rows[n-1].key
		if rows = rows[n:]; len(rows) > 0 {
			continue
		}
		if last == math.MaxInt64 {
			return nil
		}
		if rows, err = s.rows(ctx, table, last+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *Source) block(rows []row, keys item.Keys) quarry.Block {
	at := func(r row) quarry.Position {
		return quarry.Position{Source: s.Index, File: s.Name(), Offset: r.key}
	}
	return quarry.Block{First: at(rows[0]), Documents: func(yield func(quarry.Document, error) bool) {
		reader := s.Config.NewReader(keys)
		for _, r := range rows {
			d, err := quarry.Document{At: at(r)}, error(nil)
			switch {
			case r.reason != "":
				err = &quarry.ItemError{At: d.At, Reason: fmt.Sprintf("row %d: %s", r.key, r.reason)}
			case len(r.object) > s.Config.Limit():
				err = s.Config.TooLong(int64(len(r.object)), d.At)
			default:
				if d, err = reader.Read(r.object, d.At); errors.Is(err, item.ErrFiltered) {
					continue
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// table finds the table to read.
func (s *Source) table(ctx context.Context) (string, error) {
	if s.Table != "" {
		return s.Table, nil
	}
	var names []string
	for r, err := range s.Select(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`) {
		if err != nil {
			return "", err
		}
		if name, ok := r.Values[0].(string); ok {
			names = append(names, name)
		}
	}
	var fit []string
	for _, name := range names {
		rows, err := s.rows(ctx, name, math.MinInt64)
		if err != nil || len(rows) == 0 {
			continue // a table without a rowid is no dump of articles
		}
		var sample [][]byte
		for _, r := range rows {
			if r.reason == "" {
				sample = append(sample, r.object)
			}
		}
		if k := s.Config.Decide(sample); len(k.ID) > 0 && len(k.Body) > 0 {
			fit = append(fit, name)
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	why := "no table has an id and a body that are found by their names"
	if len(fit) > 1 {
		why = "these tables have an id and a body: " + strings.Join(fit, ", ")
	}
	return "", &quarry.Error{Kind: quarry.BadUsage, Op: "read source", Subject: s.Label, Err: errors.New(why), Hint: "name the table: " + s.Label + "#TABLE, and its columns: --field body=COLUMN"}
}

// rows reads some rows from a rowid on.
func (s *Source) rows(ctx context.Context, table string, from int64) ([]row, error) {
	var out []row
	size := 0
	query := fmt.Sprintf("SELECT rowid, * FROM %s WHERE rowid >= %d ORDER BY rowid LIMIT %d", quote(table), from, rowsAtOnce)
	for r, err := range s.Select(ctx, query) {
		if err != nil {
			return nil, err
		}
		key, ok := r.Values[0].(int64)
		if !ok {
			return nil, fmt.Errorf("rowid of table %s is no number", table)
		}
		object, reason := object(r.Columns[1:], r.Values[1:])
		out = append(out, row{key, object, reason})
		if size += len(object); size > 4*blockBytes {
			break
		}
	}
	return out, nil
}

// object writes a row as a JSON object.
func object(names []string, values []any) (obj []byte, reason string) {
	obj = append(obj, '{')
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] || !utf8.ValidString(name) {
			continue
		}
		seen[name] = true
		if len(obj) > 1 {
			obj = append(obj, ',')
		}
		obj = append(jsonl.AppendString(obj, []byte(name)), ':')
		switch v := values[i].(type) {
		case int64:
			obj = strconv.AppendInt(obj, v, 10)
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				obj = append(obj, "null"...)
			} else {
				obj = strconv.AppendFloat(obj, v, 'g', -1, 64)
			}
		case bool:
			obj = strconv.AppendBool(obj, v)
		case string:
			if !utf8.ValidString(v) {
				return nil, "invalid UTF-8 in column " + jsonl.Quote([]byte(name))
			}
			obj = jsonl.AppendString(obj, []byte(v))
		case []byte:
			// Text that was stored as a blob is text; other blobs are pictures and the like.
			if utf8.Valid(v) && !bytes.ContainsRune(v, 0) {
				obj = jsonl.AppendString(obj, v)
			} else {
				obj = append(obj, "null"...)
			}
		case time.Time:
			obj = jsonl.AppendString(obj, []byte(v.UTC().Format(time.RFC3339)))
		default:
			obj = append(obj, "null"...)
		}
	}
	return append(obj, '}'), ""
}
