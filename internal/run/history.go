package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/history"
	"quarry/internal/run/runjson"
)

// History is the passes of a run.
type History = report.History

// Digest begins what Config.Choices has in the place of a long value.
const Digest = history.Digest

// endedFact is the name under which is kept what a pass came to when it ended; choicesFact that of its settings by their names;
// workedFact that of how long processes worked on it.
func endedFact(pass int) string   { return fmt.Sprintf("ended.%d", pass) }
func choicesFact(pass int) string { return fmt.Sprintf("choices.%d", pass) }
func workedFact(pass int) string  { return fmt.Sprintf("worked.%d", pass) }

// standInFact says whether a stand-in answers the run: "true" or "false".
const standInFact = "standin"

// HistoryNow adds up the passes of a run as its ledger has them now, also while a process works on it and in a format of an
// earlier version. What a pass cost by the list is what it was when it ended; else it is taken from prices.
func HistoryNow(ctx context.Context, book *ledger.Ledger, prices *cost.Table) (History, error) {
	h, err := readHistory(ctx, book)
	if err != nil {
		return History{}, err
	}
	h.Prices = prices
	return history.Of(&h), nil
}

func readHistory(ctx context.Context, book *ledger.Ledger) (h history.Run, err error) {
	facts := map[string]string{}
	for _, name := range []string{"run", "pass", "finished", "target", "region", "model", "active", standInFact} {
		if facts[name], _, err = book.Fact(ctx, name); err != nil {
			return h, err
		}
	}
	h = history.Run{ID: quarry.RunID(facts["run"]), Home: ledger.Pool{Region: facts["region"], Model: facts["model"]}}
	if h.Pass, err = number(facts, "pass"); err != nil {
		return h, err
	}
	if h.Finished, err = number(facts, "finished"); err != nil {
		return h, err
	}
	if text := facts[standInFact]; text != "" || facts["target"] == "local" {
		free := text == "true" || facts["target"] == "local"
		h.StandIn = &free
	}
	if worked, err := time.ParseDuration(facts["active"]); err == nil {
		s := worked.Seconds()
		h.Worked = &s
	}
	for pass := 1; pass <= h.Pass; pass++ {
		f, planned, err := readPass(ctx, book, pass)
		if err != nil {
			return h, err
		}
		if planned {
			h.Passes = append(h.Passes, f)
		}
	}
	h.Rows, err = book.Shards(ctx)
	return h, err
}

// number reads a fact that is a number; 0 where it was never set.
func number(facts map[string]string, name string) (int, error) {
	if facts[name] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(facts[name])
	if err != nil {
		return 0, fmt.Errorf("read fact %s of the run: %w", name, err)
	}
	return n, nil
}

// readPass reads what the ledger keeps of a pass; planned is false where it has no plan.
func readPass(ctx context.Context, book *ledger.Ledger, pass int) (f history.Facts, planned bool, err error) {
	var asked runjson.Run
	var ended history.Ended
	for _, fact := range []struct {
		name string
		into any
		set  func()
	}{
		{plannedFact(pass), &f.Plan, func() { planned = true }},
		{askedFact(pass), &asked, func() { f.Asked = &asked }},
		{endedFact(pass), &ended, func() { f.Ended = &ended }},
		{choicesFact(pass), &f.Choices, func() {}},
		{beforeFact(pass), &f.Before, func() {}},
	} {
		text, known, err := book.Fact(ctx, fact.name)
		if err != nil {
			return f, false, err
		}
		if !known {
			if fact.into == &f.Before { // an earlier version gave no pass up
				f.Before = pass - 1
			}
			continue
		}
		if err := json.Unmarshal([]byte(text), fact.into); err != nil {
			return f, false, fmt.Errorf("read fact %s of the run: %w", fact.name, err)
		}
		fact.set()
	}
	f.Plan.Pass = pass
	if text, known, err := book.Fact(ctx, beganFact(pass)); err != nil {
		return f, false, err
	} else if known {
		if f.Began, err = time.Parse(time.RFC3339, text); err != nil {
			return f, false, fmt.Errorf("read when pass %d began: %w", pass, err)
		}
	}
	return f, planned, nil
}

// recallWork reads how long earlier processes worked on the run, and on the pass at hand.
func (r *Run) recallWork(ctx context.Context) error {
	for name, into := range map[string]*time.Duration{"active": &r.active, workedFact(r.pass): &r.worked} {
		text, known, err := r.ledger.Fact(ctx, name)
		if err != nil {
			return err
		}
		if *into = 0; !known {
			continue
		}
		if *into, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("read fact %s of the run: %w", name, err)
		}
	}
	return nil
}

// withHistory puts what the pass at hand and the whole run took into its report. Where the pass ends with this report, what is kept of
// its end is left in r.ending.
func (r *Run) withHistory(ctx context.Context, rep *Report) error {
	h, err := readHistory(ctx, r.ledger)
	if err != nil {
		return err
	}
	h.Prices = r.cfg.Prices
	h.Worked = &rep.Time.Total
	at := slices.IndexFunc(h.Passes, func(f history.Facts) bool { return f.Plan.Pass == r.planned.Pass })
	if at < 0 {
		return fmt.Errorf("report on pass %d: it has no plan", r.planned.Pass)
	}
	f := &h.Passes[at]
	switch {
	case r.done && f.Ended != nil && f.Ended.Time != nil: // the steps are those of a command that found nothing new
		total := rep.Time.Total
		rep.Time = *f.Ended.Time
		rep.Time.Total = total
	case !r.done && !r.partial:
		h.Finished = r.planned.Pass
		took := rep.Time
		took.Total = (r.worked + time.Since(r.began)).Seconds()
		r.ending = &history.Ended{At: rep.Generated, Answered: &r.totals.Answered, Time: &took, Estimated: rep.Tokens.Estimated}
		f.Ended = r.ending
	}
	all := history.Of(&h)
	rep.LastPass, rep.WholeRun = &all.Passes[at], &all.Whole
	rep.NothingNew = r.done || (r.planned.Asked == 0 && r.planned.Pass > 1 && !r.partial)
	if r.ending != nil {
		r.ending.List = rep.LastPass.Cost.List
	}
	return nil
}

// endFacts gives the fact of what is kept of a pass that ends; none where it had ended before.
func endFacts(pass int, end *history.Ended) (map[string]string, error) {
	if end == nil {
		return map[string]string{}, nil
	}
	text, err := marshalled(end)
	return map[string]string{endedFact(pass): text}, err
}
