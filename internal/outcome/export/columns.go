package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"quarry/internal/base/jsonl"
)

// How many columns the answers and the documents get. SQLite takes 2,000 in a table
// (https://www.sqlite.org/limits.html); a source with a member name of its own for each item must not reach it.
const (
	maxAnswerColumns = 200
	maxFieldColumns  = 300
	maxNameBytes     = 200
)

// maxLineBytes is how long a line of results may be. A result keeps its document's fields, never its text.
const maxLineBytes = 256 << 20

// column is one column of a file, the same in every format.
type column struct {
	name     string
	id       bool // of documents: other programs find them by it, so no guard changes it
	kind     kind // text, integer, double or boolean
	required bool // never null
	figure   bool // a text that is a number, exact in a double
	repeats  bool // few values, in many rows
	long     bool // texts whose bounds tell no one anything
}

// members are the columns that a JSON object's members have.
type members struct {
	prefix string         // before a name that another column has
	own    []string       // names that are columns of ours where the value is a text
	rest   string         // name of the column for the rest
	most   int            // how many get a column of their own
	names  []string       // of members, in the order of their columns
	at     map[string]int // a member's place among them
	seen   []seen
	over   bool // there is something for the rest
	first  int  // place of the first of these columns in the table
}

// Columns is the table that results make. It is not changed by writers: any number of them may share one.
type Columns struct {
	answer, fields members
	corrected      bool     // people corrected some of the answers
	picked         []Column // where the columns are named; the others are empty then
	all            []column
}

// Names gives the names of the columns in their order.
func (c *Columns) Names() []string {
	names := make([]string, len(c.all))
	for i := range c.all {
		names[i] = c.all[i].name
	}
	return names
}

// Find reads results to the end and gives the columns that hold all of them. A line that is no result ends it with an
// error that wraps ErrNotOurs.
func Find(ctx context.Context, results io.Reader, cfg Config) (*Columns, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Columns{
		answer: members{prefix: "answer_", rest: "answer", most: maxAnswerColumns, at: map[string]int{}},
		fields: members{prefix: "document_", own: []string{"title", "url", "lang"}, rest: "document", most: maxFieldColumns, at: map[string]int{}},
	}
	c.answer.promise(cfg.Schema)
	p := newPicker(cfg.Columns)
	var line, part jsonl.Checker
	for l, err := range lines(ctx, results) {
		if err != nil {
			return nil, err
		}
		all, err := line.Object(l.Text)
		if err != nil {
			return nil, fmt.Errorf("read results line %d: %w: %w", l.Line, ErrNotOurs, err)
		}
		if cfg.Where != nil && !cfg.Where.Keep(l.Text) {
			continue
		}
		if p != nil {
			p.note(l.Text)
			continue
		}
		for _, m := range all {
			switch string(m.Name) {
			case "output":
				err = c.answer.note(&part, m.Value)
			case "document":
				err = c.fields.note(&part, m.Value)
			case "corrected_by":
				c.corrected = true
			}
			if err != nil {
				return nil, fmt.Errorf("read results line %d: %w", l.Line, err)
			}
		}
	}
	if cfg.Where != nil {
		if missing := cfg.Where.Missing(); len(missing) > 0 {
			return nil, fmt.Errorf("condition on %s: %w%s", missing[0], ErrPath, cfg.Where.Known(missing[0]))
		}
	}
	if p != nil {
		return c, p.settle(c)
	}
	c.settle()
	return c, nil
}

// promise makes columns of a schema's properties before any answer is seen, of the types that the schema names.
func (m *members) promise(schema []byte) {
	properties, ok := jsonl.Lookup(schema, "properties")
	if !ok {
		return
	}
	for raw, property := range jsonl.Members(properties) {
		i := m.place(string(jsonl.Unescape(nil, raw)))
		if i < 0 {
			continue
		}
		types, _ := jsonl.Lookup(property, "type")
		for _, t := range []struct {
			name string
			is   *bool
		}{
			{`"string"`, &m.seen[i].text},
			{`"integer"`, &m.seen[i].integer},
			{`"number"`, &m.seen[i].double},
			{`"boolean"`, &m.seen[i].boolean},
			{`"array"`, &m.seen[i].other},
			{`"object"`, &m.seen[i].other},
		} {
			*t.is = *t.is || strings.Contains(string(types), t.name)
		}
	}
}

// place gives the place of a member's column, making one where there is room; -1 where there is none.
func (m *members) place(name string) int {
	if i, ok := m.at[name]; ok {
		return i
	}
	if len(m.names) == m.most || len(name) > maxNameBytes {
		m.over = true
		return -1
	}
	i := len(m.names)
	m.at[name] = i
	m.names = append(m.names, name)
	m.seen = append(m.seen, seen{})
	return i
}

func (m *members) note(check *jsonl.Checker, value []byte) error {
	switch value[0] {
	case 'n':
		return nil
	case '{':
	default:
		m.over = true
		return nil
	}
	list, err := check.Object(value)
	if err != nil {
		return err
	}
	for _, member := range list {
		if m.ours(&member) >= 0 {
			continue
		}
		i, ok := m.at[string(member.Name)]
		if !ok {
			i = m.place(string(member.Name))
		}
		if i < 0 {
			continue
		}
		s := &m.seen[i]
		if member.Value[0] == '"' { // the most frequent kind, without making its text
			s.text = true
			continue
		}
		c := jsonCell(member.Value)
		s.add(&c)
	}
	return nil
}

// ours tells which of our columns a member is, or -1.
func (m *members) ours(member *jsonl.Member) int {
	if len(m.own) == 0 || !member.String() {
		return -1
	}
	return slices.Index(m.own, string(member.Name))
}

// settle gives every column its name and type. Ours keep their names; a member whose name is taken, capitals aside, gets
// a prefix, and a number where that is taken too.
func (c *Columns) settle() {
	before := []column{{name: "id", id: true, required: true}, {name: "status", required: true, repeats: true}}
	middle := []column{{name: "text", long: true}, {name: "title", long: true}, {name: "url", long: true}, {name: "lang", repeats: true}}
	after := []column{
		{name: "model", repeats: true},
		{name: "requested_model", repeats: true},
		{name: "mode", repeats: true},
		{name: "attempts", kind: integer, required: true},
		{name: "input_tokens", kind: integer, required: true},
		{name: "output_tokens", kind: integer, required: true},
		{name: "cost_usd", figure: true},
		{name: "job", repeats: true},
		{name: "error_kind", repeats: true},
		{name: "error_message", long: true},
	}
	if c.corrected {
		after = append(after, column{name: "corrected_by", repeats: true}, column{name: "corrected_at", long: true})
	}
	taken := map[string]bool{}
	for _, list := range [][]column{before, middle, after} {
		for i := range list {
			taken[list[i].name] = true
			if list[i].kind == missing {
				list[i].kind = text
			}
		}
	}
	for _, m := range []*members{&c.answer, &c.fields} {
		if m.over {
			taken[m.rest] = true
		}
	}
	c.all = append(c.all, before...)
	c.all = c.answer.columns(c.all, taken)
	c.all = append(c.all, middle...)
	c.all = c.fields.columns(c.all, taken)
	c.all = append(c.all, after...)
}

func (m *members) columns(all []column, taken map[string]bool) []column {
	m.first = len(all)
	for i, name := range m.names {
		name = freeName(columnName(name), m.prefix, taken)
		taken[strings.ToLower(name)] = true
		all = append(all, column{name: name, kind: m.seen[i].kind(), long: true})
	}
	if m.over {
		all = append(all, column{name: m.rest, kind: text, long: true})
	}
	return all
}

// columnName makes a name that every format takes: not empty, without control characters.
func columnName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '_'
		}
		return r
	}, name))
	if name == "" {
		return "_"
	}
	return name
}

func freeName(name, prefix string, taken map[string]bool) string {
	if !taken[strings.ToLower(name)] {
		return name
	}
	name = prefix + name
	for n, try := 2, name; ; n++ {
		if !taken[strings.ToLower(try)] {
			return try
		}
		try = name + "_" + strconv.Itoa(n)
	}
}
