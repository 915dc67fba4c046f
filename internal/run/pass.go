package run

import (
	"context"

	"quarry/internal/base/ledger"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/life"
	"quarry/internal/run/lines"
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

	learned  *forecast.Learned // of answers to the same prompt, model and schema; nil: none was read
	foreseen book.Forecast
	unsent   int64 // records that no job took
	totals   results.Totals
	made     Report
}

// newPass gives pass n, which asks as asked says.
func (r *Run) newPass(n int, asked spec.Asked) *pass {
	r.at = n
	p := &pass{parts: r.parts, process: r.process, number: n, cfg: r.cfg, sources: r.deps.Sources}
	p.cfg.Asked = asked
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

// known is a finished pass: its plan, and what its index knows of each document.
type known struct {
	*index.Known
	planned plan.Plan
}

func openKnown(of index.Pass, planned plan.Plan) *known {
	return &known{Known: of.Known(planned.Orders), planned: planned}
}

// slots is what a pass is joined with; nil where there is none before.
func (k *known) slots() *index.Known {
	if k == nil {
		return nil
	}
	return k.Known
}

// journals are the sealed journals of those shards of the pass that have one, in the order in which attempts were made.
func (p *pass) journals(shards []ledger.Shard) []lines.Sorted {
	var files []lines.Sorted
	for i := range shards {
		s := &shards[i]
		if s.Pass != p.number || s.Times.Collected.IsZero() {
			continue
		}
		files = append(files, lines.Sorted{Path: p.files.Journal(s.ID), From: firstOrder(s), Rank: int(s.Seq)})
	}
	return files
}

// unbuilt are the outcomes of the records of the pass that were planned and not built.
func (p *pass) unbuilt(shards []ledger.Shard) []lines.Sorted {
	var files []lines.Sorted
	for i := range shards {
		if s := &shards[i]; s.Pass == p.number && s.Unbuilt > 0 {
			files = append(files, lines.Sorted{Path: p.files.Unbuilt(s.ID), From: firstOrder(s), Rank: int(s.Seq)})
		}
	}
	return files
}

// carriedParts are the answers of earlier passes to parts of documents that are sent.
func (p *pass) carriedParts() []lines.Sorted {
	if p.planned.KnownParts == 0 {
		return nil
	}
	return []lines.Sorted{{Path: p.index(p.number).Path(index.EarlierFile), Rank: -1}}
}

// firstOrder bounds the orders of a shard's records from below. A retry shard's First is no order, and a pilot is drawn
// from everywhere.
func firstOrder(s *ledger.Shard) int64 {
	if len(s.Sources) > 0 {
		return 0
	}
	return s.First
}
