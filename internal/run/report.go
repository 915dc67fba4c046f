package run

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/summary"
)

// Report is the run's report.
type Report = report.Report

// writeReport writes report.json and report.html.
func (r *Run) writeReport(ctx context.Context) (count, error) {
	end, err := r.writeReportFiles(ctx, whole)
	if err != nil {
		return count{}, err
	}
	if err := r.finished(ctx, end); err != nil {
		return count{}, err
	}
	return count{taken: 1, done: 1}, nil
}

// writeReportFiles gives what is kept of the pass's end; nil: it does not end with this report.
func (r *Run) writeReportFiles(ctx context.Context, how extent) (*book.Ended, error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	steps, err := r.ledger.Steps(ctx)
	if err != nil {
		return nil, err
	}
	rep, end, err := r.makeReport(ctx, shards, steps, how)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := report.JSON(&b, &rep); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	if err := atomicfile.Write(r.effects, filepath.Join(r.cfg.Dir, "report.json"), b.Bytes()); err != nil {
		return nil, err
	}
	b.Reset()
	if err := report.HTML(&b, &rep); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	if err := atomicfile.Write(r.effects, filepath.Join(r.cfg.Dir, "report.html"), b.Bytes()); err != nil {
		return nil, err
	}
	r.made = rep
	return end, nil
}

func (r *Run) makeReport(ctx context.Context, shards []ledger.Shard, steps map[string]ledger.Step, how extent) (Report, *book.Ended, error) {
	p := summary.Pass{
		Plan: &r.planned, Totals: &r.totals, Rows: shards, Steps: steps, Before: r.foreseen.Before, After: r.foreseen.After,
		Home: ledger.Pool{Region: r.cfg.Region, Model: r.asked.Model}, Prices: r.cfg.Prices, Quotas: r.cfg.Quotas,
		Local: r.cfg.Local, Free: r.cfg.Free, Cap: r.cfg.MaxUSD, Adopted: how == takenOver,
	}
	rep := p.Report()
	rep.Run, rep.Version, rep.Generated, rep.Sources = r.id, r.cfg.Version, time.Now().UTC(), r.cfg.Sources
	rep.Pilot, rep.Structured = r.foreseen.Pilot, r.structuredReport()
	var said []string
	rep.Deadline, said = r.deadlineReport(shards)
	rep.Notes = append(rep.Notes, said...)
	end, err := r.withHistory(ctx, &rep, how)
	return rep, end, err
}
