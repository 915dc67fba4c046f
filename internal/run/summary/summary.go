// Package summary makes the report of a pass from its plan, the rows of its shards and the sums over its results.
//
// It owns how these are added up and compared, and what they cost. It reads no file, no ledger and no clock: rows and sums are
// given. What always holds: two counts of the same thing are both shown, never made to agree; an unknown value is nil, never 0.
package summary

import (
	"fmt"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
	"quarry/internal/run/forecast"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
)

// Pass is a pass as far as it came.
type Pass struct {
	Plan    *plan.Plan
	Totals  *results.Totals
	Rows    []ledger.Shard // those of other passes are passed over
	Steps   map[string]ledger.Step
	Before  *report.Expected // what was expected before anything was sent; nil: nothing was said
	After   *report.Expected // and after the pilot
	Home    ledger.Pool      // the requested model, and where a shard is that names no place
	Prices  *cost.Table
	Quotas  quarry.Quotas
	Local   bool        // the provider is a stand-in
	Free    bool        // it is one that is reached as AWS: nothing was paid
	Cap     *quarry.USD // nil: none was set
	Adopted bool        // taken over: nothing was planned here
}

func (p *Pass) placeOf(s *ledger.Shard) ledger.Pool {
	if s.Pool != (ledger.Pool{}) {
		return s.Pool
	}
	return p.Home
}

func (p *Pass) pricesAt(place ledger.Pool) forecast.Prices {
	return forecast.Prices{Table: p.Prices, Model: place.Model, Region: place.Region}
}

// home are the prices of the requested model.
func (p *Pass) home() forecast.Prices { return p.pricesAt(p.Home) }

// notes are those of the plan. They say how documents were sent, so a pass that has sent none of its shards has another note.
func (p *Pass) notes() []string {
	unsent := false
	for i := range p.Rows {
		s := &p.Rows[i]
		switch {
		case s.Pass != p.Plan.Pass:
		case s.Sent():
			return append([]string{}, p.Plan.Notes...)
		default:
			unsent = true
		}
	}
	if unsent {
		return []string{"nothing was sent yet"}
	}
	return append([]string{}, p.Plan.Notes...)
}

// Report adds it all up. What only the run knows is left to it: its id, its sources, the time that it took in all.
func (p *Pass) Report() report.Report {
	t := p.Totals
	rep := report.Report{
		Target: "aws", Region: p.Home.Region, Model: p.Home.Model, Mode: p.Plan.Mode, Unreadable: p.Plan.Unreadable + p.Plan.SameID, Errors: t.Classes, Failures: t.Failures.Top(failures.Kept),
		Documents: report.Documents{
			Total: t.Total, OK: t.OK, Invalid: t.Invalid, Failed: t.Failed, Skipped: t.Skipped, Duplicate: t.Duplicate, Unchanged: p.Plan.Unchanged, Gone: p.Plan.Gone,
			Partial: t.Partial, Waiting: t.Waiting,
		},
		Tokens: report.Tokens{Input: t.Usage.InputTokens, Output: t.Usage.OutputTokens, CacheRead: t.Usage.CacheReadTokens, CacheWrite: t.Usage.CacheWriteTokens, Unknown: t.Usage.Unknown},
		Notes:  p.notes(), Jobs: []report.Job{}, AnsweredBy: t.Models, Samples: t.Samples,
	}
	rep.Duplicates = p.duplicates()
	if g := p.Plan.Given; g != nil {
		rep.Known = &report.Known{
			File: g.File, Answers: g.Answers, Doubled: g.Doubled, Bad: g.Bad, Parts: g.Parts, Documents: g.Documents, Unmatched: g.Unmatched, Names: g.Names,
		}
	}
	if p.Local {
		rep.Target = "local"
	}
	if n := t.Usage.Unknown; n > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("%s without a token count: the tokens are those of the other answers, and the cost is unknown", figure.Count(n, "answer")))
	}
	for _, m := range t.Models {
		if strings.HasPrefix(m, "quarry.") {
			rep.Tokens.Estimated = true
		}
	}
	var spans []ledger.Span // of jobs
	var listed quarry.USD
	var taken quarry.Usage
	known := true
	rep.Time.Prep = p.Steps["plan"].Ended.Sub(p.Steps["plan"].Began).Seconds()
	for i := range p.Rows {
		s := &p.Rows[i]
		if s.Pass != p.Plan.Pass {
			continue
		}
		for _, past := range s.Past {
			rep.Jobs = append(rep.Jobs, report.Job{
				Shard: s.ID, ARN: past.ARN, Name: past.Name, Mode: s.Mode, Status: past.Status, Message: past.Message, Records: s.Records,
				Submitted: past.Submitted.UTC(), Ended: past.Ended.UTC(),
			})
		}
		rep.Jobs = append(rep.Jobs, p.job(s))
		rep.Time.Prep += s.Times.Build.Seconds()
		rep.Time.Upload += s.Times.Upload.Seconds()
		rep.Time.Collect += s.Times.Collect.Seconds()
		spans = append(spans, s.Spans(time.Time{})...)
		taken.Add(s.Tally.Usage)
		if usd := p.pricesAt(p.placeOf(s)).Cost(s.Mode, s.Tally.Usage); usd != nil {
			listed = listed.Plus(*usd)
		} else {
			known = false
		}
	}
	if took := ledger.Union(spans); took > 0 {
		rep.Time.Provider = took.Seconds()
		rep.ThroughputPerMin = float64(t.Answered) / took.Minutes()
	}
	rep.Time.Collect += p.Steps["export"].Ended.Sub(p.Steps["export"].Began).Seconds()
	rep.Ways = p.ways()
	if s := (report.Spreads{Input: t.Input.Spread(), Output: t.Output.Spread(), Answer: t.Chars.Spread()}); s != (report.Spreads{}) {
		rep.Spreads = &s
	}
	rep.Cost = p.cost(listed, known, rep.Tokens.Estimated)
	if p.Before != nil {
		rep.Forecast = &report.Forecast{Before: p.Before, After: p.After, Fact: report.Fact{Input: taken.InputTokens, Output: taken.OutputTokens}}
		if known {
			rep.Forecast.Fact.Cost = &listed
		}
		rep.Forecast.Compare()
	}
	if over := rep.Cost.OverCap; over != nil {
		rep.Notes = append(rep.Notes, p.overCap(*over, listed))
	}
	rep.Proof = p.proof()
	return rep
}

func (p *Pass) job(s *ledger.Shard) report.Job {
	place := p.placeOf(s)
	return report.Job{
		Shard: s.ID, Region: place.Region, Model: place.Model, ARN: s.Job.ARN, Name: s.Job.Name, Mode: s.Mode, Status: s.Job.Status, Message: s.Job.Message, Records: s.Records,
		OK: s.Tally.OK, Invalid: s.Tally.Invalid, Failed: s.Tally.Failed, Left: s.Tally.Left, Classes: s.Tally.Classes, Usage: s.Tally.Usage,
		Submitted: s.Job.Submitted.UTC(), Ended: s.Job.Ended.UTC(), Differs: s.Output.Differs,
	}
}

func (p *Pass) cost(listed quarry.USD, known, estimated bool) report.Cost {
	c := report.Cost{
		Batch: p.home().Cost(quarry.ModeJob, p.Totals.Usage), OnDemand: p.home().Cost(quarry.ModeOnDemand, p.Totals.Usage),
		Estimated: estimated, Flex: p.home().Cost(quarry.ModeFlex, p.Totals.Usage),
	}
	if before := p.Before; before != nil {
		c.Forecast = before.Cost
	}
	if !p.Totals.CostUnknown {
		c.Actual = &p.Totals.Cost
	}
	c.StandIn = p.Local || p.Free
	if c.Cap = p.Cap; p.Cap != nil && known && listed > *p.Cap {
		over := listed - *p.Cap
		c.OverCap = &over
	}
	if c.OnDemand != nil && known {
		saved := *c.OnDemand - listed
		c.Saved = &saved
	}
	if price, ok := p.Prices.Price(p.Home.Model, p.Home.Region, p.Plan.Mode); ok {
		c.PriceSource, c.PriceDate, c.PriceBasis = price.Source, price.Date, string(price.Basis)
	} else {
		c.PriceSource = "unknown"
	}
	return c
}

// overCap says by how much the cap was passed. What is sent is let through by its forecast, so that can happen where answers are
// more than twice as long as forecast.
func (p *Pass) overCap(over, listed quarry.USD) string {
	text := fmt.Sprintf("the cap of %s was exceeded by %s: what was sent cost %s", p.Cap, over, listed)
	for _, e := range []*report.Expected{p.After, p.Before} {
		if e != nil && e.Cost != nil && *e.Cost > 0 {
			return text + fmt.Sprintf(", %.1f times its forecast of %s", float64(listed)/float64(*e.Cost), e.Cost)
		}
	}
	return text
}

// duplicates is what the report says of documents that were answered with another's answer; nil where there were none.
func (p *Pass) duplicates() *report.Duplicates {
	t := p.Totals
	if t.Duplicate == 0 && p.Plan.Near == 0 {
		return nil
	}
	return &report.Duplicates{
		Exact: t.Duplicate - t.Near, Near: t.Near, Reported: p.Plan.Near, Spared: t.Spared, Saved: p.home().Cost(p.Plan.Mode, t.Spared),
	}
}
