package records

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry/internal/base/effect"
)

// Update takes in what the run has answered since the last call, and returns when the index is up to date. It is called again and again while
// a page is open; Progress tells how far it is meanwhile. A call that was ended continues where it was.
func (s *Store) Update(ctx context.Context) error {
	s.updating.Lock()
	defer s.updating.Unlock()
	if broken, replaced := s.broken.Swap(false), s.db.replaced(); broken || replaced {
		if err := s.reopen(ctx, !replaced); err != nil {
			return err
		}
	}
	err := s.update(ctx)
	if damaged(err) && ctx.Err() == nil {
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
	if err := s.forgetPasses(ctx); err != nil {
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
		if !errors.Is(err, errMoved) && !busy(err) { // else another process is at it
			return err
		}
	}
}

// forgetPasses removes the index of passes that cannot be shown any more.
func (s *Store) forgetPasses(ctx context.Context) error {
	keep, err := s.Passes(ctx)
	if err != nil {
		return err
	}
	rows, err := s.db.read.Query(ctx, `SELECT n FROM pass`)
	if err != nil {
		return err
	}
	var gone []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return errors.Join(err, rows.Close())
		}
		if !slices.Contains(keep, n) {
			gone = append(gone, n)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, n := range gone {
		err := s.db.write.Change(ctx, fmt.Sprintf("ui: remove pass %d", n), func(tx *effect.Tx) error { return dropPass(ctx, tx, n) })
		if err != nil {
			return err
		}
	}
	return nil
}
