package run

import (
	"context"

	"quarry/internal/run/answered"
	"quarry/internal/run/planner"
)

// remember adds the outcomes of all shards whose journals are sealed to the run's memory; see answered.Run.
func (p *pass) remember(ctx context.Context) error {
	head, err := p.book.Head(ctx)
	if err != nil {
		return err
	}
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return err
	}
	passes, err := p.passesWithGiven(ctx)
	if err != nil {
		return err
	}
	memory := answered.Run{
		Effects: p.deps.Effects, Dir: p.cfg.Dir, Rows: rows, Finished: head.Finished, Imported: p.index(planner.ImportedPass), Given: passes,
		Note: p.deps.Watch.Note,
	}
	return memory.Update(ctx)
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
