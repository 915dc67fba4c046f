package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/outfile"
	"quarry/internal/run"
)

// newRun puts a run together.
func (a *App) newRun(ctx context.Context, told *config.Loaded, args []string, records bool, known string, c *compose.Closers, show *progress) (*run.Run, error) {
	s, watch := &told.Settings, show.event
	e := effect.New(nil)
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "run", Err: errors.New("no source named"), Hint: "name a file or folder: quarry run articles.jsonl"}
	}
	if err := deadlineNeedsAuto(s); err != nil {
		return nil, err
	}
	if records && len(s.Prompt.Schema) == 0 {
		s.Prompt.FreeText = true // what somebody else's records ask for is not known
	}
	if records {
		s.Structured = "off" // they go as they are
	}
	ask, err := a.parts().Asking(s)
	if err != nil {
		return nil, err
	}
	if err := ask.TierOffered(s); err != nil {
		return nil, err
	}
	if err := a.parts().SameBody(s, ask); err != nil {
		return nil, err
	}
	if err := ask.JobsKnown(s); err != nil {
		return nil, err
	}
	if warning := ask.Unlisted(s); warning != "" {
		a.say("warning: %s", warning)
	}
	if err := knownIsThere(known); err != nil {
		return nil, err
	}
	if err := compose.ReadableAgain(args); err != nil {
		return nil, err
	}
	// A name that does not exist is told before a directory is made; standard input is read when there is one.
	if named := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "-" }); len(named) > 0 {
		if _, err := a.parts().OpenSources(ctx, s, named, records); err != nil {
			return nil, err
		}
	}
	if !records {
		if err := errors.Join(a.parts().CheckPrompt(ask), a.parts().CheckFields(ctx, s, args)); err != nil {
			return nil, err
		}
		if err := a.parts().CheckDocuments(ctx, s, ask, args); err != nil {
			return nil, err
		}
		a.parts().SayFilled(s, ask)
	}
	dir, err := compose.OpenDir(e, s, c)
	if err != nil {
		return nil, err
	}
	if show.log, err = openRunLog(e, dir, "run", a.Version, told, c); err != nil {
		return nil, err
	}
	a.say("%-10s %s", "documents", "go "+a.destination(s))
	if err := outfile.Remember(e, dir, known, told.File, s.Prices); err != nil {
		return nil, err
	}
	// A request to stop was for the process that ran then.
	if err := e.Remove(filepath.Join(dir, run.StopRequest)); err != nil {
		return nil, err
	}
	book, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	c.Add(book.Close)
	parts := a.parts()
	parts.CheckBackends = true
	where, err := parts.OpenProvider(ctx, s, e, dir, c)
	if err != nil {
		return nil, err
	}
	cfg := a.parts().RunConfig(s, ask, where, dir, args)
	cfg.Known = known
	cfg.Quotas = a.parts().QuotasOf(ctx, s, e, dir, where)
	if cfg.Window, err = a.parts().Window(ctx, s); err != nil {
		return nil, err
	}
	if !records {
		cfg.CachePrefix = compose.CachePrefix(s, ask, where.AWS.Region)
	}
	r := run.New(cfg, run.Deps{
		Effects: e, Ledger: book, Keep: a.parts().KeepSources(s, e, dir, args, records, watch), Bucket: where.Bucket, Bedrock: where.Bedrock, Watch: watch,
		Pools: a.parts().FurtherPools(ctx, s, e, dir, where), PoolAt: where.PoolAt,
		Preflight: a.preflight(s, where, book), Confirm: a.confirm(s, show.free),
	})
	c.Add(func() error { return r.Close(context.WithoutCancel(ctx)) })
	return r, nil
}

// knownIsThere refuses a file of answers that cannot be read, before a directory is made.
func knownIsThere(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read known answers", Subject: path, Err: err, Hint: "name a file of answers with --known FILE, or leave it out"}
	}
	return nil
}
