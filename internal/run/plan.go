package run

import (
	"context"
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
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
	r.piloted = slices.Contains(head.Piloted, r.asks()) || slices.Contains(r.passed, r.asks())
	earlier, err := r.earlier(ctx, before)
	if err != nil {
		return count{}, err
	}
	if earlier.Given != nil {
		defer earlier.Given.Close()
	}
	if r.planned, err = r.planner().Plan(ctx, earlier); err != nil {
		return count{}, err
	}
	r.sayGiven()
	if err := r.mostAreThere(ctx, before); err != nil {
		return count{}, err
	}
	if err := r.decideMode(ctx); err != nil {
		return count{}, err
	}
	if err := r.checkSecondStage(); err != nil {
		return count{}, err
	}
	rows, err := r.cutShards(ctx)
	if err != nil {
		return count{}, err
	}
	r.planned.Shards = int64(len(rows))
	number, err := r.numberBefore(ctx)
	if err != nil {
		return count{}, err
	}
	flags, err := r.flags()
	if err != nil {
		return count{}, err
	}
	asked := r.runJSON(head.Created)
	err = r.book.AddShards(ctx, r.pass, rows, func(h *book.Head, p *book.Pass) {
		p.Plan, p.Before, p.Flags, p.Began, p.Asked, p.Choices = &r.planned, &number, flags, r.began, &asked, r.asked.Choices
		h.Sources = r.cfg.Sources
	})
	if err != nil {
		return count{}, err
	}
	return counted(&r.planned), nil
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

// planner is how the pass is planned.
func (r *Run) planner() *planner.Config {
	c := &planner.Config{
		Effects: r.effects, Dir: r.cfg.Dir, Pass: r.pass, Sources: r.sources, Names: r.cfg.Sources,
		Prepare: r.preparing(), Model: r.asked.Model, MaxLine: r.maxLine(), Limit: r.cfg.Limit, Pilot: r.pilotSize(), RefreshMax: r.cfg.RefreshMax,
		Attempts: r.asked.Attempts, Near: r.cfg.Near, ReuseNear: r.cfg.ReuseNear,
		Window: r.cfg.Window, Answers: r.answers(), Learned: r.learned, Watch: r.deps.Watch,
	}
	if r.spool != nil {
		c.Record = r.spool.Add
	}
	return c
}

// preparing is how a document becomes records.
func (r *Run) preparing() prepare.Config {
	return prepare.Config{Clean: r.asked.Clean, Prompt: r.asked.Prompt, Long: r.asked.Long, Ready: r.validateConfig(), Workers: r.cfg.Workers}
}

// earlier is what earlier passes left for the one at hand. Close what was opened.
func (r *Run) earlier(ctx context.Context, before *known) (e planner.Earlier, err error) {
	e = planner.Earlier{Before: before.slots(), Journal: r.files().Journal}
	switch {
	case r.beside != nil:
		e.Journal, e.Answered = nil, r.beside.dir
	case r.spool != nil:
		e.Journal = nil
	}
	given, err := r.givenAnswers(ctx)
	if given == nil || err != nil {
		return e, err
	}
	e.Given = &planner.Given{Known: given.Known, Plan: given.planned}
	if e.Given.Plan.Given == nil { // imported by a version that did not count them
		e.Given.Plan.Given = &plan.Given{File: r.cfg.Known}
	}
	return e, nil
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
	if r.adopting {
		return r.adoptedBefore(ctx, r.pass)
	}
	if r.beside != nil {
		return r.beside, nil
	}
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

// pilotSize is the number of documents asked first: at least a job's minimum, since a smaller job is refused.
func (r *Run) pilotSize() int {
	if r.cfg.NoPilot || r.sameAsBefore || r.piloted { // one pilot for each prompt, model and schema
		return 0
	}
	if r.asked.Mode == quarry.ModeJob || r.asked.Mode == quarry.ModeAuto {
		return max(r.cfg.Pilot, int(r.cfg.Quotas.MinRecords))
	}
	return r.cfg.Pilot
}
