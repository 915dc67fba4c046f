// Package sqltable publishes into columns of a database table.
//
// It owns the statements. Package source/database owns addresses, logins and drivers, and what a refusal means. What always holds: a row
// is updated by its id, and only if the columns that are written, the title and the body still hold what was read; a statement that
// changes another number of rows than one is rolled back; values are parameters, never part of a statement.
package sqltable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/publish"
	"quarry/internal/prepare/source/database"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sqlrows"
)

// Target is a table.
type Target struct {
	db      *database.Database
	open    *effect.DB
	table   string
	dialect database.SQL
	items   item.Config
	keys    item.Keys
	id      string            // column
	types   map[string]string // of the columns, as the database calls them
}

// Open opens the table of a database and finds its columns. The config is how the run reads its sources.
func Open(ctx context.Context, e *effect.Effects, db *database.Database, items item.Config) (*Target, error) {
	t := &Target{db: db, table: db.Table, dialect: db.SQL(), items: items, types: map[string]string{}}
	bad := func(err error, hint string) (*Target, error) {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "publish to " + t.Name(), Err: err, Hint: hint}
	}
	if t.table == "" {
		return bad(errors.New("no table named"), "name the table: sql:ADDRESS#TABLE")
	}
	var sample [][]byte
	for row, err := range db.Select(ctx, "SELECT * FROM "+t.dialect.Quote(t.table)+" LIMIT 20") {
		if err != nil {
			return nil, err
		}
		for i, name := range row.Columns {
			t.types[name] = row.Types[i]
		}
		object, reason := sqlrows.Object(row)
		if reason == "" {
			sample = append(sample, object)
		}
	}
	t.keys = items.Decide(sample)
	if len(sample) == 0 || len(t.keys.ID) != 1 || t.types[t.keys.ID[0]] == "" && !t.has(sample[0], t.keys.ID[0]) {
		return bad(errors.New("no column is found for the id"), "name it: --field id=COLUMN; an empty table has nothing to publish to")
	}
	t.id = t.keys.ID[0]
	var err error
	t.open, err = db.Writable(e)
	return t, err
}

func (t *Target) has(row []byte, column string) bool {
	_, ok := jsonl.Lookup(row, column)
	return ok
}

// Name gives the address of the table.
func (t *Target) Name() string { return "sql:" + t.db.Name + "#" + t.table }

// Close closes the database.
func (t *Target) Close() error { return t.open.Close() }

// AtOnce is the number of rows that one statement reads.
func (t *Target) AtOnce() int { return 50 }

// Shown gives the statement.
func (t *Target) Shown(fields []string) []string {
	if len(fields) == 0 {
		return nil
	}
	return []string{t.update(fields)}
}

// Text gives the text as it is: it is a parameter.
func (t *Target) Text(field, text string, _ bool) (string, error) {
	_, known := t.types[field]
	switch {
	case !known:
		return "", publish.NoField(t.Name(), field, "the table has no such column",
			"name one of "+strings.Join(slices.Sorted(maps.Keys(t.types)), ", "))
	case field == t.id:
		return "", publish.NoField(t.Name(), field, "it is the id of a row", "name another column")
	}
	return text, nil
}

// guarded are the columns whose values are a condition of an update.
func (t *Target) guarded(fields []string) []string {
	columns := slices.Clone(fields)
	for _, path := range []item.Path{t.keys.Title, t.keys.Body} {
		if len(path) > 0 && !slices.Contains(columns, path[0]) {
			columns = append(columns, path[0])
		}
	}
	return columns
}

func (t *Target) update(fields []string) string {
	n := 0
	parameter := func(column string) string { n++; return t.dialect.Parameter(n, t.types[column]) }
	var set, where []string
	for _, field := range fields {
		set = append(set, t.dialect.Quote1(field)+" = "+parameter(field))
	}
	where = append(where, t.dialect.Quote1(t.id)+" = "+parameter(t.id))
	for _, column := range t.guarded(fields) {
		n++
		where = append(where, t.dialect.Same(t.dialect.Quote1(column), n))
	}
	return "UPDATE " + t.dialect.Quote(t.table) + " SET " + strings.Join(set, ", ") + " WHERE " + strings.Join(where, " AND ")
}

// row is a row as it was read.
type row struct {
	object []byte
	values map[string]any
	id     any
}

// Read reads rows by their ids.
func (t *Target) Read(ctx context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	byID := map[quarry.DocumentID]publish.Ref{}
	var places []string
	var args []any
	for i, ref := range refs {
		byID[ref.ID] = ref
		places, args = append(places, t.dialect.Parameter(i+1, t.types[t.id])), append(args, t.argument(ref.ID))
	}
	query := "SELECT * FROM " + t.dialect.Quote(t.table) + " WHERE " + t.dialect.Quote1(t.id) + " IN (" + strings.Join(places, ", ") + ")"
	found := map[quarry.DocumentID]*publish.Article{}
	err := t.open.Change(ctx, "read rows", func(tx *effect.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for r, err := range rows.Each() {
			if err != nil {
				return err
			}
			t.article(r, byID, fields, found)
		}
		return nil
	})
	if err != nil {
		return nil, t.db.Fault(err)
	}
	return slices.Collect(maps.Values(found)), nil
}

// argument is an id as a parameter: a number where the column holds numbers.
func (t *Target) argument(id quarry.DocumentID) any {
	isText := strings.Contains(t.types[t.id], "CHAR") || t.types[t.id] == "TEXT"
	if n, err := strconv.ParseInt(string(id), 10, 64); err == nil && t.dialect.Numbers && !isText {
		return n
	}
	return string(id)
}

func (t *Target) article(
	r effect.Row, refs map[quarry.DocumentID]publish.Ref, fields []string, found map[quarry.DocumentID]*publish.Article,
) {
	object, reason := sqlrows.Object(r)
	state := &row{object: bytes.Clone(object), values: map[string]any{}}
	for i, column := range r.Columns {
		state.values[column] = copied(r.Values[i])
	}
	state.id = state.values[t.id]
	id := fmt.Sprint(text(state.id))
	ref, ok := refs[quarry.DocumentID(id)]
	if !ok {
		return
	}
	if twice := found[ref.ID]; twice != nil {
		twice.Fault = "several rows have its id"
		return
	}
	a := &publish.Article{ID: ref.ID, Values: map[string]publish.Value{}, Moved: map[string]bool{}, State: state, Fault: reason}
	for _, field := range fields {
		v, _ := jsonl.Lookup(state.object, field)
		a.Values[field] = publish.Value{JSON: bytes.Clone(v)}
		a.Moved[field] = !ref.Read(field).Absent() && !a.Values[field].Same(ref.Read(field))
		switch state.values[field].(type) {
		case nil, string, []byte:
		default:
			a.Fault = "column " + field + " does not hold a text"
		}
	}
	found[ref.ID] = a
}

func copied(v any) any {
	if b, ok := v.([]byte); ok {
		return bytes.Clone(b)
	}
	return v
}

// text is a value as a document's id is written.
func text(v any) any {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

// Documents gives the row as its source reads it.
func (t *Target) Documents(_ context.Context, a *publish.Article, values map[string]publish.Value) ([]quarry.Document, error) {
	r, ok := a.State.(*row)
	if !ok {
		return nil, errors.New("not read")
	}
	object := []byte{'{'}
	for name, value := range jsonl.Members(r.object) {
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(append(object, '"'), name...), '"', ':')
		if v, ok := values[string(jsonl.Unescape(nil, name))]; ok {
			if value = v.JSON; v.Absent() {
				value = []byte("null")
			}
		}
		object = append(object, value...)
	}
	d, err := t.items.NewReader(t.keys).Read(append(object, '}'), quarry.Position{File: t.Name()})
	if errors.Is(err, item.ErrFiltered) {
		err = &quarry.ItemError{ID: a.ID, Reason: "it would be left out of its source by a condition"}
	}
	return []quarry.Document{d}, err
}

// Write updates the row.
func (t *Target) Write(ctx context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	r, ok := a.State.(*row)
	if !ok {
		return "", errors.New("not read")
	}
	fields := slices.Sorted(maps.Keys(values))
	var args []any
	for _, field := range fields {
		if values[field].Absent() {
			args = append(args, nil)
			continue
		}
		var text string
		if err := json.Unmarshal(values[field].JSON, &text); err != nil { // a column of JSON
			text = string(values[field].JSON)
		}
		args = append(args, text)
	}
	args = append(args, t.argument(a.ID))
	for _, column := range t.guarded(fields) {
		args = append(args, t.dialect.Compared(r.values[column]))
	}
	err := t.open.Change(ctx, "update a row", func(tx *effect.Tx) error {
		result, err := tx.ExecContext(ctx, t.update(fields), args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		switch {
		case err != nil:
			return err
		case n == 0:
			return publish.ErrChanged
		case n > 1:
			return &publish.Refused{Reason: "several rows have its id"}
		}
		return nil
	})
	var refused *publish.Refused
	switch {
	case err == nil, errors.Is(err, publish.ErrChanged), errors.As(err, &refused), ctx.Err() != nil:
		return "", err
	case database.Rejected(err):
		return "", &publish.Refused{Reason: "the database refused the value: " + t.db.Fault(err).Error()}
	case database.Busy(err):
		return "", &publish.Later{Err: t.db.Fault(err)}
	}
	return "", t.db.Fault(err)
}
