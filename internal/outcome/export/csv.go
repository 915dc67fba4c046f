package export

import (
	"context"
	"fmt"
	"strings"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// csvWriter writes RFC 4180 with a line of names: lines end in CRLF, texts are quoted where they must be. A value that is
// null or missing is nothing between the commas, an empty text is "", as PostgreSQL and DuckDB tell them apart too. A tsv file has
// tabs for commas and the same quotes, as spreadsheet programs and Python's excel-tab read and write it.
type csvWriter struct {
	rower
	out    *atomicfile.Writer
	line   []byte
	guard  bool
	comma  byte
	quoted string // what a value is quoted for
}

func createCSV(e *effect.Effects, path string, columns *Columns, cfg Config, comma byte) (Writer, error) {
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	w := &csvWriter{rower: rower{columns: columns}, out: out, guard: !cfg.RawFormulas, comma: comma, quoted: "\"\r\n" + string(comma)}
	if cfg.BOM {
		w.line = append(w.line, "\ufeff"...)
	}
	for i := range columns.all {
		w.separate(i)
		w.text(columns.all[i].name, w.guard && !columns.all[i].id)
	}
	if err := w.end(); err != nil {
		out.Abort()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return w, nil
}

// Write adds a line.
func (w *csvWriter) Write(_ context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	w.line = w.line[:0]
	for i := range cells {
		c := &cells[i]
		w.separate(i)
		switch {
		case c.absent():
		case c.kind == text:
			w.text(c.text, w.guard && !w.columns.all[i].id)
		default:
			w.quote(c.asText())
		}
	}
	return w.end()
}

func (w *csvWriter) separate(i int) {
	if i > 0 {
		w.line = append(w.line, w.comma)
	}
}

func (w *csvWriter) end() error {
	_, err := w.out.Write(append(w.line, '\r', '\n'))
	return err
}

// text appends a text from a document or a model.
func (w *csvWriter) text(s string, guard bool) {
	if guard && formula(s) {
		s = "'" + s
	}
	w.quote(s)
}

// formula reports whether a spreadsheet program would take a text for a formula, or its apostrophes for a guard.
func formula(s string) bool {
	s = strings.TrimLeft(s, "'")
	return s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0
}

// quote appends a value, in quotes where it could be read as something else: a lone \. ends the input of older
// PostgreSQL, and some readers drop blanks around a value.
func (w *csvWriter) quote(s string) {
	bare := s != "" && s != `\.` && s[0] != ' ' && s[len(s)-1] != ' ' && s[0] != '\t' && s[len(s)-1] != '\t' && !strings.ContainsAny(s, w.quoted)
	if bare {
		w.line = append(w.line, s...)
		return
	}
	w.line = append(w.line, '"')
	for {
		before, after, found := strings.Cut(s, `"`)
		w.line = append(w.line, before...)
		if !found {
			break
		}
		w.line = append(w.line, '"', '"')
		s = after
	}
	w.line = append(w.line, '"')
}

// Close makes the file appear.
func (w *csvWriter) Close(context.Context) error { return w.out.Commit() }

// Abort throws the file away.
func (w *csvWriter) Abort() { w.out.Abort() }
