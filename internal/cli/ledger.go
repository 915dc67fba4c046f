package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/outcome/review"
)

// inLedger is the run in Postgres that the command reads or works on; nil: it is in a directory.
func (a *App) inLedger() *compose.Shared {
	if a.shared == nil && a.owned != nil {
		return a.owned.Load()
	}
	return a.shared
}

// reviewOf is what people say of a run, to read it while its ledger is open; nil: that of the run that the command reads.
func (a *App) reviewOf(dir string, l *ledger.Ledger) *review.Dir {
	d := &review.Dir{Path: dir}
	if in := a.inLedger(); in != nil {
		d.Elsewhere = in.Remarks(l)
	}
	return d
}

// openLedger opens the ledger of a run to read it, also while a process works on the run.
func (a *App) openLedger(ctx context.Context, dir string) (*ledger.Ledger, error) {
	if in := a.inLedger(); in != nil {
		return in.Ledger(ctx)
	}
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		if lost := compose.LedgerLost(dir); lost != nil {
			return nil, lost
		}
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: dir, Err: errors.New("this directory holds no run"),
			Hint: "name the run directory with --dir, or start one: quarry run SOURCE",
		}
	}
	return l, err
}
