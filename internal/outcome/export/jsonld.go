package export

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
)

// jsonldWriter writes one JSON-LD document in the vocabulary of schema.org (https://www.w3.org/TR/json-ld11/): a graph with one
// Article for each answer. Named columns are its properties. Without them it has identifier, url, name and inLanguage of the
// document; title_LANG and summary_LANG of the answer are headline and abstract in that language, its other members are
// additionalProperty. The file can be put into a page: it contains no <.
type jsonldWriter struct {
	rower
	out  *atomicfile.Writer
	line []byte
	n    int
}

func createJSONLD(e *effect.Effects, path string, columns *Columns) (Writer, error) {
	for i := range columns.all {
		if name := columns.all[i].name; columns.picked != nil && name[0] == '@' && name != "@id" && name != "@type" {
			return nil, fmt.Errorf("column %s: jsonld takes @id, @type and names of properties: %w", name, ErrUnfit)
		}
	}
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	if _, err := out.Write([]byte(`{"@context":"https://schema.org","@graph":[`)); err != nil {
		out.Abort()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &jsonldWriter{rower: rower{columns: columns}, out: out}, nil
}

// Write adds an article.
func (w *jsonldWriter) Write(_ context.Context, r Row) error {
	w.line = w.line[:0]
	if w.n++; w.n > 1 {
		w.line = append(w.line, ',')
	}
	w.line = append(w.line, "\n{"...)
	if w.columns.picked != nil {
		cells, err := w.pick(r)
		if err != nil {
			return err
		}
		w.named(cells)
	} else {
		w.article(r)
	}
	_, err := w.out.Write(append(bytes.ReplaceAll(w.line, []byte("<"), []byte(`\u003c`)), '}'))
	return err
}

// named appends the properties of named columns.
func (w *jsonldWriter) named(cells []cell) {
	typed := false
	for i := range cells {
		if cells[i].absent() {
			continue
		}
		name := w.columns.all[i].name
		typed = typed || name == "@type"
		w.property(name)
		w.value(cells[i].raw)
	}
	if !typed {
		w.text("@type", "Article")
	}
}

func (w *jsonldWriter) article(r Row) {
	w.text("@type", "Article")
	if u, err := url.Parse(r.Document.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		w.text("@id", r.Document.URL)
		w.text("url", r.Document.URL)
	}
	w.text("identifier", string(r.ID))
	w.text("name", r.Document.Title)
	w.text("inLanguage", r.Document.Lang)
	if r.Text != "" {
		w.text("abstract", r.Text)
	}
	w.answer(r.Output)
}

// properties of schema.org for members of an answer by their common names.
var properties = []struct{ name, property string }{
	{"title", "headline"}, {"headline", "headline"}, {"summary", "abstract"}, {"abstract", "abstract"}, {"description", "description"},
}

// answer appends the members of an answer: those that have a property of their own, each of which may be in several languages, then the
// rest.
func (w *jsonldWriter) answer(output []byte) {
	if len(output) == 0 || output[0] != '{' {
		return
	}
	known := map[string]bool{}
	for _, property := range []string{"headline", "abstract", "description"} {
		first := true
		for name, value := range jsonl.Members(output) {
			text := string(jsonl.Unescape(nil, name))
			to, lang := propertyOf(text)
			if to != property || value[0] != '"' {
				continue
			}
			known[text] = true
			if first {
				w.property(property)
				w.line = append(w.line, '[')
			} else {
				w.line = append(w.line, ',')
			}
			first = false
			if lang != "" {
				w.line = fmt.Appendf(w.line, `{"@language":"%s","@value":`, lang)
			}
			w.value(value)
			if lang != "" {
				w.line = append(w.line, '}')
			}
		}
		if !first {
			w.line = append(w.line, ']')
		}
	}
	first := true
	for name, value := range jsonl.Members(output) {
		text := string(jsonl.Unescape(nil, name))
		if known[text] || value[0] == 'n' {
			continue
		}
		if first {
			w.property("additionalProperty")
			w.line = append(w.line, '[')
		} else {
			w.line = append(w.line, ',')
		}
		first = false
		w.line = jsonl.AppendQuoted(append(w.line, `{"@type":"PropertyValue","name":`...), text)
		w.line = append(w.line, `,"value":`...)
		w.value(value)
		w.line = append(w.line, '}')
	}
	if !first {
		w.line = append(w.line, ']')
	}
}

// propertyOf gives the property for a member's name, and the language that the name ends with, as in title_en.
func propertyOf(name string) (property, lang string) {
	stem := name
	if i := strings.LastIndexByte(name, '_'); i == len(name)-3 && i > 0 && strings.Trim(name[i+1:], "abcdefghijklmnopqrstuvwxyz") == "" {
		stem, lang = name[:i], name[i+1:]
	}
	for _, p := range properties {
		if p.name == stem {
			return p.property, lang
		}
	}
	return "", ""
}

func (w *jsonldWriter) property(name string) {
	if w.line[len(w.line)-1] != '{' {
		w.line = append(w.line, ',')
	}
	w.line = append(jsonl.AppendQuoted(w.line, name), ':')
}

// text appends a property that is a text, or nothing where it is empty.
func (w *jsonldWriter) text(name, s string) {
	if s != "" {
		w.property(name)
		w.line = jsonl.AppendQuoted(w.line, s)
	}
}

// value appends a value that JSON-LD does not read as a node: lists of texts stay lists, other nested values are their JSON as a text.
func (w *jsonldWriter) value(raw []byte) {
	nested := raw[0] == '{'
	if raw[0] == '[' {
		for element := range jsonl.Elements(raw) {
			nested = nested || element[0] == '{' || element[0] == '['
		}
	}
	if nested {
		w.line = jsonl.AppendQuoted(w.line, jsonl.AppendCompact(nil, raw))
		return
	}
	w.line = jsonl.AppendCompact(w.line, raw)
}

// Close makes the file appear.
func (w *jsonldWriter) Close(context.Context) error {
	if _, err := w.out.Write([]byte("\n]}\n")); err != nil {
		w.out.Abort()
		return err
	}
	return w.out.Commit()
}

// Abort throws the file away.
func (w *jsonldWriter) Abort() { w.out.Abort() }
