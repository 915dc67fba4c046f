package compose

import (
	"context"

	"quarry/internal/base/ledger"
	"quarry/internal/outcome/audit"
	"quarry/internal/run/book"
)

// Audit is what an audit has to know of a run, as its ledger says it.
func Audit(ctx context.Context, dir string, l *ledger.Ledger) (cfg audit.Config, h book.Head, err error) {
	b := book.Of(l)
	if h, err = b.Head(ctx); err != nil {
		return cfg, h, err
	}
	cfg = audit.Config{Dir: dir, Ledger: l, Run: h.Run}
	p, err := b.Pass(ctx, h.Pass)
	if err == nil && p.Plan == nil && h.Finished != 0 { // results.jsonl is of the pass before
		p, err = b.Pass(ctx, h.Finished)
	}
	if err != nil || p.Plan == nil {
		return cfg, h, err
	}
	cfg.Plan = &audit.Plan{Pass: p.Plan.Pass, Documents: p.Plan.Documents, Orders: p.Plan.Orders, Asked: p.Plan.Asked}
	cfg.Ended = p.Plan.Pass == h.Finished
	return cfg, h, nil
}
