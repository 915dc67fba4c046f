// Package frontmatter reads what is before a Markdown text between fences: YAML between `---`, TOML between `+++`, or
// one JSON object.
//
// It owns the fences and the translation into one JSON object, and says nothing about what the fields mean. What always
// holds: text that is no front matter is left alone, and front matter that cannot be read is an error and stays text.
package frontmatter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// maxLength bounds front matter; what is longer is text.
const maxLength = 64 << 10

// maxDepth bounds how deep its values nest.
const maxDepth = 32

// ErrNotMap says that text between fences is no front matter: it has no fields, as prose between two lines has none.
var ErrNotMap = errors.New("front matter is not a list of fields")

// Language is what front matter is written in.
type Language uint8

// The languages.
const (
	YAML Language = iota
	TOML
	JSON
)

// Matter is front matter, and the text after it.
type Matter struct {
	Language Language
	Source   []byte // between the fences; with its braces for JSON
	Rest     []byte
}

// Split takes the front matter off a text. It begins on the first line.
func Split(src []byte) (Matter, bool) {
	line, rest, ok := cutLine(src)
	if !ok {
		return Matter{}, false
	}
	switch string(line) {
	case "---":
		return fenced(rest, YAML, "---", "...")
	case "+++":
		return fenced(rest, TOML, "+++", "+++")
	}
	if len(line) > 0 && line[0] == '{' && (len(line) == 1 || line[1] == ' ' || line[1] == '"') {
		return object(src)
	}
	return Matter{}, false
}

func fenced(src []byte, l Language, end, otherEnd string) (Matter, bool) {
	for rest := src; len(rest) > 0; {
		at := len(src) - len(rest)
		if at > maxLength {
			break
		}
		line, next, _ := cutLine(rest)
		if string(line) == end || string(line) == otherEnd {
			return Matter{Language: l, Source: src[:at], Rest: next}, true
		}
		rest = next
	}
	return Matter{}, false
}

// object reads JSON front matter, which has no fences but its braces, and ends its line.
func object(src []byte) (Matter, bool) {
	d := json.NewDecoder(bytes.NewReader(src[:min(len(src), maxLength)]))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return Matter{}, false
	}
	end := int(d.InputOffset())
	line, rest, _ := cutLine(src[end:])
	if len(bytes.TrimSpace(line)) > 0 {
		return Matter{}, false
	}
	return Matter{Language: JSON, Source: src[:end], Rest: rest}, true
}

// cutLine cuts off the first line, without its end and blanks before that.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\n"))
	return bytes.TrimRight(line, " \t\r"), rest, ok
}

// Fields appends the fields as one JSON object, its keys sorted, and returns the title among them.
func (m Matter) Fields(out []byte) (fields []byte, title string, err error) {
	values, err := m.values()
	if err != nil {
		return nil, "", err
	}
	for key := range values {
		if !isKey(key) {
			return nil, "", ErrNotMap
		}
	}
	for _, key := range [...]string{"title", "Title"} {
		if s, ok := values[key].(string); ok {
			title = s
			break
		}
	}
	plain, err := plainValue(values, 0)
	if err != nil {
		return nil, "", err
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain); err != nil {
		return nil, "", fmt.Errorf("encode front matter: %w", err)
	}
	return append(out, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...), title, nil
}

// isKey tells a field's name from prose with a colon in it, between two thematic breaks.
func isKey(key string) bool {
	for _, r := range key {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("_-.:/@$ ", r) {
			return false
		}
	}
	return len(key) <= 64
}

func (m Matter) values() (map[string]any, error) {
	var values map[string]any
	switch m.Language {
	case TOML:
		return parseTOML(m.Source)
	case JSON:
		if err := json.Unmarshal(m.Source, &values); err != nil {
			return nil, fmt.Errorf("read JSON front matter: %w", err)
		}
	default:
		var doc any
		if err := yaml.Unmarshal(m.Source, &doc); err != nil {
			return nil, fmt.Errorf("read YAML front matter: %w", err)
		}
		switch v := doc.(type) {
		case nil:
			if len(bytes.TrimSpace(m.Source)) > 0 && !allComments(m.Source) {
				return nil, ErrNotMap
			}
		case map[string]any:
			values = v
		default:
			return nil, ErrNotMap
		}
	}
	if values == nil {
		values = map[string]any{}
	}
	return values, nil
}

func allComments(src []byte) bool {
	for line := range bytes.Lines(src) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// plainValue makes a value one that JSON has.
func plainValue(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("front matter nests too deep")
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			plain, err := plainValue(value, depth+1)
			if err != nil {
				return nil, err
			}
			v[key] = plain
		}
		return v, nil
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			plain, err := plainValue(value, depth+1)
			if err != nil {
				return nil, err
			}
			out[fmt.Sprint(key)] = plain
		}
		return out, nil
	case []any:
		for i, value := range v {
			plain, err := plainValue(value, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = plain
		}
		return v, nil
	case time.Time:
		if v.Equal(v.Truncate(24*time.Hour)) && v.Location() == time.UTC {
			return v.Format(time.DateOnly), nil
		}
		return v.Format(time.RFC3339Nano), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v), nil
		}
	}
	return v, nil
}
