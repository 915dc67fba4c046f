package cli

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/run"
)

// closers are closed in the reverse of the order in which they were opened.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() error {
	var errs []error
	for _, f := range slices.Backward(*c) {
		errs = append(errs, f())
	}
	*c = nil
	return errors.Join(errs...)
}

// openDir makes and locks the run directory.
func openDir(e *effect.Effects, s *config.Settings, c *closers) (string, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return "", badSetting("dir", err)
	}
	if err := e.MkdirAll(dir); err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "make run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	release, err := e.Lock(dir)
	if errors.Is(err, effect.ErrLocked) {
		return "", &quarry.Error{
			Kind: quarry.Locked, Op: "open run directory", Subject: dir, Err: errors.New("another process works on it"),
			Hint: "wait for it, follow it with: quarry status --dir " + s.Dir + "; or name another directory with --dir",
		}
	}
	if err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "open run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	c.add(release)
	return dir, nil
}

// wireRun puts a run together.
func (a *App) wireRun(ctx context.Context, told *config.Loaded, args []string, records bool, known string, c *closers, show *progress) (*run.Run, error) {
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
	ask, err := a.asking(s)
	if err != nil {
		return nil, err
	}
	if err := tierOffered(s, ask); err != nil {
		return nil, err
	}
	if err := a.sameBody(s, ask); err != nil {
		return nil, err
	}
	// A name that does not exist is told before a directory is made; standard input is read when there is one.
	if named := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "-" }); len(named) > 0 {
		if _, err := a.openSources(ctx, s, named, records); err != nil {
			return nil, err
		}
	}
	dir, err := openDir(e, s, c)
	if err != nil {
		return nil, err
	}
	if show.log, err = openRunLog(e, dir, "run", a.Version, told, c); err != nil {
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
	c.add(book.Close)
	where, err := a.openProvider(ctx, s, e, dir, c)
	if err != nil {
		return nil, err
	}
	cfg := a.runConfig(s, ask, where, dir, args)
	cfg.Known = known
	cfg.Quotas = a.quotasOf(ctx, s, e, dir, where)
	if !records {
		cfg.CachePrefix = cachePrefix(s, ask, where.cfg.Region)
	}
	r := run.New(cfg, run.Deps{
		Effects: e, Ledger: book, Keep: a.keepSources(s, e, dir, args, records, watch), Bucket: where.bucket, Bedrock: where.bedrock, Watch: watch,
		Pools:     a.furtherPools(ctx, s, e, dir, where),
		Preflight: a.preflight(s, where, book), Confirm: a.confirm(s, show.free),
	})
	c.add(func() error { return r.Close(context.WithoutCancel(ctx)) })
	return r, nil
}

func (a *App) runConfig(s *config.Settings, ask *asking, where *provider, dir string, args []string) run.Config {
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := run.Config{
		Dir: dir, Sources: sourceNames(args), ReplaceSource: s.ReplaceSource, Settings: ask.settings, Asks: ask.asks, Local: s.Target == "local", Region: where.cfg.Region, Version: a.Version,
		Model: s.Model, MaxOutput: int(ask.model.MaxOutput), MaxTokens: maxTokens(ask), Family: ask.model.Family, Type: ask.prompt.Invocation(), Mode: quarry.Mode(s.Mode),
		RoleARN: where.roleARN, KMSKey: s.KMSKey, Tags: s.Tags, Quotas: a.knownQuotas(s, where.cfg.Region),
		Pilot: s.Pilot, NoPilot: s.Pilot == 0, PilotMinValid: s.PilotMinValid, NoGate: s.PilotMinValid == 0, Attempts: s.Attempts, Limit: s.Limit, RefreshMax: s.RefreshMax, By: s.By, MaxUSD: s.MaxUSD,
		Rescue: s.Rescue, KeepShards: s.KeepShards, Workers: workers, Concurrency: s.Concurrency,
		StructuredAuto: ask.auto, Clean: ask.clean, Prompt: ask.renderer, Long: ask.long, Check: ask.checker, Prices: ask.prices,
	}
	if s.NearDuplicates || s.ReuseNear {
		cfg.Near, cfg.ReuseNear = s.NearThreshold, s.ReuseNear
	}
	return cfg
}
