package export

import (
	"context"
	"fmt"
	"strconv"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
)

// linesWriter writes one flat object a line: numbers and nested values as they were in the answer, a member that a
// result does not have left out, a null kept.
type linesWriter struct {
	rower
	out   *atomicfile.Writer
	names [][]byte // ready to be written, with the colon
	line  []byte
}

func createJSONL(e *effect.Effects, path string, columns *Columns) (Writer, error) {
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	w := &linesWriter{rower: rower{columns: columns}, out: out}
	for i := range columns.all {
		w.names = append(w.names, append(jsonl.AppendString(nil, []byte(columns.all[i].name)), ':'))
	}
	return w, nil
}

// Write adds a line.
func (w *linesWriter) Write(_ context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	w.line = w.line[:0]
	for i := range cells {
		c := &cells[i]
		if c.kind == missing {
			continue
		}
		w.line = append(append(w.line, ','), w.names[i]...)
		switch {
		case c.raw != nil:
			w.line = jsonl.AppendCompact(w.line, c.raw)
		case c.kind == text:
			w.line = jsonl.AppendString(w.line, []byte(c.text))
		case c.kind == integer:
			w.line = strconv.AppendInt(w.line, c.n, 10)
		default:
			w.line = append(w.line, "null"...)
		}
	}
	w.line[0] = '{'
	_, err = w.out.Write(append(w.line, '}', '\n'))
	return err
}

// Close makes the file appear.
func (w *linesWriter) Close(context.Context) error { return w.out.Commit() }

// Abort throws the file away.
func (w *linesWriter) Abort() { w.out.Abort() }
