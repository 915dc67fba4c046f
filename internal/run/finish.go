package run

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/answers"
	"quarry/internal/run/book"
	"quarry/internal/run/deliver"
	"quarry/internal/run/history"
	"quarry/internal/run/index"
	"quarry/internal/run/journals"
	"quarry/internal/run/lines"
	"quarry/internal/run/previous"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/summary"
)

// Report is the run's report.
type Report = report.Report

// extent is which documents of a pass are in its results.
type extent int

const (
	whole     extent = iota // all: each has ended
	soFar                   // those that have ended
	takenOver               // those of a run that was taken over; documents that were never sent are not known
)

// export writes the results of the whole pass.
func (p *pass) export(ctx context.Context) (count, error) {
	err := p.writeResults(ctx, whole)
	t := &p.totals
	return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, err
}

// writeResults writes results.jsonl and failed.jsonl.
func (p *pass) writeResults(ctx context.Context, how extent) error {
	shards, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return err
	}
	var before previous.Pass
	if how == takenOver {
		before, err = previous.OfAdopted(ctx, p.book, p.index, shards, p.number)
	} else {
		before, err = previous.Of(ctx, p.book, p.index, p.number)
	}
	if err != nil {
		return err
	}
	defer before.Close()
	of := p.index(p.number)
	files := append(journals.Sealed(p.files, shards, p.number), lines.Sorted{Path: of.Path(index.SkippedFile), Optional: true},
		lines.Sorted{Path: of.Path(index.EarlierFile), Rank: -1, Optional: true})
	p.totals, err = p.delivered.Results(ctx, &deliver.Ended{
		Plan: &p.planned, Before: before.Known, Files: append(files, journals.Unbuilt(p.files, shards, p.number)...),
		Closing: answers.Closing{Partial: how != whole, Unsent: p.unsent, UnsentKind: p.bounds().UnsentKind()},
	})
	return err
}

// writeReport writes the report of a pass that is complete, and ends the pass.
func (p *pass) writeReport(ctx context.Context) (count, error) {
	end, err := p.makeReport(ctx, whole)
	if err != nil {
		return count{}, err
	}
	if err := p.delivered.WriteReport(&p.made); err != nil {
		return count{}, err
	}
	if err := p.finished(ctx, end); err != nil {
		return count{}, err
	}
	return count{taken: 1, done: 1}, nil
}

// makeReport makes the report, and gives what is kept of the pass's end; nil: it does not end with this report.
func (p *pass) makeReport(ctx context.Context, how extent) (*book.Ended, error) {
	shards, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	steps, err := p.deps.Ledger.Steps(ctx)
	if err != nil {
		return nil, err
	}
	c := &p.cfg
	sum := summary.Pass{
		Plan: &p.planned, Totals: &p.totals, Rows: shards, Steps: steps, Before: p.expected.Before, After: p.expected.After,
		Home: ledger.Pool{Region: c.Region, Model: c.Model}, Prices: c.Prices, Quotas: c.Quotas,
		Local: c.Local, Free: c.Free, Cap: c.MaxUSD, Adopted: how == takenOver,
	}
	p.made = sum.Report()
	rep := &p.made
	rep.Run, rep.Version, rep.Generated, rep.Sources = p.id, c.Version, time.Now().UTC(), c.Sources
	rep.Pilot, rep.Structured, rep.Request = p.expected.Pilot, c.StructuredReport(), c.RequestReport()
	if err := p.firstLines(ctx, shards, rep.Samples); err != nil {
		return nil, err
	}
	if d := p.deadline.Held(); d != nil {
		rep.Deadline = d.Report(shards, p.number, time.Now())
		rep.Notes = append(rep.Notes, d.Notes(rep.Deadline)...)
	}
	h, err := history.Read(ctx, p.deps.Ledger)
	if err != nil {
		return nil, err
	}
	h.Prices = c.Prices
	return h.Into(rep, &history.Reported{
		Pass: p.number, Took: time.Since(p.began), Whole: how == whole, Sends: p.planned.Asked > 0, Answered: p.totals.Answered,
	})
}

// firstLines adds to samples the first lines of their texts, which are kept of the documents of pilots.
func (p *pass) firstLines(ctx context.Context, shards []ledger.Shard, samples []report.Sample) error {
	without := map[quarry.DocumentID]*report.Sample{}
	for i := range samples {
		without[samples[i].ID] = &samples[i]
	}
	for i := range shards {
		if shards[i].Kind != quarry.PilotShard || len(without) == 0 {
			continue
		}
		for part, err := range lines.Read[shardfile.Part](p.files.Part(shards[i].ID)) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if s := without[part.ID]; s != nil && part.Sample != nil {
				s.Head = part.Sample.Head
				delete(without, part.ID)
			}
		}
	}
	return nil
}

// finished notes that the pass came to its end, what is kept of that, and whether documents of it are to be sent again.
func (p *pass) finished(ctx context.Context, end *book.Ended) error {
	if err := p.remember(ctx); err != nil {
		return err
	}
	err := p.book.Change(ctx, p.number, func(h *book.Head, kept *book.Pass) {
		h.Finished, h.FinishedSettings, h.Open = p.number, p.cfg.Settings, p.totals.Again+p.planned.Stale
		h.SetAside = false
		if end != nil {
			kept.Ended = end
		}
	})
	if err != nil {
		return err
	}
	before, err := p.book.Before(ctx, p.number)
	if err != nil {
		return err
	}
	return index.Forget(p.deps.Effects, p.cfg.Dir, p.number, before)
}
