package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/outfile"
	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/event"
	"quarry/internal/run/life"
)

// RunInput is what a run takes beyond the settings.
type RunInput struct {
	Sources []string
	Records bool   // the sources are ready records
	Known   string // file of existing answers; empty: none
	Watch   func(event.Event)
	// Opened is called with the locked run directory, before anything is written into it.
	Opened  func(e *effect.Effects, dir string) error
	Confirm func(context.Context, string) error // nil: no question is asked
	Owned   func(quarry.RunID)                  // is called with the run of a ledger in Postgres, once this process has it
	// Registered is the run that the command continues with sources and settings of its ledger; nil: the command names them.
	Registered *Registered
	Detach     bool // the run is registered for another process
}

// Run puts a run together: it checks the settings and the sources, then opens the run directory, its ledger and the provider.
func (pr *Program) Run(ctx context.Context, loaded *config.Loaded, in *RunInput, c *Closers) (*run.Run, error) {
	s := &loaded.Settings
	req, err := pr.checkRun(ctx, s, in)
	if err != nil {
		return nil, err
	}
	e := effect.New(nil)
	dir, err := OpenDir(e, s, c)
	if err == nil && s.Ledger == "" {
		err = LedgerLost(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := in.Opened(e, dir); err != nil {
		return nil, err
	}
	region, err := regionOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	pr.Say("%-10s %s", "documents", pr.destination(s, region))
	if err := outfile.Remember(e, dir, in.Known, loaded.File, s.Prices); err != nil {
		return nil, err
	}
	// A request to stop was for the process that ran then.
	if err := e.Remove(filepath.Join(dir, life.StopRequest)); err != nil {
		return nil, err
	}
	deps := run.Deps{Effects: e, Watch: in.Watch, Confirm: in.Confirm}
	if s.Ledger == "" {
		if deps.Ledger, err = ledger.Open(ctx, e, filepath.Join(dir, "ledger.db")); err != nil {
			return nil, err
		}
		c.Add(deps.Ledger.Close)
	}
	checked := *pr
	checked.CheckBackends = true
	where, err := checked.OpenProvider(ctx, s, e, dir, c)
	if err != nil {
		return nil, err
	}
	cfg := pr.RunConfig(s, req, where, dir, in.Sources)
	if in.Registered != nil {
		if err := in.Registered.same(req, cfg.Region); err != nil {
			return nil, err
		}
	}
	if cfg.Carried, err = carriedBy(loaded, in); err != nil {
		return nil, err
	}
	if s.Ledger != "" {
		if cfg.Run, err = pr.own(ctx, s, &deps, dir, where, c); err != nil {
			return nil, err
		}
		in.Owned(cfg.Run)
	} else if cfg.Run, err = pr.keepFiles(ctx, s, &deps, dir, where, c); err != nil {
		return nil, err
	}
	cfg.Known, cfg.Ready = in.Known, in.Records
	cfg.Quotas = pr.QuotasOf(ctx, s, e, dir, where)
	if cfg.Window, err = pr.Window(ctx, s); err != nil {
		return nil, err
	}
	if !in.Records {
		cfg.CachePrefix = CachePrefix(s, req, where.AWS.Region)
	}
	stdin := &keptStdin{effects: e, dir: dir, in: pr.Stdin, say: pr.Say}
	deps.Keep = pr.KeepSources(s, e, dir, in.Sources, in.Records, stdin, in.Watch)
	deps.Bucket, deps.Bedrock, deps.Pools, deps.PoolAt = where.Bucket, where.Bedrock, pr.FurtherPools(ctx, s, e, dir, where), where.PoolAt
	deps.AnyDocument, deps.Preflight = pr.anyDocument(s, e, in.Sources, in.Records, stdin), pr.preflightOf(s, where, deps.Ledger)
	r := run.New(cfg, deps)
	c.Add(func() error { return r.Close(context.WithoutCancel(ctx)) })
	return r, nil
}

// checkRun refuses what can be refused before a directory is made, and gives the request.
func (pr *Program) checkRun(ctx context.Context, s *config.Settings, in *RunInput) (*Request, error) {
	if len(in.Sources) == 0 {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Err: errors.New("no source named"), Hint: "name a file or folder: quarry run articles.jsonl",
		}
	}
	if s.Review && s.Pilot == 0 {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Subject: "--review", Err: errors.New("without a pilot there is nothing to review"),
			Hint: "omit --review, or --pilot 0",
		}
	}
	if err := errors.Join(checkShared(s), DeadlineNeedsAuto(s)); err != nil {
		return nil, err
	}
	if in.Records {
		s.Structured = "off" // they are sent unchanged
		if len(s.Prompt.Schema) == 0 {
			s.Prompt.FreeText = true // their answers need not be JSON
		}
	}
	if in.Detach {
		if err := checkDetach(s, in); err != nil {
			return nil, err
		}
	}
	req, err := pr.Request(s)
	if err != nil {
		return nil, err
	}
	if in.Registered != nil {
		if err := in.Registered.same(req, ""); err != nil {
			return nil, err
		}
	}
	if err := req.TierOffered(s); err != nil {
		return nil, err
	}
	if err := pr.SameBody(s, req); err != nil {
		return nil, err
	}
	if err := req.JobsKnown(s); err != nil {
		return nil, err
	}
	if warning := req.Unlisted(s); warning != "" {
		pr.Say("warning: %s", warning)
	}
	if err := readable(in.Known); err != nil {
		return nil, err
	}
	if err := ReadableAgain(in.Sources); err != nil {
		return nil, err
	}
	// A missing file is reported before a directory is made. Standard input is opened when the run reads it.
	if named := slices.DeleteFunc(slices.Clone(in.Sources), func(arg string) bool { return arg == "-" }); len(named) > 0 {
		if _, err := pr.OpenSources(ctx, s, named, in.Records); err != nil {
			return nil, err
		}
	}
	if in.Records {
		return req, nil
	}
	return req, pr.checkTexts(ctx, s, req, in.Sources)
}

// checkTexts refuses a prompt, fields or documents from which no record can be made.
func (pr *Program) checkTexts(ctx context.Context, s *config.Settings, req *Request, sources []string) error {
	if err := errors.Join(pr.CheckPrompt(req), pr.CheckFields(ctx, s, sources)); err != nil {
		return err
	}
	if err := pr.CheckDocuments(ctx, s, req, sources); err != nil {
		return err
	}
	pr.SayFilled(s, req)
	return nil
}

// readable refuses a file of answers that cannot be read. An empty path is none.
func readable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read known answers", Subject: path, Err: err,
			Hint: "name a file of answers with --known FILE, or omit --known",
		}
	}
	return nil
}
