package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"quarry/internal/base/template"
	"quarry/internal/outcome/publish/sanitize"
)

// Map says what a field gets: a template over a line of results.jsonl.
type Map struct {
	Field string
	HTML  bool // the text is HTML, which is sanitized
	tmpl  *template.Template
}

// ParseMap reads FIELD=TEMPLATE or FIELD=html:TEMPLATE. The template is in the language of text/template, over the members of a
// result: {{.output.summary_en}}, {{.document.title}}. Its functions read neither files nor the environment.
func ParseMap(s string) (Map, error) {
	field, source, ok := strings.Cut(s, "=")
	if !ok || field == "" || source == "" {
		return Map{}, fmt.Errorf("%q is not FIELD=TEMPLATE", s)
	}
	m := Map{Field: field}
	if rest, ok := strings.CutPrefix(source, "html:"); ok {
		m.HTML, source = true, rest
	}
	if !strings.Contains(source, "{{") {
		return m, fmt.Errorf("%q uses nothing of an answer: every article would get the same text; write {{.output.NAME}}", s)
	}
	var err error
	m.tmpl, err = template.Parse(field, source)
	return m, err
}

var errNoValue = errors.New("the answer has no such value")

// text renders the template. ok is false if the answer has no value for it, or an empty one.
func (m *Map) text(result map[string]any) (text string, ok bool, err error) {
	var b strings.Builder
	err = m.tmpl.Execute(&b, result, printed)
	var member *template.NotObject
	switch {
	case errors.Is(err, errNoValue), errors.Is(err, template.ErrNil), errors.As(err, &member):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	text = strings.TrimSpace(readable(b.String()))
	if m.HTML {
		text = strings.TrimSpace(sanitize.HTML(text))
	}
	return text, text != "", nil
}

// printed is what a template prints: texts as they are, everything else as JSON.
func printed(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", errNoValue
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// readable takes out what no reader sees and what a store may refuse: control characters, overrides of the direction of text, tags.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0, r == 0xfeff, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r >= 0xe0000 && r <= 0xe007f:
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}
