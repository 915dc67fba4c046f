package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/run"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
)

// Offline puts together a run that sends nothing, with its index in a directory that is thrown away.
func (pr *Program) Offline(
	ctx context.Context, s *config.Settings, args []string, known string, window forecast.Window, c *Closers, watch func(run.Event),
) (*run.Run, error) {
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("no source named"), Hint: "name a file or folder"}
	}
	ask, err := pr.Asking(s)
	if err != nil {
		return nil, err
	}
	if warning := ask.Unlisted(s); warning != "" {
		pr.Say("warning: %s", warning)
	}
	sources, err := pr.OpenSources(ctx, s, args, false)
	if err != nil {
		return nil, err
	}
	if err := pr.checkTexts(ctx, s, ask, args); err != nil {
		return nil, err
	}
	e := effect.New(nil)
	dir, err := e.TempDir("")
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "make a directory for the index", Err: err, Hint: "let TMPDIR name a directory that you can write to"}
	}
	c.Add(func() error { return e.RemoveAll(dir) })
	l, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	c.Add(l.Close)
	where := &Provider{}
	where.AWS.Region = account.DefaultRegion
	if len(s.Regions) > 0 {
		where.AWS.Region = s.Regions[0]
	}
	cfg := pr.RunConfig(s, ask, where, dir, args)
	if s.Target == "aws" {
		cfg.CallMargin = run.CallMargin
	}
	cfg.Known = known
	cfg.Local = true // nothing is refused for its price: nothing is sent
	cfg.ForAWS, cfg.Window = s.Target == "aws", window
	return run.New(cfg, run.Deps{Effects: e, Ledger: l, Sources: sources, Watch: watch}), nil
}

// CompareWithRun lets a plan count what is new, compared with the finished run in the directory, if there is one.
func CompareWithRun(ctx context.Context, s *config.Settings, r *run.Run) error {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return BadSetting("dir", err)
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
