package book

import (
	"strconv"
	"time"

	"quarry"
	"quarry/internal/outcome/report"
	"quarry/internal/run/limits"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
)

// Pass is what is kept of one pass. What is zero is not kept.
type Pass struct {
	Plan    *plan.Plan        // nil: the pass is not planned
	Before  *int              // the finished pass that it was joined with; 0: none. Set where Plan is
	Asked   *runjson.Run      // what its documents were sent with
	Choices map[string]string // the settings by their names: values, or digests of long ones
	Flags   string            // the digest of all flags that decided its plan
	Began   time.Time
	Worked  time.Duration // of the processes that worked on it
	// Deadline is that of --by; nil: there is none.
	Deadline *limits.Deadline
	Forecast *Forecast
	Judged   string // what the sources held when the pass stopped at its gate
	// Confirmed is the digest of the question that a person answered with yes when the run was registered: the process that continues it
	// does not ask again. It is void for another plan.
	Confirmed string
	// Unanswered says that no record of its pilot was answered: the next command sends them again.
	Unanswered bool
	Ended      *Ended
}

// Forecast is what was expected of a pass, and what its pilot came to.
type Forecast struct {
	Before *report.Expected `json:"before,omitempty"`
	After  *report.Expected `json:"after,omitempty"`
	Pilot  *report.Pilot    `json:"pilot,omitempty"`
}

// Ended is what is kept of a pass when it ends.
type Ended struct {
	At       time.Time    `json:"at"`
	Answered *int64       `json:"answered,omitempty"` // documents that it sent and that have an answer, good or bad
	List     *quarry.USD  `json:"list_usd,omitempty"` // at the prices of then; nil: not known
	Time     *report.Time `json:"time,omitempty"`
	// Estimated says that the model that answered counts its tokens by rule.
	Estimated bool `json:"estimated,omitempty"`
}

func (p *Pass) facts(n int) []fact {
	of := func(name string, v kept) fact { return fact{name + "." + strconv.Itoa(n), v} }
	return []fact{
		of("planned", object(&p.Plan)),
		of("before", object(&p.Before)),
		of("asked", object(&p.Asked)),
		of("choices", object(&p.Choices)),
		of("flags", text(&p.Flags)),
		of("began", moment(&p.Began)),
		of("worked", duration(&p.Worked)),
		of("deadline", object(&p.Deadline)),
		of("forecast", object(&p.Forecast)),
		of("judged", text(&p.Judged)),
		of("confirmed", text(&p.Confirmed)),
		of("unanswered", yes(&p.Unanswered)),
		of("ended", object(&p.Ended)),
	}
}

// complete adds what an earlier version, which gave no pass up, left to be understood.
func (p *Pass) complete(n int) {
	if p.Plan == nil {
		return
	}
	p.Plan.Pass = n
	if p.Before == nil && n > 0 {
		before := n - 1
		p.Before = &before
	}
}
