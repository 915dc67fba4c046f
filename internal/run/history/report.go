package history

import (
	"fmt"
	"slices"
	"time"

	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
)

// Reported is the pass that a report is about.
type Reported struct {
	Pass     int
	Took     time.Duration // of this process so far
	Whole    bool          // each of its documents has ended
	Sends    bool          // there was something to send in it
	Answered int64         // documents that it sent and that have an answer
}

// Into puts what the pass and the whole run took into the pass's report. Where the pass ends with this report, it gives what is kept of its
// end.
func (r *Run) Into(rep *report.Report, of *Reported) (end *book.Ended, err error) {
	rep.Time.Total = of.Took.Seconds()
	if r.Worked != nil {
		rep.Time.Total += *r.Worked
	}
	r.Worked = &rep.Time.Total
	at := slices.IndexFunc(r.Passes, func(kept book.Pass) bool { return kept.Plan.Pass == of.Pass })
	if at < 0 {
		return nil, fmt.Errorf("report on pass %d: it has no plan", of.Pass)
	}
	f := &r.Passes[at]
	ended := r.Finished == of.Pass && of.Whole
	switch {
	case ended && f.Ended != nil && f.Ended.Time != nil: // the steps are those of a command that found nothing new
		total := rep.Time.Total
		rep.Time = *f.Ended.Time
		rep.Time.Total = total
	case !ended && of.Whole:
		r.Finished = of.Pass
		times := rep.Time
		times.Total = (f.Worked + of.Took).Seconds()
		times.Provider = min(times.Provider, times.Total)
		rep.Time.Provider = times.Provider
		end = &book.Ended{At: rep.Generated, Answered: &of.Answered, Time: &times, Estimated: rep.Tokens.Estimated}
		f.Ended = end
	}
	all := Of(r)
	rep.LastPass, rep.WholeRun = &all.Passes[at], &all.Whole
	rep.NothingNew = ended || (!of.Sends && of.Pass > 1 && of.Whole)
	if end != nil {
		end.List = rep.LastPass.Cost.List
	}
	return end, nil
}
