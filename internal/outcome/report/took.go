package report

import "fmt"

// tookView is what a pass or the whole run took, in one row of the page.
type tookView struct {
	Name, Meaning                                         string
	Sent, Answered, Input, Output, Jobs, Paid, List, Time string
}

// took compares the last pass with the whole run, where they are not the same.
func took(r *Report) []tookView {
	p, w := r.LastPass, r.WholeRun
	if p == nil || w == nil || (w.Passes < 2 && !r.NothingNew) {
		return nil
	}
	last := newTookView(fmt.Sprintf("Pass %d", p.Number), &p.Account)
	last.Meaning = "the last one, " + moment(p.Began) + " to " + moment(p.Ended)
	whole := newTookView("Whole run", &w.Account)
	whole.Meaning = plural(int64(w.Passes), "pass", "passes")
	return []tookView{last, whole}
}

func newTookView(name string, a *Account) tookView {
	v := tookView{
		Name: name, Sent: orNumber(a.Documents), Answered: orNumber(a.Answered), Input: number(a.Tokens.Input), Output: number(a.Tokens.Output),
		Jobs: plural(a.Jobs, "job", "jobs"), Paid: money(a.Cost.Actual), List: money(a.Cost.List), Time: unknown,
	}
	if a.Calls > 0 {
		v.Jobs += ", " + plural(a.Calls, "call", "calls")
	}
	if a.Seconds != nil {
		v.Time = span(*a.Seconds)
	}
	return v
}

func orNumber(n *int64) string {
	if n == nil {
		return unknown
	}
	return number(*n)
}
