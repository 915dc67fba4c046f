package compose

import (
	"cmp"
	"context"

	"quarry/internal/base/ledger"
	"quarry/internal/outcome/audit"
	"quarry/internal/prepare/source"
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
	for n := h.Pass - 1; err == nil && p.Plan == nil && n > 0; n-- { // the run has no results; a pass that was given up sent something
		p, err = b.Pass(ctx, n)
	}
	if err != nil || p.Plan == nil {
		return cfg, h, err
	}
	cfg.Plan = &audit.Plan{Pass: p.Plan.Pass, Documents: p.Plan.Documents, Orders: p.Plan.Orders, Asked: p.Plan.Asked}
	cfg.Ended = p.Plan.Pass == h.Finished && !h.SetAside
	return cfg, h, nil
}

// SourcesChanged says why the sources need not be what the audited pass was planned from; empty: nothing speaks for that. names are
// those of its files that the run did not keep, settings is what this command reads them with.
func SourcesChanged(h *book.Head, pass int, settings string, names []string) string {
	planned := h.Settings
	if pass != h.Pass { // the pass at hand has no plan
		planned = cmp.Or(h.FinishedSettings, h.Settings)
	}
	switch {
	case settings != planned:
		return "the settings of this command differ from the run's, so they may be read differently"
	case len(names) == 0: // all were kept
		return ""
	case h.Seen == "":
		return "it is not known whether their files were changed after the run read them"
	case h.Seen != source.Seen(names):
		return "one of their files was changed after the run read it"
	}
	return ""
}
