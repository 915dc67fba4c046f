package run

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/report"
)

// originSecondsPerToken is how long a call takes for each token of its answer, where no call was timed: a sequential client
// was said to take 75 times the 17 minutes of the batch job of 14,108 records and 8,044,345 tokens out from which Quarry comes.
const originSecondsPerToken = 75 * 17 * 60 / 8_044_345.0

// ways puts the three ways to buy a pass's calls side by side: one call at a time, which is what batch jobs are usually
// compared with; calls at the pace that the quota allows, which is what they should be compared with; and jobs.
func (r *Run) ways(shards []ledger.Shard) []report.Way {
	var did ledger.Calls
	var calls int64
	var usage quarry.Usage
	var jobs, runtime spanOfWork
	for i := range shards {
		s := &shards[i]
		if s.Pass != r.planned.Pass || s.Job.Submitted.IsZero() {
			continue
		}
		calls += s.Records
		usage.Add(s.Tally.Usage)
		did.Add(&s.Calls)
		if s.Mode == quarry.ModeJob {
			jobs.add(s)
			for _, past := range s.Past {
				jobs.addTimes(past.Submitted, past.Ended)
			}
		} else {
			runtime.add(s)
		}
	}
	if calls == 0 {
		return nil
	}
	return []report.Way{r.oneByOne(calls, usage, did), r.atQuota(calls, usage, jobs, runtime), r.asJobs(usage, jobs, runtime)}
}

// spanOfWork is from the first beginning to the last end.
type spanOfWork struct {
	first, last time.Time
	records     int64
}

func (w *spanOfWork) add(s *ledger.Shard) {
	w.records += s.Records
	w.addTimes(s.Job.Submitted, s.Job.Ended)
}

func (w *spanOfWork) addTimes(began, ended time.Time) {
	if !began.IsZero() && (w.first.IsZero() || began.Before(w.first)) {
		w.first = began
	}
	if ended.After(w.last) {
		w.last = ended
	}
}

func (w *spanOfWork) seconds() float64 { return max(w.last.Sub(w.first).Seconds(), 0) }

func (r *Run) where() string {
	if r.cfg.Local {
		return "on the stand-in, which says nothing of AWS"
	}
	return "in this run"
}

// oneByOne is each call after the one before.
func (r *Run) oneByOne(calls int64, usage quarry.Usage, did ledger.Calls) report.Way {
	w := report.Way{Way: report.WayOneByOne, Cost: r.listCost(quarry.ModeOnDemand, usage)}
	var seconds float64
	if did.Answered > 0 {
		latency := did.Latency.Seconds() / float64(did.Answered)
		seconds = latency * float64(calls)
		w.Basis = report.Computed
		w.From = fmt.Sprintf("%d calls of %.2f s, the mean latency of %d calls measured %s", calls, latency, did.Answered, r.where())
	} else {
		seconds = originSecondsPerToken * float64(usage.OutputTokens)
		w.Basis = report.Assumed
		w.From = fmt.Sprintf("%d calls of %.1f s: %.1f ms for each token of an answer, an assumption; no call was timed", calls, seconds/float64(calls), 1000*originSecondsPerToken)
	}
	w.Seconds = &seconds
	return w
}

// atQuota is as many calls as requests and tokens a minute let through. Where this run made nothing but such calls, it is
// what they took.
func (r *Run) atQuota(calls int64, usage quarry.Usage, jobs, runtime spanOfWork) report.Way {
	w := report.Way{Way: report.WayAtQuota, Cost: r.listCost(quarry.ModeOnDemand, usage), Basis: report.NoBasis}
	if runtime.records > 0 && jobs.records == 0 {
		seconds := runtime.seconds()
		w.Seconds, w.Basis, w.From = &seconds, report.Measured, "paced calls "+r.where()
		return w
	}
	q := r.cfg.Quotas
	if q.TPM <= 0 && q.RPM <= 0 {
		w.From = "no quota of requests or tokens a minute is known"
		return w
	}
	var seconds float64
	if q.TPM > 0 {
		seconds = 60 * float64(usage.InputTokens+usage.OutputTokens*max(q.Burndown, 1)) / float64(q.TPM)
		w.From = fmt.Sprintf("%d tokens a minute, of which an output token takes %d", q.TPM, max(q.Burndown, 1))
	}
	if byRequests := 60 * float64(calls) / float64(max(q.RPM, 1)); q.RPM > 0 && byRequests > seconds {
		seconds = byRequests
		w.From = fmt.Sprintf("%d requests a minute", q.RPM)
	}
	w.From += "; " + q.Source
	w.Seconds, w.Basis = &seconds, report.Computed
	return w
}

// asJobs is what this run's jobs took. AWS promises no time, so a run without jobs has nothing to say.
func (r *Run) asJobs(usage quarry.Usage, jobs, runtime spanOfWork) report.Way {
	w := report.Way{Way: report.WayBatch, Cost: r.listCost(quarry.ModeJob, usage), Basis: report.NoBasis}
	if jobs.records == 0 {
		w.From = "this run had no job, and AWS promises no time"
		return w
	}
	seconds := jobs.seconds()
	w.Seconds, w.Basis = &seconds, report.Measured
	w.From = "from the first job's submission to the last one's end, " + r.where()
	if runtime.records > 0 {
		w.From += fmt.Sprintf("; without %d records that were asked by calls", runtime.records)
	}
	return w
}
