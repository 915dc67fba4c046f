package inspect

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"quarry/internal/base/jsonl"
)

// Field is one field of the items. A field inside an object has a dotted name; an array is one field.
type Field struct {
	Name string `json:"name"`
	// Filled counts the items in which the field has a value other than null, "", [] and {}; Share is Filled of all items, without the
	// text files that a condition leaves out.
	Filled int64   `json:"filled"`
	Share  float64 `json:"share"`
	// Kinds counts the values by JSON type: string, number, boolean, array, object, null.
	Kinds []Count `json:"kinds"`
	// Values are all values and their counts, where there are at most 50 and none is longer than 60 characters; null
	// otherwise.
	Values []Count `json:"values"`
	// Examples are up to 3 different values, cut at 80 characters.
	Examples []string `json:"examples,omitempty"`
	// First and Last are the earliest and the latest date, where nearly all values are dates: RFC 3339 or YYYY-MM-DD.
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Chars are the lengths of the strings, in characters; null where there are none.
	Chars *Lengths `json:"chars"`
}

const (
	maxFields      = 500
	maxDepth       = 5
	maxValueChars  = 60
	maxExamples    = 3
	maxExampleRune = 80
)

// fields gathers the statistics of all fields.
type fields struct {
	byName map[string]*field
	order  []string // as they were first seen
	more   map[string]bool
}

func newFields() *fields { return &fields{byName: map[string]*field{}, more: map[string]bool{}} }

// field is one field's statistics.
type field struct {
	filled   int64
	kinds    counter
	values   counter // nil: too many, or too long
	examples []string
	dates    int64
	texts    int64 // strings that are not empty
	from, to time.Time
	chars    histogram
}

// object adds the members of one item.
func (fs *fields) object(item []byte) { fs.members("", item, 1) }

func (fs *fields) members(prefix string, object []byte, depth int) {
	for raw, value := range jsonl.Members(object) {
		name := prefix + string(jsonl.Unescape(nil, raw))
		if len(value) > 2 && value[0] == '{' && depth < maxDepth && !isEmptyObject(value) {
			fs.members(name+".", value, depth+1)
			continue
		}
		fs.value(name, value)
	}
}

func isEmptyObject(v []byte) bool { return len(bytes.TrimSpace(v[1:len(v)-1])) == 0 }

func (fs *fields) value(name string, v []byte) {
	f := fs.byName[name]
	if f == nil {
		if len(fs.order) >= maxFields {
			if len(fs.more) < maxFields {
				fs.more[name] = true
			}
			return
		}
		f = &field{kinds: counter{}, values: counter{}}
		fs.byName[name] = f
		fs.order = append(fs.order, name)
	}
	f.add(v)
}

func (f *field) add(v []byte) {
	kind, text := kindOf(v)
	f.kinds.add(kind)
	switch kind {
	case "null":
		return
	case "array", "object":
		if len(bytes.TrimSpace(v[1:len(v)-1])) == 0 {
			return
		}
	case "string":
		if text == "" {
			return
		}
		f.texts++
		f.chars.add(int64(utf8.RuneCountInString(text)))
		f.date(text)
	}
	f.filled++
	f.example(text)
	if f.values == nil {
		return
	}
	if utf8.RuneCountInString(text) > maxValueChars {
		f.values = nil
		return
	}
	if _, ok := f.values[text]; !ok && len(f.values) >= maxValues {
		f.values = nil
		return
	}
	f.values[text]++
}

func (f *field) example(text string) {
	if len(f.examples) >= maxExamples {
		return
	}
	text = cut(strings.Join(strings.Fields(text), " "), maxExampleRune)
	for _, e := range f.examples {
		if e == text {
			return
		}
	}
	f.examples = append(f.examples, text)
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s[:min(len(s), 4*n)])
	return string(r[:min(len(r), n-1)]) + "…"
}

// kindOf gives a value's JSON type, and the value as text: a string unescaped, everything else as it is written.
func kindOf(v []byte) (kind, text string) {
	switch v[0] {
	case '"':
		return "string", string(jsonl.Unescape(nil, v[1:len(v)-1]))
	case '{':
		return "object", string(jsonl.AppendCompact(nil, v))
	case '[':
		return "array", string(jsonl.AppendCompact(nil, v))
	case 't', 'f':
		return "boolean", string(v)
	case 'n':
		return "null", ""
	}
	return "number", string(v)
}

// layouts are the forms of dates that exports use.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006/01/02", time.RFC1123Z,
	time.RFC1123,
}

func (f *field) date(text string) {
	if len(text) < len("2006-01-02") || len(text) > 40 {
		return
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		f.dates++
		if f.from.IsZero() || t.Before(f.from) {
			f.from = t
		}
		if t.After(f.to) {
			f.to = t
		}
		return
	}
}

// report describes the fields: those most often filled first, else in the order in which they were seen.
func (fs *fields) report(items int64) (out []Field, more int64) {
	out = make([]Field, 0, len(fs.order))
	for _, name := range fs.order {
		f := fs.byName[name]
		d := Field{Name: name, Filled: f.filled, Kinds: f.kinds.counts(), Examples: f.examples}
		if items > 0 {
			d.Share = float64(f.filled) / float64(items)
		}
		if len(f.values) > 0 && (f.filled < 10 || int64(len(f.values)) <= f.filled/2) {
			d.Values = f.values.counts()
		}
		if f.texts > 0 {
			l := f.chars.lengths()
			d.Chars = &l
		}
		if f.texts > 0 && f.dates*20 >= f.texts*19 {
			d.First, d.Last = day(f.from), day(f.to)
		}
		out = append(out, d)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Filled > out[j].Filled })
	return out, int64(len(fs.more))
}

// day writes a date, with its time where it has one.
func day(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format("2006-01-02")
	}
	return t.Format(time.RFC3339)
}

// String says a field's values in one line, for a message.
func (f *Field) String() string {
	if len(f.Values) == 0 {
		return f.Name
	}
	var parts []string
	for i, v := range f.Values {
		if i == 5 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%d)", v.Value, v.Count))
	}
	return f.Name + ": " + strings.Join(parts, ", ")
}
