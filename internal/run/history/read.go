package history

import (
	"context"

	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
)

// Now adds up the passes of a run as its ledger has them now, also while a process works on it and in a format of an earlier
// version. What a pass cost by the list is what it was when it ended; else it is taken from prices.
func Now(ctx context.Context, l *ledger.Ledger, prices *cost.Table) (report.History, error) {
	h, err := Read(ctx, l)
	if err != nil {
		return report.History{}, err
	}
	h.Prices = prices
	return Of(&h), nil
}

// Read gives what is known of the run of a ledger, without prices.
func Read(ctx context.Context, l *ledger.Ledger) (h Run, err error) {
	b := book.Of(l)
	head, err := b.Head(ctx)
	if err != nil {
		return h, err
	}
	h = Run{
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
