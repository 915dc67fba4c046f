package export

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry/internal/base/effect"
)

// How many rows and bytes wait for one transaction.
const (
	changeRows  = 2000
	changeBytes = 8 << 20
)

// sqliteWriter makes a database with one table; its rowid is the order of the results. Texts are TEXT, whole
// numbers and booleans INTEGER, others REAL; null and missing are NULL.
type sqliteWriter struct {
	rower
	e      *effect.Effects
	db     *effect.DB
	path   string
	insert string
	values []any
	bytes  int
	spent  bool
}

// createSQLite builds the database under a temporary name, without a journal: one that is not finished is thrown away.
func createSQLite(ctx context.Context, e *effect.Effects, path string, columns *Columns, cfg Config) (Writer, error) {
	w := &sqliteWriter{rower: rower{columns: columns}, e: e, path: path}
	if err := e.Remove(w.temporary()); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	// The database gets its name, and its owner alone, before SQLite opens it.
	f, err := e.Create(w.temporary())
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	name := (&url.URL{Path: filepath.ToSlash(filepath.Clean(w.temporary()))}).EscapedPath()
	w.db, err = e.OpenDB("sqlite", "file:"+name+"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-8192)&_pragma=temp_store(memory)")
	if err != nil {
		w.Abort()
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	create, insert := statements(cfg.table(), columns)
	w.insert = insert
	err = w.db.Change(ctx, "export: create table", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, create)
		return err
	})
	if err != nil {
		w.Abort()
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return w, nil
}

func (w *sqliteWriter) temporary() string { return w.path + ".tmp" }

func statements(table string, columns *Columns) (create, insert string) {
	var c, i strings.Builder
	for n := range columns.all {
		col := &columns.all[n]
		if n > 0 {
			c.WriteString(", ")
			i.WriteString(", ")
		}
		c.WriteString(quoted(col.name) + " ")
		switch col.kind {
		case integer, boolean:
			c.WriteString("INTEGER")
		case double:
			c.WriteString("REAL")
		default:
			c.WriteString("TEXT")
		}
		if col.required {
			c.WriteString(" NOT NULL")
		}
		i.WriteByte('?')
	}
	return "CREATE TABLE " + quoted(table) + " (" + c.String() + ")", "INSERT INTO " + quoted(table) + " VALUES (" + i.String() + ")"
}

// Write adds a row.
func (w *sqliteWriter) Write(ctx context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	for i := range cells {
		c, col := &cells[i], &w.columns.all[i]
		switch {
		case c.absent() && !col.required:
			w.values = append(w.values, nil)
		case col.kind == integer, col.kind == boolean:
			w.values = append(w.values, c.n)
		case col.kind == double:
			w.values = append(w.values, c.f)
		default:
			s := c.asText()
			w.values = append(w.values, s)
			w.bytes += len(s)
		}
	}
	if len(w.values) >= changeRows*len(cells) || w.bytes >= changeBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush writes the rows that wait.
func (w *sqliteWriter) flush(ctx context.Context) error {
	if len(w.values) == 0 {
		return nil
	}
	width := len(w.columns.all)
	err := w.db.Change(ctx, "export: insert rows", func(tx *effect.Tx) error {
		insert, err := tx.PrepareContext(ctx, w.insert)
		if err != nil {
			return err
		}
		for row := w.values; len(row) > 0; row = row[width:] {
			if _, err := insert.ExecContext(ctx, row[:width]...); err != nil {
				return errors.Join(err, insert.Close())
			}
		}
		return insert.Close()
	})
	clear(w.values)
	w.values, w.bytes = w.values[:0], 0
	return err
}

// Close makes the file appear.
func (w *sqliteWriter) Close(ctx context.Context) error {
	if err := w.finish(ctx); err != nil {
		w.Abort()
		return fmt.Errorf("write %s: %w", w.path, err)
	}
	w.spent = true
	return w.e.Rename(w.temporary(), w.path)
}

// finish brings all rows to the disk: SQLite itself was configured not to.
func (w *sqliteWriter) finish(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	db := w.db
	w.db = nil
	if err := db.Close(); err != nil {
		return err
	}
	f, err := w.e.Append(w.temporary())
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Abort throws the file away.
func (w *sqliteWriter) Abort() {
	if w.spent {
		return
	}
	w.spent = true
	if w.db != nil {
		_ = w.db.Close()
		w.db = nil
	}
	_ = w.e.Remove(w.temporary())
}
