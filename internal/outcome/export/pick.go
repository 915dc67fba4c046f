package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry/internal/base/fields"
	"quarry/internal/base/figure"
)

// Column is a column that was named: its name in the file, and the path of its values in a line of results.jsonl.
type Column struct {
	Name string
	Path fields.Path
}

// ParseColumns reads a list of NAME=PATH or PATH with commas between them. The name of a PATH alone is its last part.
func ParseColumns(list string) ([]Column, error) {
	var out []Column
	taken := map[string]bool{}
	for part := range strings.SplitSeq(list, ",") {
		name, path, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			path = name
			name = path[strings.LastIndexByte(path, '.')+1:]
		}
		parsed, err := fields.ParsePath(path)
		switch {
		case err != nil:
			return nil, err
		case name == "" || name != columnName(name) || len(name) > maxNameBytes:
			return nil, fmt.Errorf("column %q: a name has at most %s, no space at its ends and no control character", part, figure.Count(maxNameBytes, "byte"))
		case taken[strings.ToLower(name)]: // names in SQL have no case
			return nil, fmt.Errorf("two columns are named %s; name one of them with NAME=PATH", name)
		}
		taken[strings.ToLower(name)] = true
		out = append(out, Column{Name: name, Path: parsed})
	}
	return out, nil
}

// picker finds the types of named columns.
type picker struct {
	columns []Column
	paths   fields.Paths
	seen    []seen
}

func newPicker(columns []Column) *picker {
	if len(columns) == 0 {
		return nil
	}
	p := &picker{columns: columns, seen: make([]seen, len(columns))}
	for _, c := range columns {
		p.paths.Add(c.Path)
	}
	return p
}

func (p *picker) note(line []byte) {
	for i := range p.columns {
		if value, ok := p.paths.Lookup(i, line); ok {
			c := jsonCell(value)
			p.seen[i].add(&c)
		}
	}
}

// settle makes the columns of a table.
func (p *picker) settle(c *Columns) error {
	var missing []error
	for _, path := range p.paths.Missing() {
		missing = append(missing, fmt.Errorf("column %s: %w%s", path, ErrPath, p.paths.Known(path)))
	}
	c.picked = slices.Clone(p.columns)
	for i, col := range p.columns {
		isID := col.Path == "id"
		c.all = append(c.all, column{name: col.Name, id: isID, kind: p.seen[i].kind(), required: isID, long: true})
	}
	return errors.Join(missing...)
}

// pick gives the cells of named columns.
func (w *rower) pick(r Row) ([]cell, error) {
	w.cells = w.cells[:0]
	for i, col := range w.columns.picked {
		var c cell
		if value, ok := col.Path.Lookup(r.Line); ok {
			c = jsonCell(value)
		}
		if !w.columns.all[i].takes(&c) {
			return nil, fmt.Errorf("%s of document %q: %w", col.Path, r.ID, ErrColumns)
		}
		w.cells = append(w.cells, c)
	}
	return w.cells, nil
}
