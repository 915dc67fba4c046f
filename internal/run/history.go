package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/history"
)

// History is the passes of a run.
type History = report.History

// Digest begins what Config.Choices has in the place of a long value.
const Digest = history.Digest

// HistoryNow adds up the passes of a run as its ledger has them now, also while a process works on it and in a format of an
// earlier version. What a pass cost by the list is what it was when it ended; else it is taken from prices.
func HistoryNow(ctx context.Context, l *ledger.Ledger, prices *cost.Table) (History, error) {
	h, err := readHistory(ctx, l)
	if err != nil {
		return History{}, err
	}
	h.Prices = prices
	return history.Of(&h), nil
}

func readHistory(ctx context.Context, l *ledger.Ledger) (h history.Run, err error) {
	b := book.Of(l)
	head, err := b.Head(ctx)
	if err != nil {
		return h, err
	}
	h = history.Run{
		ID: head.Run, Home: ledger.Pool{Region: head.Region, Model: head.Model}, Pass: head.Pass, Finished: head.Finished, StandIn: head.StandIn,
	}
	if head.Target == "local" {
		free := true
		h.StandIn = &free
	}
	if head.Active != 0 {
		s := head.Active.Seconds()
		h.Worked = &s
	}
	for n := 1; n <= h.Pass; n++ {
		p, err := b.Pass(ctx, n)
		if err != nil {
			return h, err
		}
		if p.Plan != nil {
			h.Passes = append(h.Passes, p)
		}
	}
	h.Rows, err = l.Shards(ctx)
	return h, err
}

// withHistory puts what the pass at hand and the whole run took into its report. Where the pass ends with this report, it gives what is
// kept of its end.
func (r *Run) withHistory(ctx context.Context, rep *Report, how extent) (end *book.Ended, err error) {
	h, err := readHistory(ctx, r.ledger)
	if err != nil {
		return nil, err
	}
	h.Prices = r.cfg.Prices
	took := time.Since(r.began)
	rep.Time.Total = took.Seconds()
	if h.Worked != nil {
		rep.Time.Total += *h.Worked
	}
	h.Worked = &rep.Time.Total
	at := slices.IndexFunc(h.Passes, func(p book.Pass) bool { return p.Plan.Pass == r.planned.Pass })
	if at < 0 {
		return nil, fmt.Errorf("report on pass %d: it has no plan", r.planned.Pass)
	}
	f := &h.Passes[at]
	ended := h.Finished == r.planned.Pass && how == whole
	switch {
	case ended && f.Ended != nil && f.Ended.Time != nil: // the steps are those of a command that found nothing new
		total := rep.Time.Total
		rep.Time = *f.Ended.Time
		rep.Time.Total = total
	case !ended && how == whole:
		h.Finished = r.planned.Pass
		times := rep.Time
		times.Total = (f.Worked + took).Seconds()
		end = &book.Ended{At: rep.Generated, Answered: &r.totals.Answered, Time: &times, Estimated: rep.Tokens.Estimated}
		f.Ended = end
	}
	all := history.Of(&h)
	rep.LastPass, rep.WholeRun = &all.Passes[at], &all.Whole
	rep.NothingNew = ended || (r.planned.Asked == 0 && r.planned.Pass > 1 && how == whole)
	if end != nil {
		end.List = rep.LastPass.Cost.List
	}
	return end, nil
}
