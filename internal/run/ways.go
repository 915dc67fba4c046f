package run

import (
	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/outlook"
)

// ways puts the three ways to buy a pass's calls side by side.
func (r *Run) ways(shards []ledger.Shard) []report.Way {
	d := outlook.Done{Local: r.cfg.Local, Quotas: r.cfg.Quotas}
	for i := range shards {
		s := &shards[i]
		if s.Pass != r.planned.Pass || s.Job.Submitted.IsZero() {
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
	return r.prices().Ways(&d)
}
