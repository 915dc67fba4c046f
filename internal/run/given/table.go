package given

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"quarry"
)

// table is a table of answers: which column holds what.
type table struct {
	id, output, text, status int // columns; -1: there is none
	members                  []member
	guarded                  bool // quarry export wrote it: a text that a spreadsheet program would take for a formula has one more ' before it
}

// member is a column that is one member of the answer.
type member struct {
	name   string
	column int
	texts  bool // its values are texts, whatever they look like
}

// readTable reads a CSV; its first row says whether commas, semicolons or tabs separate its cells.
func readTable(ctx context.Context, cfg Config, in *bufio.Reader, counts *Counts, yield func(Answer, error) bool) {
	head, _ := in.Peek(in.Size())
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(first) {
		yield(Answer{}, cfg.refused(errors.New("it is not UTF-8 text")))
		return
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	for _, comma := range ",;\t" {
		if rows.Comma = comma; bytes.ContainsRune(first, comma) {
			break
		}
	}
	names, err := rows.Read()
	if err != nil {
		yield(Answer{}, cfg.fault(1, err.Error()))
		return
	}
	t, reason := cfg.columns(names)
	if reason != "" {
		yield(Answer{}, cfg.fault(1, reason))
		return
	}
	for ctx.Err() == nil {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) && wrong.Err != nil { // the row is read over, and those after it are read
			if !yield(Answer{}, cfg.fault(int64(wrong.StartLine), wrong.Err.Error())) {
				return
			}
			continue
		}
		if err != nil {
			yield(Answer{}, fmt.Errorf("read known answers %s: %w", cfg.Path, err))
			return
		}
		line, _ := rows.FieldPos(0)
		a, reason := t.answer(row, counts)
		switch {
		case reason != "":
			if !yield(Answer{}, cfg.fault(int64(line), reason)) {
				return
			}
		case a != nil:
			if !yield(*a, nil) {
				return
			}
		}
	}
	yield(Answer{}, context.Cause(ctx))
}

// columns finds the columns by their names. In a table of quarry export the members of the answer are between status and text.
func (c *Config) columns(row []string) (t table, reason string) {
	names := slices.Clone(row)
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
	}
	at := func(name string) int { return slices.Index(names, name) }
	t.id, t.output, t.text, t.status = at("id"), at("output"), at("text"), at("status")
	t.guarded = t.id == 0 && t.status == 1 && t.text > 1 && slices.Contains(names, "requested_model")
	if t.guarded {
		for i := 2; i < t.text; i++ {
			t.members = append(t.members, member{name: row[i], column: i, texts: c.isText(row[i])})
		}
		t.output = -1
	}
	switch {
	case t.id < 0:
		return t, fmt.Sprintf("no column is named id; the columns are %s", strings.Join(row, ", "))
	case t.output < 0 && t.text < 0:
		return t, fmt.Sprintf("no column is named output or text; the columns are %s", strings.Join(row, ", "))
	}
	return t, ""
}

// isText reports whether the answer schema has a member for texts, or does not say what it is for.
func (c *Config) isText(name string) bool {
	var schema struct {
		Properties map[string]struct {
			Type any `json:"type"`
		} `json:"properties"`
	}
	if len(c.Schema) == 0 || json.Unmarshal(c.Schema, &schema) != nil {
		return true
	}
	switch t := schema.Properties[name].Type.(type) {
	case string:
		return t == "string"
	case []any:
		return slices.Contains(t, any("string"))
	}
	return true
}

// answer reads a row; nil without a reason: it holds no good answer.
func (t *table) answer(row []string, counts *Counts) (*Answer, string) {
	var id string
	if t.id < len(row) {
		id = row[t.id] // export puts no apostrophe into ids
	}
	a := &Answer{ID: quarry.DocumentID(id)}
	switch {
	case a.ID == "":
		return nil, "its id is empty"
	case slices.ContainsFunc(row, func(s string) bool { return !utf8.ValidString(s) }):
		return nil, "it is not UTF-8"
	case t.guarded && t.cell(row, t.status) != string(quarry.StatusOK), failed(`"` + t.cell(row, t.status) + `"`):
		counts.Bad++
		return nil, ""
	}
	text := t.cell(row, t.text)
	if t.output >= 0 && t.cell(row, t.output) != "" {
		text = t.cell(row, t.output)
	}
	if text != "" {
		if t.output >= 0 && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text)) {
			a.Output = json.RawMessage(text)
			return a, ""
		}
		a.Text = text
		return a, ""
	}
	if len(t.members) == 0 {
		return nil, "it has an id and no answer"
	}
	var err error
	a.Output, err = t.object(row)
	if err != nil {
		return nil, err.Error()
	}
	return a, ""
}

// object puts an answer together of its members' columns. A cell without a text is null: a table does not tell it from an empty one.
func (t *table) object(row []string) (json.RawMessage, error) {
	out := []byte{'{'}
	for i, m := range t.members {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		out = append(append(out, name...), ':')
		cell := t.cell(row, m.column)
		value := []byte("null")
		switch {
		case cell == "":
		case !m.texts && json.Valid([]byte(cell)):
			value = []byte(cell)
		default:
			if value, err = text(cell); err != nil {
				return nil, err
			}
		}
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

// text writes a text as JSON, its characters as they are.
func text(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return bytes.TrimSpace(b.Bytes()), err
}

// cell gives a cell of a row; empty where there is no such column.
func (t *table) cell(row []string, column int) string {
	if column < 0 || column >= len(row) {
		return ""
	}
	s := row[column]
	if rest := strings.TrimLeft(s, "'"); t.guarded && len(rest) < len(s) && rest != "" && strings.IndexByte("=+-@\t\r", rest[0]) >= 0 {
		return s[1:]
	}
	return s
}
