package run

import (
	"context"
	"fmt"

	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// givenAnswers opens existing answers; nil where there are none. They are read when the first pass is planned, by the first
// command that names them: read says that this is the one.
func (p *pass) givenAnswers(ctx context.Context) (g *planner.Given, read bool, err error) {
	kept, imported, err := p.book.Plan(ctx, planner.ImportedPass)
	if err != nil {
		return nil, false, err
	}
	switch first := p.number == 1; {
	case imported && (!first || p.cfg.Known == ""):
		if first { // the command that read them was refused, and this one does not name them
			return nil, false, p.book.Change(ctx, planner.ImportedPass, func(h *book.Head, p *book.Pass) { p.Plan, h.Known = nil, "" })
		}
		head, err := p.book.Head(ctx)
		if note := planner.OtherKnown(p.cfg.Known, head.Known, kept.Given); note != "" {
			p.deps.Watch.Note(note)
		}
		return planner.OpenGiven(p.deps.Effects, p.cfg.Dir, kept, p.cfg.Known), false, err
	case p.cfg.Known == "":
		return nil, false, nil
	}
	if kept, err = planner.Import(ctx, p.deps.Effects, p.cfg.Dir, p.cfg.Given(), p.deps.Watch); err != nil {
		return nil, false, err
	}
	stamp := planner.Stamp(p.cfg.Known)
	err = p.book.Change(ctx, planner.ImportedPass, func(h *book.Head, p *book.Pass) { p.Plan, h.Known = &kept, stamp })
	return planner.OpenGiven(p.deps.Effects, p.cfg.Dir, kept, p.cfg.Known), true, err
}

// sayGiven says what became of existing answers, before anything is sent. read says that this command read them.
func (p *pass) sayGiven(g *plan.Given, read bool) {
	if g != nil && (g.Documents > 0 || read) {
		p.deps.Watch.Note(fmt.Sprintf("%-10s ", "known") + planner.GivenText(g))
	}
}
