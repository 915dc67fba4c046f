package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/collect"
	"quarry/internal/jsonl"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
)

// Answers that somebody has already (--known) become a pass of their own, number 0, which the first pass is joined with
// as every later one is with the one before.

const importedPass = 0

// imported is one line of such a file.
type imported struct {
	ID     quarry.DocumentID `json:"id"`
	Output json.RawMessage   `json:"output"`
	Text   string            `json:"text"`
}

// importKnown writes the index of pass 0 from a file of answers.
func (r *Run) importKnown(ctx context.Context) (p plan.Plan, err error) {
	p.Orders, err = r.index(importedPass).Import(func(yield func(index.Answer, error) bool) {
		var line bytes.Buffer
		for k, err := range r.knownLines(ctx) {
			if err != nil {
				yield(index.Answer{}, err)
				return
			}
			line.Reset()
			res := quarry.Result{ID: k.ID, Status: quarry.StatusOK, Output: k.Output, Text: k.Text, CostUSD: new(quarry.USD)}
			err := lines.Write(&line, &res)
			if !yield(index.Answer{ID: k.ID, Line: line.Bytes()}, err) || err != nil {
				return
			}
		}
	})
	return p, err
}

// knownLines reads the file of answers. A line that is none is an error that names it: answers that were paid for must
// not be paid again because of a typo.
func (r *Run) knownLines(ctx context.Context) iter.Seq2[imported, error] {
	return func(yield func(imported, error) bool) {
		f, err := collect.OpenFile(r.cfg.Known)
		if err != nil {
			yield(imported{}, &quarry.Error{Kind: quarry.BadUsage, Op: "read known answers", Subject: r.cfg.Known, Err: err, Hint: "name a JSONL file with id and output on each line"})
			return
		}
		defer func() { _ = f.Close() }()
		for chunk, err := range jsonl.Chunks(ctx, f, jsonl.Place{}, 64<<20) {
			if err != nil {
				yield(imported{}, fmt.Errorf("read known answers %s: %w", r.cfg.Known, err))
				return
			}
			for l := range chunk.Lines() {
				if jsonl.Blank(l.Text) {
					continue
				}
				var k imported
				err := jsonl.Check(l.Text)
				if err == nil {
					err = json.Unmarshal(l.Text, &k)
				}
				if err == nil && (k.ID == "" || (len(k.Output) == 0 && k.Text == "")) {
					err = errors.New("no id, or neither output nor text")
				}
				if err != nil {
					err = &quarry.Error{Kind: quarry.BadItems, Op: "read known answers", Subject: fmt.Sprintf("%s:%d", r.cfg.Known, l.Line), Err: err, Hint: "each line is an object with id and output"}
				}
				if !yield(k, err) || err != nil {
					return
				}
			}
		}
	}
}
