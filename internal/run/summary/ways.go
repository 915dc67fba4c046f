package summary

import (
	"quarry"
	"quarry/internal/outcome/report"
	"quarry/internal/run/forecast"
)

// ways puts the three ways to buy a pass's calls side by side.
func (p *Pass) ways() []report.Way {
	d := forecast.Done{Local: p.Local, Quotas: p.Quotas}
	for i := range p.Rows {
		s := &p.Rows[i]
		if s.Pass != p.Plan.Pass || s.Job.Submitted.IsZero() {
			continue
		}
		d.Records += s.Records
		d.Usage.Add(s.Tally.Usage)
		d.Answered, d.Latency = d.Answered+s.Calls.Answered, d.Latency+s.Calls.Latency
		span := &d.Calls
		if s.Mode == quarry.ModeJob {
			span = &d.Jobs
			for _, past := range s.Past {
				span.Add(past.Submitted, past.Ended)
			}
		}
		span.Records += s.Records
		span.Add(s.Job.Submitted, s.Job.Ended)
	}
	return p.home().Ways(&d)
}
