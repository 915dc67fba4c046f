package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run"
)

// compareWithRun lets a plan say what is new beside the run in the directory, where there is one that was finished.
func compareWithRun(ctx context.Context, s *config.Settings, r *run.Run) error {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return compose.BadSetting("dir", err)
	}
	book, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = book.Close() }()
	finished, _, err := book.Fact(ctx, "finished")
	if err != nil {
		return err
	}
	pass, err := strconv.Atoi(finished)
	if err != nil {
		return nil // it has not come to an end yet: nothing is known of it
	}
	planned, ok, err := book.Fact(ctx, run.PlannedFact(pass))
	if err != nil || !ok {
		return err
	}
	settings, _, err := book.Fact(ctx, "settings.finished")
	if err != nil {
		return err
	}
	facts := map[string]string{}
	for _, name := range run.LearnedFacts() {
		if facts[name], _, err = book.Fact(ctx, name); err != nil {
			return err
		}
	}
	given, _, err := book.Fact(ctx, run.PlannedFact(0))
	if err != nil {
		return err
	}
	read, _, err := book.Fact(ctx, run.KnownFact)
	if err != nil {
		return err
	}
	return r.CompareWith(run.Beside{Dir: dir, Pass: pass, Planned: planned, Settings: settings, Learned: facts, Known: read, Given: given})
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
