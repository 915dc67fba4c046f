package records

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/source"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/ui/difference"
	"quarry/internal/ui/find"
)

// ErrNoRecord says that the pass has no result of a document.
var ErrNoRecord = errors.New("no record")

// Record is one document with how it ended.
type Record struct {
	Row
	Pass   int
	Result quarry.Result
	// Source is what was read again from the sources; nil: it is not kept, for the reason in NotKept.
	Source  *Source
	NotKept string
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

// Record shows one document. Its attempts are not part of it; see Attempts. The error is ErrNoRecord where the pass has no result of it.
func (s *Store) Record(ctx context.Context, id quarry.DocumentID) (*Record, error) {
	s.files.RLock()
	defer s.files.RUnlock()
	p := s.Progress()
	order, res, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Record{Row: rowOf(order, res), Pass: p.Pass, Result: *res}
	if r.Source, err = s.source(ctx, p.Pass, order, res); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r.NotKept = err.Error()
	}
	return r, nil
}

// find gives the order of a document, and its result.
func (s *Store) find(ctx context.Context, id quarry.DocumentID) (order int64, res *quarry.Result, err error) {
	p := s.Progress()
	if p.Pass == 0 {
		return 0, nil, ErrNoRecord
	}
	results := s.openResults(p.Pass)
	defer results.close()
	order, ok, err := results.known.Find(id)
	if err != nil {
		return 0, nil, err
	}
	if !ok || order >= s.orders() {
		return 0, nil, fmt.Errorf("document %q: %w", id, ErrNoRecord)
	}
	if res, err = results.of(ctx, order); find.Damaged(err) {
		s.broken.Store(true)
	}
	if err == nil && res == nil {
		err = fmt.Errorf("document %q: %w", id, ErrNoRecord)
	}
	return order, res, err
}

// source reads a document again. The error says why it is not kept, in words for people.
func (s *Store) source(ctx context.Context, pass int, order int64, res *quarry.Result) (*Source, error) {
	if s.cfg.Sources == nil {
		return nil, errors.New("the sources are not read")
	}
	entries, err := s.index(pass).OpenEntries()
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
	from, err := s.blockOf(pass, order)
	if err != nil {
		return nil, err
	}
	sources, err := s.cfg.Sources.Open(ctx, pass)
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
			return s.readAgain(ctx, &doc, &was, max(res.RecordID.Attempt(), 1))
		}
		from.Order = next
	}
	return nil, errors.New("the sources changed: they have fewer documents now")
}

// blockOf finds the block of the sources that has a document.
func (s *Store) blockOf(pass int, order int64) (at index.Block, err error) {
	found := false
	for b, err := range s.index(pass).Blocks() {
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

// readAgain compares a document with what was planned, and marks what cleaning removed.
func (s *Store) readAgain(ctx context.Context, doc *quarry.Document, was *index.Entry, attempt int) (*Source, error) {
	of := s.cfg.Sources.Prepare
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
