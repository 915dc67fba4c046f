package records

import (
	"context"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/ui/find"
	"quarry/internal/ui/reread"
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

type (
	// Sources is how the sources of a run are read again.
	Sources = reread.Sources
	// Source is what was read again of a document.
	Source = reread.Source
	// Dropped is a part of a text that cleaning removed.
	Dropped = reread.Dropped
	// Prompt is the request that was made of a document.
	Prompt = reread.Prompt
)

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
	if r.Source, err = s.pass(p.Pass).Document(ctx, order, max(res.RecordID.Attempt(), 1)); err != nil {
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
