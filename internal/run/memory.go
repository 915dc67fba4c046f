package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry/internal/base/figure"
	"quarry/internal/run/answered"
	"quarry/internal/run/event"
	"quarry/internal/run/planner"
)

// remember adds the outcomes of all shards whose journals are sealed to the run's memory (package answered), so an answer that was
// paid for once is found again whatever was sent in between. A directory of an earlier version, which has no memory, is read as a whole,
// and so is one whose memory is damaged.
func (r *Run) remember(ctx context.Context) error {
	file, err := answered.Open(r.cfg.Dir)
	why := "an earlier version of Quarry did not keep it"
	damaged := errors.Is(err, answered.ErrDamaged)
	if damaged {
		why = "it is damaged"
		if err = r.effects.Remove(answered.Path(r.cfg.Dir)); err == nil {
			file, err = answered.Open(r.cfg.Dir)
		}
	}
	if err != nil {
		return err
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	var todo []answered.Sealed
	old := 0
	for i := range rows {
		s := &rows[i]
		if s.Times.Collected.IsZero() || file.Has(s.ID) {
			continue
		}
		todo = append(todo, answered.Sealed{Shard: s.ID, Pass: s.Pass})
		if s.Pass <= head.Finished || damaged {
			old++
		}
	}
	if old > 0 {
		r.deps.Watch.Send(event.Event{Kind: event.Note, Text: fmt.Sprintf("%s is made once from the journals of %s, because %s",
			filepath.Join("index", "answered"), figure.Count(old, "shard"), why)})
	}
	passes, err := r.passesWithGiven(ctx)
	if err != nil {
		return err
	}
	return file.Remember(ctx, r.effects, r.cfg.Dir, todo, r.index(planner.ImportedPass), passes)
}

// passesWithGiven are the planned passes up to the one at hand, where the run has existing answers; none where it has not.
func (r *Run) passesWithGiven(ctx context.Context) (passes []int, err error) {
	if _, given, err := r.plannedPass(ctx, planner.ImportedPass); err != nil || !given {
		return nil, err
	}
	for n := 1; n <= r.pass; n++ {
		if _, planned, err := r.plannedPass(ctx, n); err != nil {
			return nil, err
		} else if planned {
			passes = append(passes, n)
		}
	}
	return passes, nil
}
