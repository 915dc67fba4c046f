// Package reread reads the documents of a pass again from its sources, for pages and for the search.
//
// It owns the comparison with what was planned: a document is given only if its key is that of the pass. It knows neither results nor the
// index of the search. What always holds: what is given is what was sent; memory does not grow with the number of documents.
package reread

import (
	"context"
	"errors"
	"slices"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/source"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/ui/difference"
)

// Pass is a pass whose documents are read again.
type Pass struct {
	Number  int
	Index   index.Pass
	Sources *Sources // nil: they are not read
}

// Sources reads the documents of a pass again as they were read when it was planned. What is found is compared with the key of each
// document, so other settings or changed files make no wrong text, only one that is not kept.
type Sources struct {
	Open    func(ctx context.Context, pass int) ([]source.Source, error)
	Prepare prepare.Config // how a document is cleaned and its prompt made
	Stamp   string         // a digest of the settings: texts are read again where it differs from that of the index
}

// Source is a document as its source has it, which is what was sent.
type Source struct {
	Body []difference.Span // as the source has it; a span that is the same is in the text, the others were removed
	Text string            // the cleaned text; of a ready record, what a model reads
	// Dropped says which rules of cleaning removed how much.
	Dropped []Dropped
	// Prompts are the modelInput of the first attempt, one for each part of a long document.
	Prompts []Prompt
	Place   string // FILE:LINE
}

// Dropped is what one rule of cleaning removed.
type Dropped struct {
	Rule  string
	Times int64
	Bytes int64
}

// Prompt is a request as it was sent first.
type Prompt struct {
	RecordID   quarry.RecordID
	ModelInput []byte
}

// Document reads a document again, with its prompts as they were sent by an attempt. The error says why it is not kept, in words for people.
func (p *Pass) Document(ctx context.Context, order int64, attempt int) (*Source, error) {
	if p.Sources == nil {
		return nil, errors.New("the sources are not read")
	}
	entries, err := p.Index.OpenEntries()
	if err != nil {
		return nil, err
	}
	if entries == nil {
		return nil, errors.New("the run does not know where its documents were")
	}
	defer func() { _ = entries.Close() }()
	was, ok, err := entries.Of(order)
	if err != nil || !ok {
		return nil, errors.Join(errors.New("the index of the run does not have it"), err)
	}
	from, err := p.blockOf(order)
	if err != nil {
		return nil, err
	}
	sources, err := p.Sources.Open(ctx, p.Number)
	if err != nil {
		return nil, err
	}
	for b, err := range source.Blocks(ctx, sources, from.At) {
		if err != nil {
			return nil, err
		}
		next := from.Order
		for doc, err := range b.Documents {
			if _, ok := errors.AsType[*quarry.ItemError](err); ok || doc.ID == "" && err == nil {
				continue
			}
			if err != nil {
				return nil, err
			}
			if next++; next-1 < order {
				continue
			}
			if index.HashOf(doc.ID) != was.Hash {
				return nil, errors.New("the sources changed: another document is in its place now")
			}
			return p.shown(ctx, &doc, &was, attempt)
		}
		from.Order = next
	}
	return nil, errors.New("the sources changed: they have fewer documents now")
}

// blockOf finds the block of the sources that has a document.
func (p *Pass) blockOf(order int64) (at index.Block, err error) {
	found := false
	for b, err := range p.Index.Blocks() {
		if err != nil {
			return at, err
		}
		if b.Order > order {
			break
		}
		at, found = b, true
	}
	if !found {
		return at, errors.New("the run does not know where its documents were")
	}
	return at, nil
}

// shown compares a document with what was planned, and marks what cleaning removed.
func (p *Pass) shown(ctx context.Context, doc *quarry.Document, was *index.Entry, attempt int) (*Source, error) {
	of := p.Sources.Prepare
	of.Workers = 1
	item, err := again1(ctx, of, doc)
	if err != nil {
		return nil, err
	}
	if item.LeftOut != nil && was.Disposition() != index.Broken {
		return nil, item.LeftOut
	}
	if key := item.Key; !item.Empty && item.LeftOut == nil {
		var now index.Entry
		copy(now.Key[:], key[:])
		if !now.SameRequest(was) {
			return nil, errors.New("its text in the sources, or the settings of this command, are not what was sent")
		}
	}
	out := &Source{Place: doc.At.String()}
	for id, input := range item.Records(attempt) {
		if len(input) > 0 {
			out.Prompts = append(out.Prompts, Prompt{id, slices.Clone(input)})
		}
	}
	for rule, tally := range item.Dropped.All() {
		out.Dropped = append(out.Dropped, Dropped{rule.String(), tally.Items, tally.Bytes})
	}
	out.Text = textOf(clean.New(of.Clean), doc)
	body := doc.Body
	if len(doc.ModelInput) > 0 {
		body = doc.ModelInput
	}
	out.Body, _ = difference.Of(string(body), out.Text)
	return out, nil
}

// again1 prepares one document as planning does.
func again1(ctx context.Context, of prepare.Config, doc *quarry.Document) (item prepare.Item, err error) {
	one := func(yield func(quarry.Block, error) bool) {
		yield(quarry.Block{Documents: func(yield func(quarry.Document, error) bool) { yield(*doc, nil) }}, nil)
	}
	for b, err := range prepare.Blocks(ctx, of, one, nil) {
		if err != nil {
			return item, err
		}
		for i := range b.Items {
			item = b.Items[i]
			item.Input = slices.Clone(item.Input)
		}
	}
	return item, nil
}
