package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry/internal/base/figure"
	"quarry/internal/run/answered"
	"quarry/internal/run/planner"
)

// remember adds the outcomes of all shards whose journals are sealed to the run's memory (package answered), so an answer that was
// paid for once is found again whatever was sent in between. A directory of an earlier version, which has no memory, is read as a whole,
// and so is one whose memory is damaged.
func (p *pass) remember(ctx context.Context) error {
	file, err := answered.Open(p.cfg.Dir)
	why := "an earlier version of Quarry did not keep it"
	damaged := errors.Is(err, answered.ErrDamaged)
	if damaged {
		why = "it is damaged"
		if err = p.deps.Effects.Remove(answered.Path(p.cfg.Dir)); err == nil {
			file, err = answered.Open(p.cfg.Dir)
		}
	}
	if err != nil {
		return err
	}
	head, err := p.book.Head(ctx)
	if err != nil {
		return err
	}
	rows, err := p.deps.Ledger.Shards(ctx)
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
		p.deps.Watch.Note(fmt.Sprintf("%s is made once from the journals of %s, because %s",
			filepath.Join("index", "answered"), figure.Count(old, "shard"), why))
	}
	passes, err := p.passesWithGiven(ctx)
	if err != nil {
		return err
	}
	return file.Remember(ctx, p.deps.Effects, p.cfg.Dir, todo, p.index(planner.ImportedPass), passes)
}

// passesWithGiven are the planned passes up to the one at hand, where the run has existing answers; none where it has not.
func (p *pass) passesWithGiven(ctx context.Context) (passes []int, err error) {
	if _, given, err := p.book.Plan(ctx, planner.ImportedPass); err != nil || !given {
		return nil, err
	}
	for n := 1; n <= p.number; n++ {
		if _, planned, err := p.book.Plan(ctx, n); err != nil {
			return nil, err
		} else if planned {
			passes = append(passes, n)
		}
	}
	return passes, nil
}
