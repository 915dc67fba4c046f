package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/collect"
	"quarry/internal/dedupe"
	"quarry/internal/jsonl"
	"quarry/internal/run/lines"
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
func (r *Run) importKnown(ctx context.Context) (p Planned, err error) {
	index, err := r.createIndex(importedPass)
	if err != nil {
		return p, err
	}
	defer index.abort()
	out := map[string]*atomicfile.Writer{}
	defer func() {
		for _, f := range out {
			f.Abort()
		}
	}()
	for _, name := range []string{endedFile, offsetsFile, answersFile, idsFile} {
		if out[name], err = atomicfile.Create(r.effects, r.indexPath(importedPass, name)); err != nil {
			return p, err
		}
	}
	ids := dedupe.NewSorter(r.effects, dedupe.Config{Dir: r.indexPath(importedPass, "sort"), Name: "ids"})
	defer func() { err = errors.Join(err, ids.Close()) }()
	var size int64
	var at [8]byte
	var line bytes.Buffer
	for k, err := range r.knownLines(ctx) {
		if err != nil {
			return p, err
		}
		sum := sha256.Sum256([]byte(k.ID))
		e := entry{hash: dedupe.Hash(sum[:16])}
		line.Reset()
		res := quarry.Result{ID: k.ID, Status: quarry.StatusOK, Output: k.Output, Text: k.Text, CostUSD: new(quarry.USD)}
		if err := lines.Write(&line, &res); err != nil {
			return p, err
		}
		binary.BigEndian.PutUint64(at[:], uint64(size))
		size += int64(line.Len())
		_, offErr := out[offsetsFile].Write(at[:])
		_, endErr := out[endedFile].Write([]byte{endedOK, 0})
		_, lineErr := out[answersFile].Write(line.Bytes())
		if err := errors.Join(index.add(&e), offErr, endErr, lineErr, ids.Add(dedupe.Entry{Hash: e.hash, Order: p.Orders})); err != nil {
			return p, err
		}
		p.Orders++
	}
	binary.BigEndian.PutUint64(at[:], uint64(size))
	if _, err := out[offsetsFile].Write(at[:]); err != nil {
		return p, err
	}
	last, begun := dedupe.Hash{}, false
	for id, err := range ids.Sorted() {
		if err != nil {
			return p, err
		}
		if begun && id.Hash == last { // of two answers to one document the first counts
			continue
		}
		last, begun = id.Hash, true
		if err := writeID(out[idsFile], id); err != nil {
			return p, err
		}
	}
	errs := []error{index.commit()}
	for _, f := range out {
		errs = append(errs, f.Commit())
	}
	return p, errors.Join(errs...)
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
