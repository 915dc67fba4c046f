package export

import (
	"context"
	"fmt"
	"strings"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
)

// promptfooWriter writes test cases of promptfoo, one on each line (https://www.promptfoo.dev/docs/configuration/test-cases). A case has
// the answer as providerOutput, so assertions judge it without a call of a model, and as vars the named columns, or else the
// document's id, title, url, lang and fields. A null is left out, since promptfoo takes none as a variable.
type promptfooWriter struct {
	rower
	out   *atomicfile.Writer
	line  []byte
	guard bool
}

func createPromptfoo(e *effect.Effects, path string, columns *Columns, cfg Config) (Writer, error) {
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &promptfooWriter{rower: rower{columns: columns}, out: out, guard: !cfg.RawFormulas}, nil
}

// Write adds a test case.
func (w *promptfooWriter) Write(_ context.Context, r Row) error {
	w.line = append(w.line[:0], `{"description":`...)
	w.line = w.text(w.line, string(r.ID))
	w.line = append(w.line, `,"vars":{`...)
	if err := w.vars(r); err != nil {
		return err
	}
	w.line = append(w.line, `},"providerOutput":`...)
	isJSON := len(r.Output) > 0 && r.Output[0] == '{'
	switch {
	case isJSON:
		w.line = jsonl.AppendCompact(w.line, r.Output)
	case len(r.Output) > 0: // promptfoo takes a text or an object
		w.line = jsonl.AppendQuoted(w.line, jsonl.AppendCompact(nil, r.Output))
	default:
		w.line = jsonl.AppendQuoted(w.line, r.Text)
	}
	if isJSON {
		w.line = append(w.line, `,"assert":[{"type":"is-json"}]`...)
	}
	// Without this, promptfoo makes one case of each element of an array.
	w.line = append(w.line, `,"options":{"disableVarExpansion":true},"metadata":{`...)
	open := len(w.line)
	w.line = member(w.line, open, "model", jsonl.AppendQuoted(nil, r.Model))
	w.line = member(w.line, open, "record_id", jsonl.AppendQuoted(nil, r.RecordID))
	_, err := w.out.Write(append(w.line, "}}\n"...))
	return err
}

// vars appends the variables.
func (w *promptfooWriter) vars(r Row) error {
	open := len(w.line)
	if w.columns.picked != nil {
		cells, err := w.pick(r)
		if err != nil {
			return err
		}
		for i := range cells {
			if !cells[i].absent() {
				w.line = member(w.line, open, w.columns.all[i].name, w.value(cells[i].raw))
			}
		}
		return nil
	}
	w.line = member(w.line, open, "id", w.text(nil, string(r.ID)))
	own := []struct{ name, text string }{{"title", r.Document.Title}, {"url", r.Document.URL}, {"lang", r.Document.Lang}}
	for _, v := range own {
		if v.text != "" {
			w.line = member(w.line, open, v.name, w.text(nil, v.text))
		}
	}
	for name, value := range jsonl.Members(r.Document.Fields) {
		text := string(jsonl.Unescape(nil, name))
		if value[0] == 'n' || text == "id" || (text == "title" || text == "url" || text == "lang") && hasMember(own, text) {
			continue
		}
		w.line = member(w.line, open, text, w.value(value))
	}
	return nil
}

func hasMember(own []struct{ name, text string }, name string) bool {
	for _, v := range own {
		if v.name == name {
			return v.text != ""
		}
	}
	return false
}

func member(dst []byte, open int, name string, value []byte) []byte {
	if len(dst) > open {
		dst = append(dst, ',')
	}
	return append(append(jsonl.AppendQuoted(dst, name), ':'), value...)
}

// value gives a value with its texts guarded, at any depth.
func (w *promptfooWriter) value(raw []byte) []byte {
	var dst []byte
	switch raw[0] {
	case '"':
		return w.text(nil, string(jsonl.Unescape(nil, raw)))
	case '{':
		dst = append(dst, '{')
		for name, value := range jsonl.Members(raw) {
			dst = member(dst, 1, string(jsonl.Unescape(nil, name)), w.value(value))
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for value := range jsonl.Elements(raw) {
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(dst, w.value(value)...)
		}
		return append(dst, ']')
	}
	return jsonl.AppendCompact(nil, raw)
}

// text appends a text from a document. promptfoo executes {{ … }} and {% … %} in variables, and reads, or even runs, the file that one
// names which begins with file:// or package: (https://www.promptfoo.dev/docs/configuration/guide); a space makes a text of either.
func (w *promptfooWriter) text(dst []byte, s string) []byte {
	if w.guard {
		s = untemplated(s)
		if lower := strings.ToLower(s); strings.HasPrefix(lower, "file:") || strings.HasPrefix(lower, "package:") {
			s = " " + s
		}
	}
	return jsonl.AppendQuoted(dst, s)
}

// untemplated puts a space after each brace that begins a template.
func untemplated(s string) string {
	var out strings.Builder
	from := 0
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			out.WriteString(s[from : i+1])
			out.WriteByte(' ')
			from = i + 1
		}
	}
	out.WriteString(s[from:])
	return out.String()
}

// Close makes the file appear.
func (w *promptfooWriter) Close(context.Context) error { return w.out.Commit() }

// Abort throws the file away.
func (w *promptfooWriter) Abort() { w.out.Abort() }
