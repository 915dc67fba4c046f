package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/view"
	"quarry/internal/ui/web"
)

// ledgerRuns are the runs of a ledger in Postgres for the pages of quarry ui. They name such a run by a directory below root, which has copies of
// its files once a page needs them.
type ledgerRuns struct {
	app      *App
	settings *config.Settings
	root     string
	open     *compose.Closers

	mu   sync.Mutex
	runs map[string]*App // by directory; each works on that run
}

// List gives the runs that have begun.
func (r *ledgerRuns) List(ctx context.Context) (runs []view.Run, more int, err error) {
	ids, err := compose.LedgerRuns(ctx, r.settings)
	if err != nil {
		return nil, 0, err
	}
	for _, id := range ids {
		dir := filepath.Join(r.root, string(id))
		if app, err := r.of(ctx, dir); err == nil && app == nil { // the list names an error in the place of the run
			continue
		}
		runs = append(runs, view.Run{ID: string(id), Name: string(id), Dir: dir, Flag: "--run " + string(id)})
	}
	more = max(len(runs)-web.MaxRuns, 0)
	return runs[:len(runs)-more], more, nil
}

// of gives the program as it works on the run of a directory; nil: the run has not begun.
func (r *ledgerRuns) of(ctx context.Context, dir string) (*App, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if app := r.runs[dir]; app != nil {
		return app, nil
	}
	sh, err := r.app.parts().FollowShared(ctx, r.settings, quarry.RunID(filepath.Base(dir)), dir, r.open)
	if err != nil || sh == nil {
		return nil, err
	}
	app := *r.app
	app.shared, app.ledgerRuns, app.ledger = sh, nil, r.settings.Ledger
	r.runs[dir] = &app
	return &app, nil
}

// of gives the program as it works on the run that the pages name by a directory, and the directory of its files.
func (a *App) of(ctx context.Context, dir string) (*App, string, error) {
	if r := a.ledgerRuns; r != nil && filepath.Dir(dir) == r.root {
		app, err := r.of(ctx, dir)
		if err == nil && app == nil {
			err = fs.ErrNotExist
		}
		return app, dir, err
	}
	return a, dir, nil
}

// bothRuns are the runs of folders and of a ledger.
type bothRuns []web.Runs

func (b bothRuns) List(ctx context.Context) (all []view.Run, more int, err error) {
	for _, one := range b {
		runs, n, fault := one.List(ctx)
		all, more, err = append(all, runs...), more+n, errors.Join(err, fault)
	}
	return all, more, err
}

// openLedgerRuns gives the runs of the ledger of the settings, if they name one. The place of the copies is removed when open is closed.
func (a *App) openLedgerRuns(ctx context.Context, s *config.Settings, open *compose.Closers) (bothRuns, error) {
	if s.Ledger == "" {
		return nil, nil
	}
	if _, err := compose.LedgerRuns(ctx, s); err != nil { // then the command ends, and no page says so
		return nil, err
	}
	root, remove, err := compose.Temporary()
	if err != nil {
		return nil, err
	}
	open.Add(remove)
	a.ledgerRuns = &ledgerRuns{app: a, settings: s, root: root, open: open, runs: map[string]*App{}}
	return bothRuns{a.ledgerRuns}, nil
}

// reviewRuns lets the pages do with a run what commands do.
func (a *App) reviewRuns(s *config.Settings, cfg *web.Config) {
	cfg.Who = compose.Who()
	cfg.Review = func(ctx context.Context, dir string) (*review.Dir, error) {
		app, dir, err := a.of(ctx, dir)
		if err != nil {
			return nil, err
		}
		return app.review(ctx, dir)
	}
	cfg.Stop = func(ctx context.Context, dir string) error {
		app, dir, err := a.of(ctx, dir)
		if err != nil {
			return err
		}
		of := *s
		app.inDir(&of, dir)
		return app.stop(ctx, &of)
	}
}

// inDir lets settings name the run that the program works on, whose files are in a directory.
func (a *App) inDir(s *config.Settings, dir string) {
	s.Dir, s.Ledger, s.Run = dir, "", ""
	if a.shared != nil {
		s.Ledger, s.Run = a.ledger, a.shared.Run()
	}
}
