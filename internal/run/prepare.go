package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"quarry"
	"quarry/internal/clean"
	"quarry/internal/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/validate"
)

// prepared is one document made ready to be asked, or the reason why it is not.
type prepared struct {
	doc      quarry.Document // without its body
	hash     dedupe.Hash     // of the id
	key      quarry.DocumentKey
	input    []byte         // modelInput, or those of all parts, one behind the other
	parts    []preparedPart // none where the document is asked as a whole
	classes  quarry.CharClasses
	source   int64  // bytes of the body before cleaning
	cleaned  int64  // and after
	mode     string // body or page; empty: it was not cleaned
	dropped  clean.Counts
	cut      bool
	japanese bool
	head     string // the text's first line, clipped
	empty    bool
	sig      *dedupe.Signature // of the text, where near duplicates are looked for
	left     *quarry.ItemError // set where the item had to be left out
}

// counted reports whether the item is a document, with an order of its own. A broken line is none.
func (p *prepared) counted() bool { return p.doc.ID != "" }

// preparedBlock is a block of them, in the source's order.
type preparedBlock struct {
	first quarry.Position
	items []prepared
	buf   []byte // of all inputs
}

// wanted narrows preparation to some documents; the others are given without key and input. nil wants all.
type wanted func(hash dedupe.Hash) bool

// prepareBlocks cleans and renders blocks on all workers and gives them in the order they came in. What lies in a block
// holds until the next one is asked for.
func (r *Run) prepareBlocks(ctx context.Context, blocks iter.Seq2[quarry.Block, error], want wanted) iter.Seq2[preparedBlock, error] {
	cleaners := make([]*clean.Cleaner, r.cfg.Workers)
	for i := range cleaners {
		cleaners[i] = clean.New(r.cfg.Clean)
	}
	free := make(chan preparedBlock, 2*r.cfg.Workers+2) // as many as can be under way
	prepared := ordered(ctx, r.cfg.Workers, blocks, func(worker int, b quarry.Block) (preparedBlock, error) {
		var used preparedBlock
		select {
		case used = <-free:
		default:
		}
		return r.prepareBlock(cleaners[worker], b, want, used)
	})
	return func(yield func(preparedBlock, error) bool) {
		for block, err := range prepared {
			if !yield(block, err) {
				return
			}
			if cap(block.buf) > maxReused {
				continue
			}
			clear(block.items) // so that what they hold can go
			select {
			case free <- block:
			default:
			}
		}
	}
}

// maxReused is the largest buffer that is kept for the next block: one giant text shall not be held to the end.
const maxReused = 4 << 20

// prepareBlock prepares a block, in the memory of one that is used up.
func (r *Run) prepareBlock(cleaner *clean.Cleaner, b quarry.Block, want wanted, used preparedBlock) (preparedBlock, error) {
	out := preparedBlock{first: b.First, items: used.items[:0]}
	buf := used.buf[:0]
	for doc, err := range b.Documents {
		var item *quarry.ItemError
		if errors.As(err, &item) {
			out.items = append(out.items, prepared{left: item})
			continue
		}
		if err != nil {
			return out, err
		}
		p := prepared{doc: doc, hash: index.HashOf(doc.ID), source: int64(len(doc.Body))}
		if want == nil || want(p.hash) {
			start := len(buf)
			if buf, err = r.prepareOne(cleaner, &p, buf); err != nil {
				if !errors.As(err, &item) {
					return out, err
				}
				p.left = item
			}
			p.input = buf[start:len(buf):len(buf)]
		}
		p.doc.Body, p.doc.ModelInput = nil, nil // the chunk they lie in can go
		if n := len(p.doc.Fields); n > 0 {
			buf = append(buf, p.doc.Fields...)
			p.doc.Fields = buf[len(buf)-n : len(buf) : len(buf)]
		}
		out.items = append(out.items, p)
	}
	out.buf = buf
	if b.Free != nil {
		b.Free()
	}
	return out, nil
}

// prepareOne cleans a document and appends its modelInput to buf. What the text of one document does to it is an
// ItemError; anything else stops the run.
func (r *Run) prepareOne(cleaner *clean.Cleaner, p *prepared, buf []byte) ([]byte, error) {
	if len(p.doc.ModelInput) > 0 { // a ready record goes as it is, or not at all: one bad body would refuse its whole file
		if reason := validate.Body(r.validateConfig(), p.doc.ModelInput); reason != "" {
			return buf, &quarry.ItemError{At: p.doc.At, ID: p.doc.ID, Reason: reason}
		}
		p.source, p.cleaned = int64(len(p.doc.ModelInput)), int64(len(p.doc.ModelInput))
		p.key = r.cfg.Prompt.Key(p.doc.ModelInput)
		return append(buf, p.doc.ModelInput...), nil
	}
	text, err := cleaner.Clean(&p.doc)
	if err != nil {
		return buf, &quarry.ItemError{At: p.doc.At, ID: p.doc.ID, Reason: err.Error()}
	}
	if p.doc.Title == "" {
		p.doc.Title = text.Title
	}
	p.classes, p.cut, p.cleaned = text.Classes, text.Cut, int64(len(text.Text))
	p.mode, p.dropped = text.Mode, text.Dropped
	p.japanese = text.Classes.Kana > 0 && 10*(text.Classes.Kana+text.Classes.Han) >= text.Classes.Letters
	if len(text.Text) == 0 {
		p.empty = true
		return buf, nil
	}
	p.head = headOf(text.Text, p.doc.Title)
	if len(text.Parts) > 1 && r.cfg.Long != nil {
		return r.prepareParts(p, &text, buf)
	}
	r.sign(p, text.Text)
	asked := p.doc
	asked.Body, asked.Valid, asked.Format = text.Text, true, quarry.FormatText
	start := len(buf)
	if buf, p.key, err = r.cfg.Prompt.AppendKeyed(buf, &asked); err != nil {
		return buf[:start], &quarry.ItemError{At: p.doc.At, ID: p.doc.ID, Reason: fmt.Sprintf("prompt: %v", err)}
	}
	return buf, nil
}

// ordered maps blocks on several workers and gives the outcomes in the order of the blocks, however many workers there
// are. At most two blocks a worker are under way.
func ordered[In, Out any](ctx context.Context, workers int, in iter.Seq2[In, error], work func(worker int, in In) (Out, error)) iter.Seq2[Out, error] {
	type outcome struct {
		out Out
		err error
	}
	type job struct {
		in   In
		done chan outcome
	}
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		jobs := make(chan job)
		queue := make(chan chan outcome, 2*workers)
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel()
		for worker := range workers {
			group.Go(func() {
				for j := range jobs {
					var o outcome
					o.out, o.err = work(worker, j.in)
					j.done <- o
				}
			})
		}
		group.Go(func() {
			defer close(queue)
			defer close(jobs)
			for block, err := range in {
				done := make(chan outcome, 1) // the worker never waits for a reader that has gone
				select {
				case queue <- done:
				case <-ctx.Done():
					return
				}
				if err != nil {
					done <- outcome{err: err}
					return
				}
				select {
				case jobs <- job{block, done}:
				case <-ctx.Done():
					return
				}
			}
		})
		for done := range queue {
			var o outcome
			select {
			case o = <-done:
			case <-ctx.Done():
				yield(o.out, context.Cause(ctx))
				return
			}
			if !yield(o.out, o.err) || o.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none Out
			yield(none, err)
		}
	}
}
