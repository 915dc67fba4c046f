package run

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/results"
)

// Report is the run's report.
type Report = report.Report

// writeReport writes report.json and report.html.
func (r *Run) writeReport(ctx context.Context) (count, error) {
	if err := r.writeReportFiles(ctx); err != nil {
		return count{}, err
	}
	if err := r.finished(ctx); err != nil {
		return count{}, err
	}
	return count{taken: 1, done: 1}, nil
}

func (r *Run) writeReportFiles(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	steps, err := r.ledger.Steps(ctx)
	if err != nil {
		return err
	}
	rep := r.makeReport(shards, steps)
	var b bytes.Buffer
	if err := report.JSON(&b, &rep); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := atomicfile.Write(r.effects, filepath.Join(r.cfg.Dir, "report.json"), b.Bytes()); err != nil {
		return err
	}
	b.Reset()
	if err := report.HTML(&b, &rep); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := atomicfile.Write(r.effects, filepath.Join(r.cfg.Dir, "report.html"), b.Bytes()); err != nil {
		return err
	}
	r.made = rep
	return nil
}

func (r *Run) makeReport(shards []ledger.Shard, steps map[string]ledger.Step) Report {
	t := &r.totals
	rep := Report{
		Run: r.id, Version: r.cfg.Version, Generated: time.Now().UTC(), Target: "aws", Region: r.cfg.Region, Model: r.cfg.Model,
		Mode: r.planned.Mode, Sources: r.cfg.Sources, Unreadable: r.planned.Unreadable + r.planned.SameID, Errors: t.Classes,
		Documents: report.Documents{
			Total: t.Total, OK: t.OK, Invalid: t.Invalid, Failed: t.Failed, Skipped: t.Skipped, Duplicate: t.Duplicate, Unchanged: r.planned.Unchanged, Gone: r.planned.Gone,
		},
		Tokens: report.Tokens{Input: t.Usage.InputTokens, Output: t.Usage.OutputTokens, CacheRead: t.Usage.CacheReadTokens, CacheWrite: t.Usage.CacheWriteTokens},
		Notes:  append([]string{}, r.planned.Notes...), Jobs: []report.Job{}, AnsweredBy: t.Models, Samples: t.Samples,
	}
	rep.Duplicates = r.duplicates(t)
	if r.cfg.Local {
		rep.Target = "local"
	}
	for _, m := range t.Models {
		if strings.HasPrefix(m, "quarry.") {
			rep.Tokens.Estimated = true
		}
	}
	var first, last time.Time
	var listed quarry.USD
	var taken quarry.Usage
	known := true
	rep.Time.Prep = steps["plan"].Ended.Sub(steps["plan"].Began).Seconds()
	for i := range shards {
		s := &shards[i]
		if s.Pass != r.planned.Pass {
			continue
		}
		for _, past := range s.Past {
			rep.Jobs = append(rep.Jobs, report.Job{
				Shard: s.ID, ARN: past.ARN, Name: past.Name, Mode: s.Mode, Status: past.Status, Message: past.Message, Records: s.Records,
				Submitted: past.Submitted.UTC(), Ended: past.Ended.UTC(),
			})
		}
		rep.Jobs = append(rep.Jobs, r.jobOf(s))
		rep.Time.Prep += s.Times.Build.Seconds()
		rep.Time.Upload += s.Times.Upload.Seconds()
		rep.Time.Collect += s.Times.Collect.Seconds()
		if begun := s.Job.Submitted; !begun.IsZero() && (first.IsZero() || begun.Before(first)) {
			first = begun
		}
		if s.Job.Ended.After(last) {
			last = s.Job.Ended
		}
		taken.Add(s.Tally.Usage)
		if usd := r.listCostAt(r.placeOf(s), s.Mode, s.Tally.Usage); usd != nil {
			listed += *usd
		} else {
			known = false
		}
	}
	if last.After(first) {
		rep.Time.Provider = last.Sub(first).Seconds()
		rep.ThroughputPerMin = float64(t.OK+t.Invalid-t.Duplicate) / last.Sub(first).Minutes()
	}
	rep.Time.Collect += steps["export"].Ended.Sub(steps["export"].Began).Seconds()
	rep.Time.Total = (r.active + time.Since(r.began)).Seconds()
	rep.Ways = r.ways(shards)
	rep.Cost = r.reportCost(t, listed, known, rep.Tokens.Estimated)
	if r.foreseen.Before != nil {
		rep.Forecast = &report.Forecast{Before: r.foreseen.Before, After: r.foreseen.After, Fact: report.Fact{Input: taken.InputTokens, Output: taken.OutputTokens}}
		if known {
			rep.Forecast.Fact.Cost = &listed
		}
		rep.Forecast.Compare()
	}
	rep.Pilot = r.foreseen.Pilot
	rep.Structured = r.structuredReport()
	rep.Proof = r.proof(t, shards)
	var said []string
	rep.Deadline, said = r.deadlineReport(shards)
	rep.Notes = append(rep.Notes, said...)
	return rep
}

func (r *Run) jobOf(s *ledger.Shard) report.Job {
	place := r.placeOf(s)
	return report.Job{
		Shard: s.ID, Region: place.Region, Model: place.Model, ARN: s.Job.ARN, Name: s.Job.Name, Mode: s.Mode, Status: s.Job.Status, Message: s.Job.Message, Records: s.Records,
		OK: s.Tally.OK, Invalid: s.Tally.Invalid, Failed: s.Tally.Failed, Left: s.Tally.Left, Classes: s.Tally.Classes, Usage: s.Tally.Usage,
		Submitted: s.Job.Submitted.UTC(), Ended: s.Job.Ended.UTC(), Differs: s.Output.Differs,
	}
}

func (r *Run) reportCost(t *results.Totals, listed quarry.USD, known, estimated bool) report.Cost {
	c := report.Cost{
		Batch: r.listCost(quarry.ModeJob, t.Usage), OnDemand: r.listCost(quarry.ModeOnDemand, t.Usage),
		Estimated: estimated,
	}
	if before := r.foreseen.Before; before != nil {
		c.Forecast = before.Cost
	}
	if !t.CostUnknown {
		c.Actual = &t.Cost
	}
	if c.OnDemand != nil && known {
		saved := *c.OnDemand - listed
		c.Saved = &saved
	}
	if p, ok := r.cfg.Prices.Price(r.cfg.Model, r.cfg.Region, r.planned.Mode); ok {
		c.PriceSource, c.PriceDate, c.PriceBasis = p.Source, p.Date, string(p.Basis)
	} else {
		c.PriceSource = "unknown"
	}
	return c
}
