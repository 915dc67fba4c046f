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
)

// openLedger opens the ledger of a run to read it, also while a process works on the run.
func (a *App) openLedger(ctx context.Context, dir string) (*ledger.Ledger, error) {
	in := a.shared
	if in == nil && a.owned != nil {
		in = a.owned.Load()
	}
	if in != nil {
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
