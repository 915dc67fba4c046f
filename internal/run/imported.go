package run

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/run/answers"
	"quarry/internal/run/book"
	"quarry/internal/run/given"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// givenAnswers opens existing answers; nil where there are none. They are read when the first pass is planned, by the first
// command that names them: read says that this is the one.
func (r *Run) givenAnswers(ctx context.Context) (g *planner.Given, read bool, err error) {
	p, imported, err := r.plannedPass(ctx, planner.ImportedPass)
	if err != nil {
		return nil, false, err
	}
	switch first := r.pass == 1; {
	case imported && (!first || r.cfg.Known == ""):
		if first { // the command that read them was refused, and this one does not name them
			return nil, false, r.book.Change(ctx, planner.ImportedPass, func(h *book.Head, p *book.Pass) { p.Plan, h.Known = nil, "" })
		}
		head, err := r.book.Head(ctx)
		if note := planner.OtherKnown(r.cfg.Known, head.Known, p.Given); note != "" {
			r.deps.Watch.Note(note)
		}
		return planner.OpenGiven(r.effects, r.cfg.Dir, p, r.cfg.Known), false, err
	case r.cfg.Known == "":
		return nil, false, nil
	}
	if p, err = planner.Import(ctx, r.effects, r.cfg.Dir, r.current().given(), r.deps.Watch); err != nil {
		return nil, false, err
	}
	err = r.book.Change(ctx, planner.ImportedPass, func(h *book.Head, kept *book.Pass) { kept.Plan, h.Known = &p, planner.Stamp(r.cfg.Known) })
	return planner.OpenGiven(r.effects, r.cfg.Dir, p, r.cfg.Known), true, err
}

// given is how the file of existing answers is read: Bedrock's output is compared with what is asked now, in the body of
// either invocation type.
func (c *Config) given() given.Config {
	judge := *c.judge()
	other := judge
	if other.Type = quarry.Converse; judge.Type == quarry.Converse {
		other.Type = quarry.InvokeModel
	}
	return given.Config{Path: c.Known, Judges: []answers.Judge{judge, other}, Schema: c.schema()}
}

// sayGiven says what became of existing answers, before anything is sent. read says that this command read them.
func (r *Run) sayGiven(g *plan.Given, read bool) {
	if g != nil && (g.Documents > 0 || read) {
		r.deps.Watch.Note(fmt.Sprintf("%-10s ", "known") + planner.GivenText(g))
	}
}
