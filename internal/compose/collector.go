package compose

import (
	"context"
	"path/filepath"
	"runtime"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/spec"
)

// Collector puts together a run that collects answers: its ledger and its provider, no sources. It also returns the run directory.
// opened is called with that directory once it is locked.
func (pr *Program) Collector(
	ctx context.Context, s *config.Settings, opened func(*effect.Effects, string) error, watch func(event.Event), c *Closers,
) (*run.Run, string, error) {
	e := effect.New(nil)
	dir, err := OpenDir(e, s, c)
	if err == nil {
		err = LedgerLost(dir)
	}
	if err != nil {
		return nil, "", err
	}
	if err := opened(e, dir); err != nil {
		return nil, "", err
	}
	l, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, "", err
	}
	c.Add(l.Close)
	head, err := book.Of(l).Head(ctx)
	if err != nil {
		return nil, "", err
	}
	placeOf(&head, s)
	where, err := pr.OpenProvider(ctx, s, e, dir, c)
	if err != nil {
		return nil, "", err
	}
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := spec.Config{
		Asked: spec.Asked{Model: s.Model, Mode: quarry.Mode(s.Mode), Attempts: s.Attempts},
		Place: spec.Place{Dir: dir, Local: s.Target == "local", Free: where.Free, Region: where.AWS.Region},
		Gate:  spec.Gate{PilotMinValid: s.PilotMinValid},
		Means: spec.Means{Version: pr.Version, Prices: cost.Default(), Workers: workers, KeepShards: s.KeepShards},
	}
	if req, err := pr.Request(s); err == nil { // what a run of an older format does not say of itself
		cfg.Settings, cfg.Type, cfg.Check, cfg.Prompt, cfg.Family = req.Settings, req.Prompt.Invocation(), req.Checker, req.Renderer, req.Model.Family
		cfg.MaxOutput, cfg.MaxTokens = int(req.Model.MaxOutput), req.MaxTokens()
	}
	pools, home := where.PoolsOfRun(&head)
	if home != "" {
		cfg.Model = home
	}
	deps := run.Deps{Effects: e, Ledger: l, Bucket: where.Bucket, Bedrock: where.Bedrock, Watch: watch, Pools: pools, PoolAt: where.PoolAt}
	if _, err := pr.keepFiles(ctx, s, &deps, dir, where, c); err != nil {
		return nil, "", err
	}
	return run.New(cfg, deps), dir, nil
}

// placeOf fills in where the run of the ledger was sent.
func placeOf(h *book.Head, s *config.Settings) {
	if h.Target != "" {
		s.Target = h.Target
	}
	if len(s.Regions) == 0 && h.Region != "" && s.Target == "aws" {
		s.Regions = []string{h.Region}
	}
	if s.Bucket == "" && s.Target == "aws" {
		s.Bucket = h.Bucket
	}
}
