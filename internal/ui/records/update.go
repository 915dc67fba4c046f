package records

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"quarry/internal/ui/find"
)

// Update takes in what the run has answered since the last call, and returns when the index is up to date. It is called again and again while
// a page is open; Progress tells how far it is meanwhile. A call that was ended continues where it was.
func (s *Store) Update(ctx context.Context) error {
	s.updating.Lock()
	defer s.updating.Unlock()
	if broken, replaced := s.broken.Swap(false), s.db.Replaced(); broken || replaced {
		if err := s.reopen(ctx, !replaced); err != nil {
			return err
		}
	}
	err := s.update(ctx)
	if s.cfg.Ledger != nil && errors.Is(err, fs.ErrNotExist) { // the copy of its files is of a moment before
		err = s.update(ctx)
	}
	if find.Damaged(err) && ctx.Err() == nil {
		if err = s.reopen(ctx, true); err == nil {
			err = s.update(ctx)
		}
	}
	return err
}

func (s *Store) update(ctx context.Context) error {
	t, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.note(ctx, &t); err != nil || t.pass == 0 {
		return err
	}
	if err := s.forgetPasses(ctx, t.passes); err != nil {
		return err
	}
	take := s.takeResults
	if t.live() {
		take = s.takeJournals
	}
	for {
		err := take(ctx, &t)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, find.ErrMoved) && !find.Busy(err) { // else another process is at it
			return err
		}
	}
}

// forgetPasses removes the index of passes that cannot be shown any more.
func (s *Store) forgetPasses(ctx context.Context, keep []int) error {
	have, err := s.db.Passes(ctx)
	if err != nil {
		return err
	}
	for _, n := range have {
		if slices.Contains(keep, n) {
			continue
		}
		if err := s.db.Drop(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
