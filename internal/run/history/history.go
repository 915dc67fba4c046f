// Package history says what the passes of a run took, each and all together, and what each changed.
//
// It owns how the rows and facts of a run are added up over its passes, and how two passes' settings are compared in words. It
// changes nothing, and looks at no clock. What always holds: each row counts in one pass;
// the whole is the sum of the passes; what an earlier version did not note is unknown, never 0.
package history

import (
	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
	"quarry/internal/run/plan"
)

// Run is what is known of a run.
type Run struct {
	ID       quarry.RunID
	Passes   []book.Pass // those that have a plan, by their numbers
	Rows     []ledger.Shard
	Pass     int   // the number of the last pass, which may have no plan yet
	Finished int   // the last one that is finished; 0: none
	StandIn  *bool // a stand-in answers, so that nothing is paid; nil: not known
	Worked   *float64
	Home     ledger.Pool
	Prices   *cost.Table
}

// Of gives the passes, the oldest first, and their sums.
func Of(r *Run) report.History {
	h := report.History{Run: r.ID, Passes: []report.Pass{}}
	finished := r.finishedPasses()
	for i := range r.Passes {
		f := &r.Passes[i]
		state := report.PassUnderWay
		switch n := f.Plan.Pass; {
		case finished[n]:
			state = report.PassFinished
		case n < r.Pass:
			state = report.PassGivenUp
		}
		h.Passes = append(h.Passes, r.pass(f, state))
	}
	h.Whole = sum(h.Passes)
	h.Whole.Seconds = r.Worked
	return h
}

// finishedPasses follows the passes back from the last finished one: each was joined with a finished pass. One that no other
// was joined with was given up.
func (r *Run) finishedPasses() map[int]bool {
	before := map[int]int{}
	for i := range r.Passes {
		before[r.Passes[i].Plan.Pass] = *r.Passes[i].Before
	}
	finished := map[int]bool{}
	for n := r.Finished; n > 0 && !finished[n]; n = before[n] {
		finished[n] = true
	}
	return finished
}

func (r *Run) find(n int) *book.Pass {
	for i := range r.Passes {
		if r.Passes[i].Plan.Pass == n {
			return &r.Passes[i]
		}
	}
	return nil
}

// pass adds up one pass.
func (r *Run) pass(f *book.Pass, state report.PassState) report.Pass {
	p := report.Pass{Number: f.Plan.Pass, State: state, Began: f.Began.UTC(), Mode: f.Plan.Mode, Settings: []string{}}
	p.New, p.Changed, p.Gone = compared(f.Plan)
	if before := r.find(*f.Before); before != nil {
		p.Settings = changes(before, f)
	}
	s := r.addUp(f)
	p.Account = s.account
	p.Cost = r.spent(s.listed)
	if state == report.PassUnderWay {
		return p
	}
	if state == report.PassGivenUp && p.Answered != nil { // what was to be sent again is not sent any more
		p.Answered = &s.came
	}
	p.Ended = s.collected.UTC()
	if e := f.Ended; e != nil {
		p.Ended, p.Tokens.Estimated = e.At.UTC(), e.Estimated
		if e.Answered != nil {
			p.Answered = e.Answered
		}
		if e.List != nil {
			p.Cost = r.spent(e.List)
		}
		if e.Time != nil {
			p.Seconds = &e.Time.Total
			p.Provider = min(p.Provider, *p.Seconds) // jobs run on while no process works on the run
		}
	}
	return p
}

// spent is what was paid of a sum at list price.
func (r *Run) spent(listed *quarry.USD) report.Spent {
	s := report.Spent{List: listed}
	switch {
	case r.StandIn == nil:
		if listed != nil && *listed == 0 {
			s.Actual = listed
		}
	case *r.StandIn:
		s.Actual = new(quarry.USD)
	default:
		s.Actual = listed
	}
	return s
}

// compared gives how the sources compared with the pass before. A first pass compares with nothing: all is new.
func compared(p *plan.Plan) (news, changed, gone *int64) {
	if a := p.Against; a != nil {
		return &a.New, &a.Altered, &a.Lost
	}
	if p.Pass == 1 && p.Unchanged == 0 {
		return &p.Documents, new(int64), new(int64)
	}
	return nil, nil, nil
}

// sum adds up all passes.
func sum(passes []report.Pass) report.WholeRun {
	w := report.WholeRun{Passes: len(passes)}
	w.Documents, w.Answered = new(int64), new(int64)
	w.Cost = report.Spent{Actual: new(quarry.USD), List: new(quarry.USD)}
	for i := range passes {
		p := &passes[i].Account
		w.Documents, w.Answered = addCounts(w.Documents, p.Documents), addCounts(w.Answered, p.Answered)
		w.Records += p.Records
		w.Jobs += p.Jobs
		w.Calls += p.Calls
		w.Uncollected += p.Uncollected
		w.Tokens.Add(&p.Tokens)
		w.Cost.Actual, w.Cost.List = addMoney(w.Cost.Actual, p.Cost.Actual), addMoney(w.Cost.List, p.Cost.List)
		w.Provider += p.Provider
	}
	return w
}

// addCounts adds what is known; of something unknown the sum is unknown.
func addCounts(a, b *int64) *int64 {
	if a == nil || b == nil {
		return nil
	}
	n := *a + *b
	return &n
}

func addMoney(a, b *quarry.USD) *quarry.USD {
	if a == nil || b == nil {
		return nil
	}
	usd := a.Plus(*b)
	return &usd
}

func (r *Run) listPrice(s *ledger.Shard, f *book.Pass) *quarry.USD {
	place := s.Pool
	if place == (ledger.Pool{}) {
		place = r.Home
		if f.Asked != nil {
			place.Model, place.Region = f.Asked.Model, f.Asked.Region
		}
	}
	if s.Tally.Usage == (quarry.Usage{}) {
		return new(quarry.USD)
	}
	return forecast.Prices{Table: r.Prices, Model: place.Model, Region: place.Region}.Cost(s.Mode, s.Tally.Usage)
}
