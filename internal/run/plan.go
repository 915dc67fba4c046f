package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
	"quarry/internal/run/previous"
	"quarry/internal/run/runjson"
)

// plan reads all sources once, finds what has to be sent, draws the pilot and cuts the rest into shards. The plan is in
// the ledger whole or not at all.
func (p *pass) plan(ctx context.Context) (count, error) {
	if err := p.deadline.Open(ctx, p.cfg.By, p.cfg.Mode, p.began); err != nil {
		return count{}, err
	}
	planned, ok, err := p.book.Plan(ctx, p.number)
	if err != nil {
		return count{}, err
	}
	if ok {
		p.planned = planned
		return counted(&p.planned), nil
	}
	if err := p.remember(ctx); err != nil {
		return count{}, err
	}
	before, err := previous.Of(ctx, p.book, p.index, p.number)
	if err != nil {
		return count{}, err
	}
	defer before.Close()
	head, err := p.book.Head(ctx)
	if err != nil {
		return count{}, err
	}
	piloted := !p.cfg.Review && (head.FinishedSettings == p.cfg.Settings || slices.Contains(head.Piloted, p.cfg.RequestDigest()))
	if err := p.planPass(ctx, &before, piloted); err != nil {
		return count{}, err
	}
	if err := p.mostAreThere(ctx, &before); err != nil {
		return count{}, err
	}
	rows, err := p.cutShards(ctx)
	if err != nil {
		return count{}, err
	}
	number, err := p.book.Before(ctx, p.number)
	if err != nil {
		return count{}, err
	}
	flags, err := p.cfg.PlanFlags(p.bounds().MayCall(), p.pools.Refs())
	if err != nil {
		return count{}, err
	}
	sentWith := p.runJSON()
	sentWith.Created = head.Created
	err = p.book.AddShards(ctx, p.number, rows, func(h *book.Head, kept *book.Pass) {
		kept.Plan, kept.Before, kept.Flags, kept.Began, kept.Asked, kept.Choices = &p.planned, &number, flags, p.began, &sentWith, p.cfg.Choices
		h.Sources, h.Seen = p.cfg.Sources, p.seen
	})
	if err != nil {
		return count{}, err
	}
	return counted(&p.planned), nil
}

// planPass reads the sources and writes the index of the pass. before is the pass that it is joined with. piloted
// says that an earlier pass or pilot tried the prompt, model and schema: one is enough.
func (p *pass) planPass(ctx context.Context, before *previous.Pass, piloted bool) error {
	given, read, err := p.givenAnswers(ctx)
	if err != nil {
		return err
	}
	if given != nil {
		defer given.Close()
	}
	planning := p.cfg.Planner(p.number, p.sources)
	planning.Effects, planning.Learned, planning.Watch = p.deps.Effects, p.expected.Learned, p.deps.Watch
	if piloted {
		planning.Pilot = 0
	}
	if p.planned, err = planning.Plan(ctx, planner.Earlier{Before: before.Known, Given: given, Journal: p.files.Journal}); err != nil {
		return err
	}
	p.sayGiven(p.planned.Given, read)
	return nil
}

// cutShards decides how what is sent is bought, and cuts it into shards.
func (p *pass) cutShards(ctx context.Context) ([]ledger.Shard, error) {
	if err := p.expected.Recall(ctx, p.cfg.RequestDigest()); err != nil {
		return nil, err
	}
	terms := p.cfg.Terms(p.number)
	terms.Deadline, terms.Basis.Learned = p.deadline.Held(), p.expected.Learned
	rows, err := terms.Rows(ctx, &p.planned, p.index(p.number))
	if err != nil {
		return nil, err
	}
	return rows, p.book.Number(ctx, rows)
}

// mostAreThere asks before a run continues over sources that hold less than half of the documents it knows: a wrong path or half
// a file would leave the others out of the results.
func (p *pass) mostAreThere(ctx context.Context, before *previous.Pass) error {
	if before.Known == nil || p.deps.Confirm == nil {
		return nil
	}
	known := before.Plan.Documents
	if still := known - p.planned.Lost; 2*still < known {
		return p.deps.Confirm(ctx, fmt.Sprintf("Only %s of the %s that the run knows are in %s. The others would be missing from the results. Continue?",
			figure.Thousands(still), figure.Count(known, "document"), strings.Join(p.cfg.Sources, " ")))
	}
	return nil
}

// runJSON is what must be known of the run as it is now, without the time of its creation.
func (p *pass) runJSON() runjson.Run {
	return p.cfg.RunJSON(p.id, p.deps.Bucket.Name(), p.planned, p.pools.Refs())
}

// counted is a plan as a step's count.
func counted(p *plan.Plan) count {
	return count{taken: p.Items, done: p.Asked, failed: p.Unreadable + p.SameID + p.TooLarge, skipped: p.Empty + p.Same + p.Unchanged}
}
