package run

import (
	"context"
	"fmt"
	"slices"

	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/cut"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// plan reads all sources once, finds what has to be asked, draws the pilot and cuts the rest into shards. The plan is in
// the ledger whole or not at all.
func (r *Run) plan(ctx context.Context) (count, error) {
	if err := r.holdDeadline(ctx); err != nil {
		return count{}, err
	}
	planned, ok, err := r.plannedPass(ctx, r.pass)
	if err != nil {
		return count{}, err
	}
	if ok {
		r.planned = planned
		return counted(&r.planned), nil
	}
	if err := r.remember(ctx); err != nil {
		return count{}, err
	}
	before, err := r.passBefore(ctx)
	if err != nil {
		return count{}, err
	}
	if before != nil {
		defer before.Close()
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return count{}, err
	}
	piloted := head.FinishedSettings == r.asked.Settings || slices.Contains(head.Piloted, r.current().asks())
	if err := r.planPass(ctx, before, piloted); err != nil {
		return count{}, err
	}
	if err := r.mostAreThere(ctx, before); err != nil {
		return count{}, err
	}
	rows, err := r.cutShards(ctx)
	if err != nil {
		return count{}, err
	}
	number, err := r.numberBefore(ctx)
	if err != nil {
		return count{}, err
	}
	flags, err := r.current().flags(r.bounds().MayCall(), r.pools.Refs())
	if err != nil {
		return count{}, err
	}
	asked := r.runJSON(head.Created)
	err = r.book.AddShards(ctx, r.pass, rows, func(h *book.Head, p *book.Pass) {
		p.Plan, p.Before, p.Flags, p.Began, p.Asked, p.Choices = &r.planned, &number, flags, r.began, &asked, r.asked.Choices
		h.Sources, h.Seen = r.cfg.Sources, r.seen
	})
	if err != nil {
		return count{}, err
	}
	return counted(&r.planned), nil
}

// planPass reads the sources and writes the index of the pass. before is the pass that it is joined with; nil: none. piloted
// says that an earlier pass or pilot tried the prompt, model and schema: one is enough.
func (r *Run) planPass(ctx context.Context, before *known, piloted bool) error {
	given, read, err := r.givenAnswers(ctx)
	if err != nil {
		return err
	}
	if given != nil {
		defer given.Close()
	}
	p := r.current().planner(r.pass, r.sources)
	p.Effects, p.Learned, p.Watch = r.effects, r.learned, r.deps.Watch
	if piloted {
		p.Pilot = 0
	}
	if r.planned, err = p.Plan(ctx, planner.Earlier{Before: before.slots(), Given: given, Journal: r.files().Journal}); err != nil {
		return err
	}
	r.sayGiven(r.planned.Given, read)
	return nil
}

// cutShards decides how what is sent is bought, and cuts it into shards.
func (r *Run) cutShards(ctx context.Context) ([]ledger.Shard, error) {
	if err := r.recall(ctx); err != nil {
		return nil, err
	}
	terms := r.current().terms(r.pass)
	terms.Deadline, terms.Basis.Learned = r.clock.Held(), r.learned
	rows, err := terms.Rows(ctx, &r.planned, r.index(r.pass))
	if err != nil {
		return nil, err
	}
	return rows, r.number(ctx, rows)
}

// number gives new rows their ids and their places after the rows there are.
func (r *Run) number(ctx context.Context, rows []ledger.Shard) error {
	seq, numbers, err := r.ledger.Last(ctx)
	if err != nil {
		return err
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	for kind, n := range head.Numbered { // of rows that were dropped
		numbers[kind] = max(numbers[kind], n)
	}
	cut.Number(rows, numbers, seq)
	return nil
}

// importedBefore opens the given answers where an earlier version joined the pass with them as with a pass before; else nil.
func (r *Run) importedBefore(ctx context.Context) (*known, error) {
	if _, planned, err := r.plannedPass(ctx, r.pass); err != nil || !planned {
		return nil, err
	}
	p, imported, err := r.plannedPass(ctx, planner.ImportedPass)
	if _, noted := r.index(r.pass).Given(); err != nil || noted || !imported {
		return nil, err
	}
	return r.openKnown(planner.ImportedPass, p), nil
}

func (r *Run) plannedPass(ctx context.Context, n int) (p plan.Plan, ok bool, err error) {
	pass, err := r.book.Pass(ctx, n)
	if err != nil || pass.Plan == nil {
		return p, false, err
	}
	return *pass.Plan, true, nil
}

// passBefore opens the finished pass that the pass at hand is joined with; nil where there is none.
func (r *Run) passBefore(ctx context.Context) (*known, error) {
	n, err := r.numberBefore(ctx)
	if err != nil {
		return nil, err
	}
	if n == planner.ImportedPass {
		return r.importedBefore(ctx)
	}
	p, ok, err := r.plannedPass(ctx, n)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("pass %d has no plan", n)
	}
	return r.openKnown(n, p), nil
}

// numberBefore is the number of that pass: the last finished one when the pass at hand is planned. Where none is finished, it is
// that of the answers which the run was given, if any.
func (r *Run) numberBefore(ctx context.Context) (int, error) {
	pass, err := r.book.Pass(ctx, r.pass)
	if err != nil {
		return 0, err
	}
	if pass.Before != nil {
		return *pass.Before, nil
	}
	head, err := r.book.Head(ctx)
	return head.Finished, err
}

// counted is a plan as a step's count.
func counted(p *plan.Plan) count {
	return count{taken: p.Items, done: p.Asked, failed: p.Unreadable + p.SameID + p.TooLarge, skipped: p.Empty + p.Same + p.Unchanged}
}
