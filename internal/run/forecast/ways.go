package forecast

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
)

// originSecondsPerToken is how long a call takes for each token of its answer, where no call was timed: a sequential client
// was said to take 75 times the 17 minutes of the batch job of 14,108 records and 8,044,345 tokens out from which Quarry comes.
const originSecondsPerToken = 75 * 17 * 60 / 8_044_345.0

// Span is records from the first beginning to the last end.
type Span struct {
	First, Last time.Time
	Records     int64
}

// Add lets the span reach from a beginning, which may not be known, to an end.
func (s *Span) Add(began, ended time.Time) {
	if !began.IsZero() && (s.First.IsZero() || began.Before(s.First)) {
		s.First = began
	}
	if ended.After(s.Last) {
		s.Last = ended
	}
}

func (s *Span) seconds() float64 { return max(s.Last.Sub(s.First).Seconds(), 0) }

// Done is what the records of a pass took, and how they were sent.
type Done struct {
	Records     int64
	Usage       quarry.Usage
	Answered    int64         // calls that were timed
	Latency     time.Duration // of all of them together
	Jobs, Calls Span          // records that were sent by jobs, and by on-demand calls
	Local       bool          // the provider is a stand-in
	Quotas      quarry.Quotas
}

// Ways puts the three ways to buy a pass's calls side by side: one call at a time, which is what batch jobs are usually
// compared with; calls at the pace that the quota allows, which is what they should be compared with; and jobs. None where
// nothing was sent.
func (p Prices) Ways(d *Done) []report.Way {
	if d.Records == 0 {
		return nil
	}
	return []report.Way{p.oneByOne(d), p.atQuota(d), p.asJobs(d)}
}

func (d *Done) where() string {
	if d.Local {
		return "on the stand-in, which says nothing about AWS"
	}
	return "in this run"
}

// oneByOne is each call after the one before.
func (p Prices) oneByOne(d *Done) report.Way {
	w := report.Way{Way: report.WayOneByOne, Cost: p.Cost(quarry.ModeOnDemand, d.Usage)}
	var seconds float64
	if d.Answered > 0 {
		latency := d.Latency.Seconds() / float64(d.Answered)
		seconds = latency * float64(d.Records)
		w.Basis = report.Computed
		w.From = fmt.Sprintf("%s of %.2f s, the mean latency of %s measured %s", figure.Count(d.Records, "call"), latency, figure.Count(d.Answered, "call"), d.where())
	} else {
		seconds = originSecondsPerToken * float64(d.Usage.OutputTokens)
		w.Basis = report.Assumed
		w.From = fmt.Sprintf("%s of %.1f s: an assumed %.1f ms per output token; no call was timed", figure.Count(d.Records, "call"), seconds/float64(d.Records), 1000*originSecondsPerToken)
	}
	w.Seconds = &seconds
	return w
}

// atQuota is as many calls as requests and tokens a minute let through. Where this run made nothing but such calls, it is
// what they took.
func (p Prices) atQuota(d *Done) report.Way {
	w := report.Way{Way: report.WayAtQuota, Cost: p.Cost(quarry.ModeOnDemand, d.Usage), Basis: report.NoBasis}
	if d.Calls.Records > 0 && d.Jobs.Records == 0 {
		seconds := d.Calls.seconds()
		w.Seconds, w.Basis, w.From = &seconds, report.Measured, "paced calls "+d.where()
		return w
	}
	q := d.Quotas
	if q.TPM <= 0 && q.RPM <= 0 {
		w.From = "the quotas of requests and tokens per minute are not known"
		return w
	}
	var seconds float64
	if q.TPM > 0 {
		seconds = 60 * float64(d.Usage.InputTokens+d.Usage.OutputTokens*max(q.Burndown, 1)) / float64(q.TPM)
		w.From = fmt.Sprintf("%s per minute, where an output token counts as %s", figure.Count(q.TPM, "token"), figure.Thousands(max(q.Burndown, 1)))
	}
	if byRequests := 60 * float64(d.Records) / float64(max(q.RPM, 1)); q.RPM > 0 && byRequests > seconds {
		seconds = byRequests
		w.From = fmt.Sprintf("%s per minute", figure.Count(q.RPM, "request"))
	}
	w.From += "; " + q.Source
	w.Seconds, w.Basis = &seconds, report.Computed
	return w
}

// asJobs is what this run's jobs took. AWS promises no time, so a run without jobs has nothing to say.
func (p Prices) asJobs(d *Done) report.Way {
	w := report.Way{Way: report.WayBatch, Cost: p.Cost(quarry.ModeJob, d.Usage), Basis: report.NoBasis}
	if d.Jobs.Records == 0 {
		w.From = "this run had no job, and AWS promises no time"
		return w
	}
	seconds := d.Jobs.seconds()
	w.Seconds, w.Basis = &seconds, report.Measured
	w.From = "from the submission of the first job to the end of the last, " + d.where()
	if d.Calls.Records > 0 {
		w.From += fmt.Sprintf("; without %s that were sent as calls", figure.Count(d.Calls.Records, "record"))
	}
	return w
}
