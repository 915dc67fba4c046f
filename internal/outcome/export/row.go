package export

import (
	"fmt"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/jsonl"
)

// rower turns results into rows. It keeps its memory from one to the next.
type rower struct {
	columns *Columns
	check   jsonl.Checker
	cells   []cell
	rest    []byte
}

// row gives the result's cells in the order of the columns. They hold until the next call.
func (w *rower) row(r Row) ([]cell, error) {
	if r.ID == "" || r.Status == "" {
		return nil, fmt.Errorf("document %q, status %q: %w", r.ID, r.Status, ErrNotOurs)
	}
	if w.columns.picked != nil {
		return w.pick(r)
	}
	w.cells = append(w.cells[:0], textCell(string(r.ID)), textCell(string(r.Status)))
	if err := w.add(&w.columns.answer, r.Output); err != nil {
		return nil, fmt.Errorf("answer of document %q: %w", r.ID, err)
	}
	w.cells = append(w.cells, textCell(r.Text), textCell(r.Document.Title), textCell(r.Document.URL), textCell(r.Document.Lang))
	if err := w.add(&w.columns.fields, r.Document.Fields); err != nil {
		return nil, fmt.Errorf("fields of document %q: %w", r.ID, err)
	}
	var fault quarry.ResultError
	if r.Error != nil {
		fault = *r.Error
	}
	cost := cell{kind: null}
	if r.CostUSD != nil {
		digits, err := r.CostUSD.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("cost of document %q: %w", r.ID, err)
		}
		cost = cell{kind: other, raw: digits}
	}
	w.cells = append(w.cells, textCell(r.Model), textCell(r.RequestedModel), textCell(string(r.Mode)), integerCell(int64(r.Attempts)),
		tokensCell(r.Usage.InputTokens, r.Usage), tokensCell(r.Usage.OutputTokens, r.Usage), cost, textCell(r.Job), textCell(fault.Kind), textCell(fault.Message))
	if w.columns.corrected {
		w.cells = append(w.cells, textCell(r.CorrectedBy), textCell(r.CorrectedAt))
	}
	for i := range w.cells {
		if c := &w.cells[i]; c.raw == nil && c.kind == text && !utf8.ValidString(c.text) {
			return nil, fmt.Errorf("%s of document %q: %w", w.columns.all[i].name, r.ID, jsonl.ErrUTF8)
		}
	}
	return w.cells, nil
}

// add appends the cells of one object's members, and of the rest where the table has a column for it.
func (w *rower) add(m *members, value []byte) error {
	first := len(w.cells)
	for range m.names {
		w.cells = append(w.cells, cell{})
	}
	if m.over {
		w.cells = append(w.cells, cell{})
	}
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	if value[0] != '{' {
		if err := w.check.Check(value); err != nil {
			return err
		}
		return w.setRest(m, first, value)
	}
	list, err := w.check.Object(value)
	if err != nil {
		return err
	}
	w.rest = w.rest[:0]
	for _, member := range list {
		if own := m.ours(&member); own >= 0 { // in JSON these are in one object, and ours take precedence
			if c := &w.cells[first-len(m.own)+own]; c.kind == missing {
				*c = jsonCell(member.Value)
			}
			continue
		}
		i, ok := m.at[string(member.Name)]
		if !ok {
			w.rest = jsonl.AppendString(append(w.rest, ','), member.Name)
			w.rest = append(append(w.rest, ':'), member.Value...)
			continue
		}
		c := jsonCell(member.Value)
		if !w.columns.all[m.first+i].takes(&c) {
			return fmt.Errorf("member %q: %w", member.Name, ErrColumns)
		}
		w.cells[first+i] = c
	}
	if len(w.rest) == 0 {
		return nil
	}
	w.rest[0] = '{'
	return w.setRest(m, first, append(w.rest, '}'))
}

func (w *rower) setRest(m *members, first int, value []byte) error {
	if !m.over {
		return fmt.Errorf("%s: %w", jsonl.Quote(value), ErrColumns)
	}
	w.cells[first+len(m.names)] = cell{kind: other, raw: append([]byte(nil), value...)}
	return nil
}

// takes reports whether a column of this type holds the value exactly.
func (c *column) takes(v *cell) bool {
	switch {
	case v.absent(), c.kind == text, c.kind == v.kind:
		return true
	}
	return c.kind == double && v.kind == integer && v.n <= exactInteger && v.n >= -exactInteger
}
