package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/forecast"
	"quarry/internal/run/offline"
)

// Offline puts together what is planned without a run, with its index in a directory that is thrown away.
func (pr *Program) Offline(
	ctx context.Context, s *config.Settings, args []string, known string, window forecast.Window, c *Closers, watch event.Watch,
) (cfg offline.Config, err error) {
	if len(args) == 0 {
		return cfg, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("no source named"), Hint: "name a file or folder"}
	}
	req, err := pr.Request(s)
	if err != nil {
		return cfg, err
	}
	if warning := req.Unlisted(s); warning != "" {
		pr.Say("warning: %s", warning)
	}
	sources, err := pr.OpenSources(ctx, s, args, false)
	if err != nil {
		return cfg, err
	}
	if err := pr.checkTexts(ctx, s, req, args); err != nil {
		return cfg, err
	}
	e := effect.New(nil)
	dir, err := e.TempDir("")
	if err != nil {
		return cfg, &quarry.Error{
			Kind: quarry.BadUsage, Op: "make a directory for the index", Err: err, Hint: "set TMPDIR to a directory that you can write to",
		}
	}
	c.Add(func() error { return e.RemoveAll(dir) })
	where := &Provider{}
	where.AWS.Region = account.DefaultRegion
	if len(s.Regions) > 0 {
		where.AWS.Region = s.Regions[0]
	}
	as := pr.RunConfig(s, req, where, dir, args)
	as.Known, as.Window = known, window
	return as.Offline(e, sources, watch)
}

// FinishedRun is the run in the directory, which a plan is compared with; nil where there is none that was finished.
func FinishedRun(ctx context.Context, s *config.Settings) (*offline.Finished, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return nil, BadSetting("dir", err)
	}
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	return offline.FinishedRun(ctx, dir, book.Of(l))
}
