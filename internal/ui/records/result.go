package records

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/base/resultline"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
)

// resultReader reads the results of a pass, in any order. One goroutine.
type resultReader struct {
	store  *Store
	pass   int
	live   bool
	known  *index.Known
	reader resultline.Reader
}

// openResults opens the results of a pass.
func (s *Store) openResults(pass int) *resultReader {
	p := s.Progress()
	return &resultReader{store: s, pass: pass, live: p.Live, known: s.index(pass).Known(1 << 62)}
}

func (r *resultReader) close() { r.known.Close() }

// of gives a document's result; nil: it has none.
func (r *resultReader) of(ctx context.Context, order int64) (*quarry.Result, error) {
	if r.live {
		kept, ended, err := r.store.db.Attempts(ctx, r.pass, order)
		if err != nil {
			return nil, err
		}
		if r.live = !ended; r.live { // else another process has taken in the end of the pass
			all, err := unpack(kept)
			if err != nil || len(all) == 0 {
				return nil, err
			}
			return answers.Closing{Partial: true}.Result(all), nil
		}
	}
	line, err := r.known.Line(order)
	if err != nil || len(line) == 0 {
		return nil, err
	}
	res := &quarry.Result{}
	if err := r.reader.Read(line, res); err != nil {
		return nil, fmt.Errorf("read the result of document %d: %w", order+1, err)
	}
	return res, nil
}
