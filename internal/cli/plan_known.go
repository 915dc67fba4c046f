package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run"
	"quarry/internal/run/book"
)

// compareWithRun lets a plan say what is new beside the run in the directory, where there is one that was finished.
func compareWithRun(ctx context.Context, s *config.Settings, r *run.Run) error {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return compose.BadSetting("dir", err)
	}
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	return r.CompareWith(ctx, dir, book.Of(l))
}

// printKnown is the line that says what is new.
func printKnown(row func(name, format string, args ...any), k *run.Known, dir string) {
	if k == nil {
		return
	}
	text := figure.Thousands(k.New) + " new, " + figure.Thousands(k.Changed) + " changed, " + figure.Thousands(k.Same) + " the same"
	if k.Again > 0 {
		text += ", " + figure.Thousands(k.Again) + " without an answer yet"
	}
	row("known", "%s, %s gone, compared with the run in %s", text, figure.Thousands(k.Gone), dir)
}
