package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/atomicfile"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/catalog"
	"quarry/internal/clean"
	"quarry/internal/config"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/parse"
	"quarry/internal/prompt"
	"quarry/internal/quotas"
	"quarry/internal/run"
	"quarry/internal/setup"
	"quarry/internal/source"
	"quarry/internal/standin"
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

// asking is what decides what is asked of the model, put together from the settings.
type asking struct {
	model    catalog.Model
	prompt   prompt.Config
	renderer *prompt.Renderer
	checker  *parse.Checker
	clean    clean.Config
	settings string // digest of all of it
}

func (a *App) asking(s *config.Settings) (*asking, error) {
	model, _, known := catalog.Find(s.Model)
	if !known && !strings.HasPrefix(s.Model, "arn:") && s.Target == "local" {
		hint := "see the model ids at https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html"
		if near := catalog.Suggest(s.Model); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "use model", Subject: s.Model, Err: errors.New("not known"), Hint: hint}
	}
	p := prompt.Config{
		Model: s.Model, Type: quarry.InvocationType(s.Prompt.InvocationType), System: s.Prompt.System, NoSystem: s.Prompt.NoSystem, User: s.Prompt.User,
		MaxTokens: s.Prompt.MaxTokens, Temperature: s.Prompt.Temperature, NoTemperature: s.Prompt.NoTemperature, TopP: s.Prompt.TopP,
		StopSequences: s.Prompt.StopSequences, FreeText: s.Prompt.FreeText, Schema: []byte(s.Prompt.Schema),
		Refused: func(field string) bool { return known && model.Takes(catalog.Field(field)) == catalog.No },
	}
	renderer, err := prompt.New(p)
	if err != nil {
		return nil, badSetting("prompt", err)
	}
	checker, err := parse.New(parse.Config{Schema: renderer.Schema()})
	if err != nil {
		return nil, badSetting("prompt.schema", err)
	}
	c, err := cleanConfig(s)
	if err != nil {
		return nil, badSetting("clean", err)
	}
	digest, err := settingsDigest(s, p, c)
	if err != nil {
		return nil, err
	}
	return &asking{model: model, prompt: p, renderer: renderer, checker: checker, clean: c, settings: digest}, nil
}

func badSetting(name string, err error) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "use setting", Subject: name, Err: err, Hint: "`quarry config` prints every setting, its value and where it came from"}
}

// settingsDigest tells whether two commands ask the same of the same text.
func settingsDigest(s *config.Settings, p prompt.Config, c clean.Config) (string, error) {
	p.Refused = nil
	b, err := json.Marshal(map[string]any{
		"model": s.Model, "system": p.System, "no_system": p.NoSystem, "user": p.User, "type": p.Type, "max_tokens": p.MaxTokens, "temperature": p.Temperature,
		"no_temperature": p.NoTemperature, "top_p": p.TopP, "stop_sequences": p.StopSequences, "schema": string(p.Schema), "free_text": p.FreeText,
		"clean": c, "fields": s.Fields, "where": s.Where, "limit": s.Limit, "from": s.From, "mode": s.Mode,
	})
	if err != nil {
		return "", fmt.Errorf("digest of the settings: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// openSources opens what was named on the command line.
func (a *App) openSources(ctx context.Context, s *config.Settings, args []string, records bool) ([]source.Source, error) {
	cfg := source.Config{Fields: s.Fields, From: s.From, MaxItemBytes: s.MaxItemMiB << 20, Records: records, Stdin: a.Stdin}
	for _, w := range s.Where {
		c, err := source.ParseCondition(w)
		if err != nil {
			return nil, badSetting("where", err)
		}
		cfg.Where = append(cfg.Where, c)
	}
	if err := cfg.Validate(); err != nil {
		return nil, badSetting("source", err)
	}
	return source.Open(ctx, args, cfg)
}

// provider is where jobs run.
type provider struct {
	cfg      aws.Config
	identity account.Identity
	bucket   *bucket.Bucket
	bedrock  *bedrock.Client
	roleARN  string
	changed  []string
	quotas   *quotaRows // nil: not read yet
}

// openProvider starts the stand-in for target local, or finds the AWS account for target aws. Nothing is sent to AWS
// unless the target says so.
func (a *App) openProvider(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, c *closers) (*provider, error) {
	client := e.HTTPClient(effect.HTTPConfig{})
	c.add(func() error { client.CloseIdleConnections(); return nil })
	cfg := account.Config{HTTP: client, Profile: s.Profile, Effects: e}
	if len(s.Regions) > 1 {
		return nil, badSetting("region", errors.New("one Region at a time"))
	}
	if len(s.Regions) == 1 {
		cfg.Region = s.Regions[0]
	}
	if s.Target == "local" {
		fixed, err := a.startStandin(ctx, s, dir, c)
		if err != nil {
			return nil, err
		}
		cfg.Fixed = fixed
	}
	p := &provider{}
	var err error
	if p.cfg, err = account.Load(ctx, cfg); err != nil {
		return nil, err
	}
	if p.identity, err = account.WhoAmI(ctx, p.cfg); err != nil {
		return nil, err
	}
	name := s.Bucket
	if name == "" {
		name = fmt.Sprintf("quarry-%s-%s", p.identity.Account, p.cfg.Region)
	}
	p.bucket = bucket.New(p.cfg, name)
	p.bedrock = bedrock.New(p.cfg)
	p.roleARN = p.identity.RoleARN(s.Role)
	if s.Target == "local" { // what setup does on AWS when asked, since nothing here can cost or harm
		if err := p.bucket.Make(ctx); err != nil {
			return nil, err
		}
		if p.changed, err = setup.EnsureRole(ctx, p.cfg, s.Role, p.wants(s)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *provider) wants(s *config.Settings) setup.Wants {
	return setup.Wants{
		Account: setup.Account{ID: p.identity.Account, Partition: p.identity.Partition, Region: p.cfg.Region},
		Bucket:  p.bucket.Name(), Role: s.Role, Model: s.Model, KMSKey: s.KMSKey, ExpireDays: s.ExpireDays, KeepForever: s.ExpireDays == 0,
	}
}

// startStandin runs the stand-in inside this process, its data under the run directory.
func (a *App) startStandin(ctx context.Context, s *config.Settings, dir string, c *closers) (*account.FixedKeys, error) {
	key, err := a.backendKey(s)
	if err != nil {
		return nil, err
	}
	server, err := standin.Start(ctx, standin.Config{
		Dir: filepath.Join(dir, "local"), Backends: s.Backends, BackendModel: s.BackendName, BackendKey: key, Concurrency: s.Concurrency,
	})
	if err != nil {
		return nil, err
	}
	c.add(func() error { return server.Close(context.WithoutCancel(ctx)) })
	id, secret := server.Keys()
	return &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}, nil
}

// backendKey reads the backend's key from the variable whose name is the setting: a secret is never an argument.
func (a *App) backendKey(s *config.Settings) (string, error) {
	if s.BackendKey == "" {
		return "", nil
	}
	key, ok := a.Env(s.BackendKey)
	if !ok {
		return "", badSetting("backend-key-env", fmt.Errorf("the variable %s is not set", s.BackendKey))
	}
	return key, nil
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
func (a *App) wireRun(ctx context.Context, s *config.Settings, args []string, records bool, known string, c *closers, watch func(run.Event)) (*run.Run, error) {
	e := effect.New(nil)
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "run", Err: errors.New("no source named"), Hint: "name a file or folder: quarry run articles.jsonl"}
	}
	if records && len(s.Prompt.Schema) == 0 {
		s.Prompt.FreeText = true // what somebody else's records ask for is not known
	}
	ask, err := a.asking(s)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(args, "-") { // a name that does not exist is told before a directory is made
		if _, err := a.openSources(ctx, s, args, records); err != nil {
			return nil, err
		}
	}
	dir, err := openDir(e, s, c)
	if err != nil {
		return nil, err
	}
	readable, err := a.spool(ctx, e, dir, args)
	if err != nil {
		return nil, err
	}
	sources, err := a.openSources(ctx, s, readable, records)
	if err != nil {
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
	if s.Target == "aws" {
		cfg.Quotas = a.readQuotas(ctx, s, ask, where)
	}
	r := run.New(cfg, run.Deps{
		Effects: e, Ledger: book, Sources: sources, Bucket: where.bucket, Bedrock: where.bedrock, Watch: watch,
		Preflight: a.preflight(s, where, book), Confirm: a.confirm(s),
	})
	c.add(func() error { return r.Close(context.WithoutCancel(ctx)) })
	return r, nil
}

func (a *App) runConfig(s *config.Settings, ask *asking, where *provider, dir string, args []string) run.Config {
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	_, profile, _ := catalog.Find(s.Model)
	cfg := run.Config{
		Dir: dir, Sources: sourceNames(args), Settings: ask.settings, Local: s.Target == "local", Region: where.cfg.Region, Version: a.Version,
		Model: s.Model, MaxOutput: int(ask.model.MaxOutput), MaxTokens: maxTokens(ask), Family: ask.model.Family, Type: ask.prompt.Invocation(), Mode: quarry.Mode(s.Mode),
		RoleARN: where.roleARN, KMSKey: s.KMSKey, Tags: s.Tags, Quotas: ask.model.Quotas(profile),
		Pilot: s.Pilot, NoPilot: s.Pilot == 0, PilotMinValid: s.PilotMinValid, Attempts: s.Attempts, Limit: s.Limit, RefreshMax: s.RefreshMax, MaxUSD: s.MaxUSD,
		Rescue: s.Rescue, KeepShards: s.KeepShards, Workers: workers, Concurrency: s.Concurrency,
		Clean: ask.clean, Prompt: ask.renderer, Check: ask.checker, Prices: cost.Default(),
	}
	return cfg
}

// spool keeps what stdin gives, once: a run reads its sources more than once, and again when it is resumed.
func (a *App) spool(ctx context.Context, e *effect.Effects, dir string, args []string) ([]string, error) {
	out := slices.Clone(args)
	i := slices.Index(out, "-")
	if i < 0 {
		return out, nil
	}
	path := filepath.Join(dir, "index", "stdin.zst")
	out[i] = path
	if _, err := os.Stat(path); err == nil {
		a.say("stdin was kept when the run began; what stands there now is not read")
		return out, nil
	}
	if err := e.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if _, err := atomicfile.CopyZstd(e, path, ctxReader{ctx, a.Stdin}); err != nil {
		return nil, fmt.Errorf("keep stdin: %w", err)
	}
	return out, nil
}

// ctxReader stops reading when ctx ends. An end of the input that comes with an interruption is none: Ctrl-C ends the
// program that writes into the pipe as well, and half of what it had to say must not be kept for all of it.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	if errors.Is(err, io.EOF) {
		select {
		case <-r.ctx.Done():
		case <-time.After(100 * time.Millisecond): // both get the signal; ours may be told a moment later
		}
	}
	if r.ctx.Err() != nil {
		return n, context.Cause(r.ctx)
	}
	return n, err
}

// readQuotas asks the account for its quotas. Where it may not be asked, the dated table stands in, and that is said.
func (a *App) readQuotas(ctx context.Context, s *config.Settings, ask *asking, where *provider) quarry.Quotas {
	_, profile, _ := catalog.Find(s.Model)
	table := ask.model.Quotas(profile)
	rows, err := quotas.Read(ctx, where.cfg)
	where.quotas = &quotaRows{rows, err}
	if err != nil {
		a.say("quotas as in the %s, since the account's cannot be read: %v", table.Source, err)
		return table
	}
	return catalog.Merge(ask.model.ReadQuotas(rows, profile, "service quotas"), table)
}

// quotaRows is what Service Quotas answered.
type quotaRows struct {
	rows []catalog.QuotaRow
	err  error
}

// maxTokens is how long an answer may be, read from a body as it is sent.
func maxTokens(ask *asking) int {
	body, err := ask.renderer.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x")})
	if err != nil { // a template that wants more of a document than this one has
		return max(ask.prompt.MaxTokens, 4096)
	}
	return prompt.MaxTokens(body)
}

// sourceNames are the sources as the run remembers them: files by their whole path, so that the folder one stands in
// does not matter.
func sourceNames(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		if _, err := os.Stat(arg); err == nil {
			if abs, err := filepath.Abs(arg); err == nil {
				out[i] = abs
			}
		}
	}
	return out
}
