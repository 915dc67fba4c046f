package limits

import (
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/forecast"
	"quarry/internal/run/verdict"
)

// Deadline is that of one pass. A pass with a deadline is sent as jobs, the cheapest way, for as long as calls could still answer
// the rest in time: AWS promises no time for a job (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html),
// so none is counted on. At the latest moment for calls, what was not sent yet turns to calls. When those alone do not
// help any more, open jobs are stopped, and what they did not answer is sent as calls once they have ended.
//
// It is kept in the ledger. A decision is in it before any shard follows it, and each shard follows by itself, so a process
// that resumes continues with it.
type Deadline struct {
	Said   string       `json:"said"` // as it was named
	Began  time.Time    `json:"began"`
	By     time.Time    `json:"by"`
	Unsent *report.Move `json:"unsent,omitempty"` // since then no further job is made
	Open   *report.Move `json:"open,omitempty"`   // since then open jobs are stopped
	Kept   string       `json:"kept,omitempty"`   // why nothing was moved though it was late
}

// What is moved.
const (
	movedUnsent = "unsent"
	movedOpen   = "open"
)

// NewDeadline reads a deadline of a pass that began at a moment.
func NewDeadline(said string, began, now time.Time) (*Deadline, error) {
	by, err := forecast.ParseDeadline(said, began)
	if err != nil {
		hint := "name the time at which the run must be finished"
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: "--by", Err: err, Hint: hint}
	}
	if !by.After(now) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "be done by", Subject: Moment(by), Err: errors.New("that is past"),
			Hint: "name a later time; a duration counts from the start of the run, " + Moment(began),
		}
	}
	return &Deadline{Said: said, Began: began, By: by}, nil
}

// Work is what calls have to do before a deadline, and what they cost.
type Work struct {
	Records     int64           // that the pass sends, merges included
	Usage       quarry.Usage    // of all of them, as it is forecast now
	Prices      forecast.Prices // of the requested model at home
	Quotas      quarry.Quotas
	Concurrency int           // of calls
	Margin      time.Duration // what is left for everything but the calls
	Cap         *quarry.USD   // nil: none
	Costs       *Costs
}

// share is what so many of the records take.
func (w *Work) share(records int64) quarry.Usage {
	return forecast.Share(w.Usage, records, w.Records)
}

// callTime is how long calls of the standard tier take for so many records.
func (w *Work) callTime(records int64) time.Duration {
	return forecast.CallTime(records, w.share(records), w.Quotas, w.Concurrency)
}

func (w *Work) haste() forecast.Haste {
	return forecast.Haste{Flex: w.Prices.FlexIsCheaper(w.Usage), Margin: w.Margin}
}

// callsCost says what calls for so many records cost instead of jobs.
func (w *Work) callsCost(records int64, mode quarry.Mode) string {
	u := w.share(records)
	return costText(w.Prices.Cost(mode, u), w.Prices.Cost(quarry.ModeJob, u))
}

// Mode is the cheapest way that makes the deadline, as it looks before anything is sent, and what people should know of that.
// jobs says that there are enough records for one.
func (d *Deadline) Mode(w *Work, now time.Time, jobs bool) (mode quarry.Mode, note string) {
	haste := w.haste()
	left, need := d.By.Sub(now), w.callTime(w.Records)
	by := Moment(d.By)
	model, _, known := catalog.Find(w.Prices.Model)
	if jobs && (!known || model.Batch) && haste.JobsFit(left, need) {
		return quarry.ModeJob, fmt.Sprintf("deadline %s: sent as jobs, for which AWS promises no time; "+
			"records that have no answer when only the time for calls is left, about %s, are sent as on-demand calls%s",
			by, round(need), w.callsCost(w.Records, quarry.ModeOnDemand))
	}
	mode = haste.Mode(left, need)
	switch {
	case left < need:
		note = fmt.Sprintf("deadline %s: too late even for calls, which take about %s; sent on demand anyway, as the fastest way",
			by, round(need))
	case jobs:
		note = fmt.Sprintf("deadline %s: sent as on-demand calls, mode %s, which take about %s; jobs would leave no time for retries",
			by, mode, round(need))
	}
	return mode, note
}

// Question says to a person who confirms a run what its deadline may cost.
func (d *Deadline) Question(w *Work) string {
	return fmt.Sprintf(" To finish by %s, records that jobs do not answer in time are sent as on-demand calls: at most all of them%s.",
		Moment(d.By), w.callsCost(w.Records, quarry.ModeOnDemand))
}

// Check says whether a shard of jobs may take its next step: Go, ToCalls or StopJob. fresh says that this process wrote the
// shard's intent and did not act on it: of any other intent the provider may know a job.
func (d *Deadline) Check(s *ledger.Shard, fresh bool) verdict.Verdict {
	if d == nil || s.Mode != quarry.ModeJob || s.Unasked != "" {
		return verdict.Go{}
	}
	switch s.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded:
		return d.toCalls()
	case quarry.ShardIntended:
		if fresh {
			return d.toCalls()
		}
	case quarry.ShardSubmitted:
		if d.Open != nil && s.Job.Status != quarry.JobStopping && !s.Job.Status.Terminal() {
			return verdict.StopJob{Late: true}
		}
	}
	return verdict.Go{}
}

// Refused says what becomes of a shard whose job the provider refused for want of room: ToCalls, where no further job is
// made.
func (d *Deadline) Refused() verdict.Verdict {
	if d == nil {
		return verdict.Go{}
	}
	return d.toCalls()
}

func (d *Deadline) toCalls() verdict.Verdict {
	if d.Unsent == nil {
		return verdict.Go{}
	}
	return verdict.ToCalls{Mode: d.Unsent.Mode}
}

// Retries is how a round of retries is sent: late by calls, once no further job is made.
func (d *Deadline) Retries() (mode quarry.Mode, late bool) {
	switch {
	case d == nil || d.Unsent == nil:
		return quarry.ModeJob, false
	case d.Open != nil:
		return d.Open.Mode, true
	}
	return d.Unsent.Mode, true
}

// Report says what became of the deadline.
func (d *Deadline) Report(rows []ledger.Shard, pass int, now time.Time) *report.Deadline {
	rep := &report.Deadline{By: d.By, Moves: []report.Move{}, Kept: d.Kept, Made: true}
	for _, m := range []*report.Move{d.Unsent, d.Open} {
		if m != nil && m.Records > 0 {
			rep.Moves = append(rep.Moves, *m)
		}
	}
	for i := range rows {
		s := &rows[i]
		switch {
		case s.Pass != pass:
			continue
		case s.Late && s.Mode == quarry.ModeJob:
			rep.StoppedJobs++
		case s.Late:
			rep.Moved += s.Records
		}
		if s.Times.Collected.IsZero() { // under way
			rep.Made = rep.Made && now.Before(d.By)
		} else if at := s.Times.Collected.UTC(); at.After(rep.Ended) {
			rep.Ended = at
		}
	}
	rep.Made = rep.Made && !rep.Ended.After(d.By)
	return rep
}

// Notes are the words of a report on the deadline.
func (d *Deadline) Notes(rep *report.Deadline) (notes []string) {
	if d.Kept != "" {
		notes = append(notes, d.Kept)
	}
	for i := range rep.Moves {
		notes = append(notes, d.moveText(&rep.Moves[i]))
	}
	early := d.By.Sub(rep.Ended)
	switch {
	case rep.Ended.IsZero():
	case rep.Made:
		notes = append(notes, fmt.Sprintf("done at %s, %s before the deadline", Moment(rep.Ended), round(early)))
	default:
		notes = append(notes, fmt.Sprintf("done at %s, %s after the deadline", Moment(rep.Ended), round(-early)))
	}
	return notes
}

func (d *Deadline) moveText(m *report.Move) string {
	what := "that were not sent yet"
	if m.What == movedOpen {
		what = "that open jobs have not answered: these jobs are stopped, and their answers are kept"
	}
	return fmt.Sprintf("deadline %s: calls replace jobs for %s %s (mode %s%s)",
		Moment(d.By), figure.Count(m.Records, "record"), what, m.Mode, costText(m.Cost, m.Instead))
}

func costText(calls, jobs *quarry.USD) string {
	if calls == nil || jobs == nil {
		return ", at a price that is not known (" + cost.UnknownHelp + ")"
	}
	return fmt.Sprintf(", for about %s instead of %s in jobs", calls, jobs)
}

// Moment is a time for people.
func Moment(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }

func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Second / 10)
	}
	return d.Round(time.Second)
}
