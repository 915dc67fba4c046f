package run

import (
	"context"

	"quarry/internal/prepare/source"
	"quarry/internal/run/expected"
	"quarry/internal/run/life"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/spec"
)

// pass is one pass of a run: what its documents are sent with, its plan, and what it has come to so far. A command works on one pass; a
// pass that is given up, or collected, is a value of its own, with what it was sent with.
type pass struct {
	parts
	process
	number   int
	cfg      Config // the command's, with what this pass is or was sent with
	sources  []source.Source
	planned  plan.Plan
	deadline *life.Deadline

	expected expected.Forecast
	unsent   int64 // records that no job took
	totals   results.Totals
	made     Report
}

// pilotTexts is the file, next to the index of a pass, that holds the sample answers of its pilot.
const pilotTexts = "pilot.json"

// newPass gives pass n, which sends what asked says.
func (r *Run) newPass(n int, asked spec.Asked) *pass {
	r.at = n
	p := &pass{parts: r.parts, process: r.process, number: n, cfg: r.cfg, sources: r.deps.Sources}
	p.cfg.Asked = asked
	p.expected = expected.Forecast{Book: r.book, Pass: n, Texts: expected.File{Effects: r.deps.Effects, Path: r.index(n).Path(pilotTexts)}}
	p.deadline = &life.Deadline{Pass: n, Book: r.book, Ledger: r.deps.Ledger, Work: p.work, Watch: r.deps.Watch}
	return p
}

// sentPass gives pass n with what it was sent with, against which its answers are checked.
func (r *Run) sentPass(ctx context.Context, n int) (*pass, error) {
	kept, err := r.book.Pass(ctx, n)
	if err != nil {
		return nil, err
	}
	asked := r.cfg.Asked
	if kept.Asked != nil { // a ledger of format 1 does not say
		if asked, err = asked.OfPass(kept.Asked); err != nil {
			return nil, err
		}
	}
	return r.newPass(n, asked), nil
}

// keepSources opens the sources of the pass: a new one reads them again, one that was interrupted continues with what it has.
func (p *pass) keepSources(ctx context.Context) error {
	if p.deps.Keep == nil {
		return nil
	}
	_, planned, err := p.book.Plan(ctx, p.number)
	if err != nil {
		return err
	}
	p.sources, err = p.deps.Keep(ctx, p.number, planned)
	return err
}
