package frontmatter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v4"

	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/publish"
	"quarry/internal/prepare/clean/frontmatter"
)

// page is a text cut into its front matter and the rest.
type page struct {
	data       []byte
	head, tail []byte // before the fields and after them, with the fences
	source     []byte // the fields
	language   frontmatter.Language
	none       bool   // it has no front matter
	end        string // of a line
	fields     []byte // as one JSON object
	spans      map[string]span
	insert     int // where in source a new field goes
}

// span is where the lines of a field begin and end in the source.
type span struct{ from, to int }

var bom = []byte("\ufeff")

// parse cuts a text. The error says why its front matter cannot be edited.
func parse(data []byte) (page, error) {
	text := bytes.TrimPrefix(data, bom)
	p := page{data: data, end: "\n", spans: map[string]span{}}
	if at := bytes.IndexByte(data, '\n'); at > 0 && data[at-1] == '\r' {
		p.end = "\r\n"
	}
	m, ok := frontmatter.Split(text)
	if !ok {
		p.none, p.head, p.tail = true, data[:len(data)-len(text)], text
		return p, nil
	}
	if m.Language == frontmatter.JSON {
		return p, errors.New("its front matter is JSON, which cannot be edited")
	}
	from := len(data) - len(text) + bytes.IndexByte(text, '\n') + 1
	p.head, p.source, p.tail, p.language = data[:from], data[from:from+len(m.Source)], data[from+len(m.Source):], m.Language
	var err error
	if p.fields, _, err = m.Fields(nil); err != nil {
		return p, fmt.Errorf("its front matter cannot be read: %w", err)
	}
	if m.Language == frontmatter.TOML {
		err = p.spansOfTOML()
	} else {
		err = p.spansOfYAML()
	}
	return p, err
}

// value is what a field holds.
func (p *page) value(field string) publish.Value {
	v, ok := jsonl.Lookup(p.fields, field)
	if !ok {
		return publish.Value{}
	}
	out := publish.Value{JSON: bytes.Clone(v)}
	if s, ok := p.spans[field]; ok {
		out.Raw = string(p.source[s.from:s.to])
	}
	return out
}

// spansOfYAML finds the lines of the fields. A field ends where the next one begins, without the blank lines and comments before that.
func (p *page) spansOfYAML() error {
	p.insert = len(p.source)
	var doc yaml.Node
	if err := yaml.Unmarshal(p.source, &doc); err != nil {
		return fmt.Errorf("its front matter cannot be read: %w", err)
	}
	if len(doc.Content) == 0 {
		return nil // blank lines and comments
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 || root.Column != 1 {
		return errors.New("its front matter is not a list of lines NAME: VALUE, so it cannot be edited")
	}
	starts := lineStarts(p.source)
	for i := 0; i+1 < len(root.Content); i += 2 {
		first, last := root.Content[i].Line, len(starts)
		if i+2 < len(root.Content) {
			last = root.Content[i+2].Line - 1
		}
		for last > first && passive(lineAt(p.source, starts, last)) {
			last--
		}
		p.spans[root.Content[i].Value] = span{starts[first-1], endOf(p.source, starts, last)}
	}
	return nil
}

// passive reports whether a line is blank, or a comment at the margin.
func passive(line []byte) bool {
	return len(bytes.TrimSpace(line)) == 0 || line[0] == '#'
}

func lineStarts(b []byte) []int {
	var starts []int
	for at := 0; at < len(b); {
		starts = append(starts, at)
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return starts
}

func endOf(b []byte, starts []int, line int) int {
	if line < len(starts) {
		return starts[line]
	}
	return len(b)
}

func lineAt(b []byte, starts []int, line int) []byte { return b[starts[line-1]:endOf(b, starts, line)] }

// spansOfTOML finds the lines of the fields before the first table: each is the shortest run of lines that is TOML by itself.
func (p *page) spansOfTOML() error {
	starts := lineStarts(p.source)
	p.insert = len(p.source)
	for first := 1; first <= len(starts); first++ {
		line := bytes.TrimSpace(lineAt(p.source, starts, first))
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			p.insert = starts[first-1]
			return nil
		}
		last := first
		for ; last <= len(starts); last++ {
			s := span{starts[first-1], endOf(p.source, starts, last)}
			var statement map[string]any
			if toml.Unmarshal(p.source[s.from:s.to], &statement) != nil {
				continue
			}
			for name := range statement {
				if _, twice := p.spans[name]; twice {
					delete(p.spans, name) // a.b and a.c are one table on several lines
				} else {
					p.spans[name] = s
				}
			}
			break
		}
		if last > len(starts) {
			return errors.New("its front matter cannot be taken apart")
		}
		first = last
	}
	return nil
}

// set gives the text with fields set, or removed where the value is absent. Nothing else in it changes, or the error says that it would.
func (p *page) set(values map[string]publish.Value) ([]byte, error) {
	type edit struct {
		span
		text string
	}
	var edits []edit
	var added strings.Builder
	for _, field := range slices.Sorted(maps.Keys(values)) {
		text, err := p.lines(field, values[field])
		if err != nil {
			return nil, err
		}
		s, there := p.spans[field]
		if _, known := jsonl.Lookup(p.fields, field); known && !there {
			return nil, fmt.Errorf("field %s is spread over several places of the front matter", field)
		}
		if there {
			edits = append(edits, edit{s, text})
		} else {
			added.WriteString(text)
		}
	}
	edits = append(edits, edit{span{p.insert, p.insert}, added.String()})
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var source bytes.Buffer
	at := 0
	for _, e := range edits {
		source.Write(p.source[at:e.from])
		source.WriteString(e.text)
		at = e.to
	}
	source.Write(p.source[at:])
	out := p.join(source.Bytes())
	return out, p.verify(out, values)
}

// join puts the fields between the fences. Front matter without a line in it is left out.
func (p *page) join(source []byte) []byte {
	switch {
	case p.none && len(source) > 0:
		fence := "---" + p.end
		return slices.Concat(p.head, []byte(fence), source, []byte(fence), p.tail)
	case !p.none && len(source) == 0 && len(p.source) > 0:
		_, rest, _ := bytes.Cut(p.tail, []byte("\n"))
		start := []byte{}
		if bytes.HasPrefix(p.head, bom) {
			start = bom
		}
		return slices.Concat(start, rest)
	}
	return slices.Concat(p.head, source, p.tail)
}

// lines writes a field; nothing for a value that is absent.
func (p *page) lines(field string, v publish.Value) (string, error) {
	if v.Absent() {
		return "", nil
	}
	if v.Raw != "" {
		return v.Raw, nil
	}
	var text string
	if err := json.Unmarshal(v.JSON, &text); err != nil {
		return "", fmt.Errorf("field %s: %s is not a text", field, v.JSON)
	}
	var b []byte
	var err error
	if p.language == frontmatter.TOML && !p.none {
		b, err = toml.Marshal(map[string]string{field: text})
	} else {
		b, err = yaml.Marshal(map[string]string{field: text})
	}
	return strings.ReplaceAll(string(b), "\n", p.end), err
}

// verify compares the fields and the text after them with what they should be.
func (p *page) verify(out []byte, values map[string]publish.Value) error {
	after, err := parse(out)
	if err != nil {
		return err
	}
	unlike := errors.New("its front matter cannot be edited without a change in another field")
	var was, is map[string]json.RawMessage
	if len(p.fields) > 0 {
		err = json.Unmarshal(p.fields, &was)
	}
	if err == nil && len(after.fields) > 0 {
		err = json.Unmarshal(after.fields, &is)
	}
	if err != nil {
		return err
	}
	for field, v := range values {
		if !(publish.Value{JSON: is[field]}).Same(v) {
			return fmt.Errorf("field %s cannot be written as it should be", field)
		}
		delete(was, field)
		delete(is, field)
	}
	if !maps.EqualFunc(was, is, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		return unlike
	}
	if !bytes.Equal(p.text(), after.text()) {
		return unlike
	}
	return nil
}

// text is what follows the front matter.
func (p *page) text() []byte {
	if p.none {
		return p.tail
	}
	_, rest, _ := bytes.Cut(p.tail, []byte("\n")) // the closing fence
	return rest
}
