package pilot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/run/failures"
	"quarry/internal/run/forecast"
	"quarry/internal/run/sample"
	"quarry/internal/run/shardfile"
)

// Report is the pilot as people see it, with samples of its answers and its most frequent failures.
func (p *Outcome) Report(ctx context.Context, files shardfile.Dir) (*report.Pilot, error) {
	samples, err := p.Samples(ctx, files)
	if err != nil {
		return nil, err
	}
	failed, err := p.Failures(ctx, files)
	if err != nil {
		return nil, err
	}
	return &report.Pilot{
		Records: p.Records, Judged: p.Judged, OK: p.OK, Classes: p.Classes, Usage: p.Usage, Rest: p.Rest,
		Samples: samples, Failures: failed.Top(failures.Kept),
	}, nil
}

// Expected is the forecast of the whole pass after the pilot: what its answers used, and what they predict for the rest. of is what
// the forecast of the pass rests on.
func (p *Outcome) Expected(l *Learned, of forecast.Basis, mode quarry.Mode, records int64) report.Expected {
	of.Texts.Sub(&l.First)
	e := of.Model.Expect(&l.Learned, of.Texts).After(p.Usage)
	e.Samples = l.Samples
	return of.Prices.Expected(mode, records, e)
}

// Question asks a person who has seen the answers whether the rest may be sent: so many documents, to a model in a mode. The money and
// the tokens are what is still to come: after is the forecast of the pass, and spent what the pilot cost; nil: not known. The caller
// adds pass, run and digest.
func (p *Outcome) Question(model, mode string, documents int64, after *report.Expected, spent *quarry.USD) review.Question {
	q := review.Question{Asks: review.Rest, Documents: documents}
	about := "at a price that is not known (" + cost.UnknownHelp + ")"
	if after != nil && after.Cost != nil && spent != nil {
		left := func(of *quarry.USD) *quarry.USD { u := max(0, *of-*spent); return &u }
		q.Forecast = review.Forecast{Cost: left(after.Cost), CostLow: left(after.CostLow), CostHigh: left(after.CostHigh)}
		about = fmt.Sprintf("for about %s more (%s to %s)", q.Forecast.Cost, q.Forecast.CostLow, q.Forecast.CostHigh)
	}
	if after != nil {
		q.Forecast.Input = max(0, after.Input.Estimate-p.Usage.InputTokens)
		q.Forecast.Output = max(0, after.Output.Estimate-p.Usage.OutputTokens)
	}
	q.Text = fmt.Sprintf("Good answers in the pilot: %[1]s of %[2]s. Send the other %[4]s to %[3]s, mode %[5]s, %[6]s?",
		figure.Thousands(p.OK), figure.Thousands(p.Records), model, figure.Count(documents, "document"), mode, about)
	return q
}

// Failures counts the messages that the pilot's attempts failed with.
func (p *Outcome) Failures(ctx context.Context, files shardfile.Dir) (failures.Counter, error) {
	var c failures.Counter
	for _, o := range p.answers(files) {
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return c, err
		}
		c.Outcome(&o.Outcome)
	}
	return c, nil
}

// shown is how many answers a person sees.
const shown = 5

// Samples takes answers from all over the pilot, the good ones before the others, in the order of the sources.
func (p *Outcome) Samples(ctx context.Context, files shardfile.Dir) ([]report.Sample, error) {
	var good, bad int64
	for _, o := range p.answers(files) {
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return nil, err
		}
		switch {
		case o.Class == quarry.ClassOK:
			good++
		case o.Class.Answered():
			bad++
		}
	}
	takeGood := sample.Spread(good, shown)
	takeBad := sample.Spread(bad, shown-int64(len(takeGood)))
	out := []report.Sample{}
	var atGood, atBad int64
	for s, o := range p.answers(files) {
		if o.err != nil {
			return nil, o.err
		}
		take := false
		switch {
		case o.Class == quarry.ClassOK:
			take = slices.Contains(takeGood, atGood)
			atGood++
		case o.Class.Answered():
			take = slices.Contains(takeBad, atBad)
			atBad++
		}
		if !take {
			continue
		}
		a := report.Sample{ID: s.ID, Title: s.Document.Title, URL: s.Document.URL, Output: o.Result.Output, Text: o.Result.Text}
		if s.Sample != nil {
			a.Head = s.Sample.Head
		}
		if o.Class != quarry.ClassOK {
			a.Class = o.Class
		}
		out = append(out, a)
	}
	return out, nil
}
