package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
	"quarry/internal/run/remarks"
	"quarry/internal/run/state"
)

// A run whose ledger is in Postgres has its files in its bucket. The process that works on it has a copy in its run directory; a command
// that reads it makes a copy of what it needs. Nothing of the ledger names a command, a variable, or a path of this machine.

// checkShared refuses a run in Postgres whose files would be lost with this process.
func checkShared(s *config.Settings) error {
	if err := checkFiles(s); err != nil {
		return err
	}
	if s.Ledger == "" {
		if s.Run == "" {
			return nil
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Err: errors.New("--run names a run of a ledger in Postgres, and none is named"),
			Hint: "add --ledger postgres://USER@HOST/NAME, or omit --run: a run without a ledger is the one in --dir",
		}
	}
	if s.Target == "aws" {
		_, err := ledger.ParseAddress(s.Ledger)
		return err
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "run", Err: errors.New("--ledger needs --target aws: the stand-in of --target local, and the files in its bucket, end with this process"),
		Hint: "add --target aws (with AWS_ENDPOINT_URL of a `quarry local`, it is free), or omit --ledger",
	}
}

// own takes a run in Postgres for this process, and makes dir the copy of its files: the run that s names, else the one whose copy dir is, else a new
// one. While the process has the run, a request to stop it becomes the file that package life looks for.
func (pr *Program) own(ctx context.Context, s *config.Settings, deps *run.Deps, dir string, where *Provider, c *Closers) (quarry.RunID, error) {
	id, err := ownID(ctx, s, deps.Effects, dir)
	if err == nil {
		err = state.Check(dir, id) // before the ledger knows of the run
	}
	if err != nil {
		return "", err
	}
	r, err := runner.Open(ctx, deps.Effects, s.Ledger, id)
	if err != nil {
		return "", err
	}
	c.Add(r.Close)
	head, err := book.Of(r.Ledger).Head(ctx)
	if err != nil {
		return "", err
	}
	if head.Run != "" && head.Bucket != where.Bucket.Name() {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: string(id), Err: fmt.Errorf("its files are in the bucket %s, and this command names %s", head.Bucket, where.Bucket.Name()),
			Hint: "name the bucket of the run with --bucket, and its Region with --region " + head.Region,
		}
	}
	files, err := state.Open(ctx, state.Config{Effects: deps.Effects, Dir: dir, Run: id, Bucket: where.Bucket, Ledger: r.Ledger})
	if err != nil {
		return "", err
	}
	c.Add(func() error {
		if r.Held() != nil { // another process may have the run: it is the one to write
			return nil
		}
		return files.Close(context.WithoutCancel(ctx))
	})
	alive, end := r.While(ctx)
	c.Add(func() error { end(); return nil })
	go obey(alive, deps.Effects, r.Ledger, filepath.Join(dir, life.StopRequest))
	deps.Ledger, deps.Commit, deps.While = r.Ledger, r.Ledger.SaveFiles, r.While
	deps.Review = &remarks.Remarks{Ledger: r.Ledger, Effects: deps.Effects, Address: s.Ledger, Run: id, Bucket: where.Bucket, Dir: dir}
	pr.Say("%-10s run %s in %s", "ledger", id, shown(s.Ledger))
	return id, nil
}

// ownID gives the id of the run that a command works on.
func ownID(ctx context.Context, s *config.Settings, e *effect.Effects, dir string) (quarry.RunID, error) {
	if s.Run != "" {
		l, err := ledger.ReadPostgres(ctx, e, s.Ledger, s.Run) // a mistyped id makes no run
		if err != nil {
			return "", err
		}
		return s.Run, l.Close()
	}
	id, err := state.Marked(dir)
	if err == nil && id == "" {
		id = quarry.NewRunID()
	}
	return id, err
}

// obey looks once a second for a request to stop. A look that fails is none: if the ledger is gone for longer, the lock is lost too.
func obey(ctx context.Context, e *effect.Effects, l *ledger.Ledger, request string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if stop, err := l.AskedToStop(ctx); err != nil || !stop {
			continue
		}
		f, err := e.Create(request)
		if err == nil && f.Close() == nil {
			return
		}
	}
}

// shown is an address as messages name it.
func shown(address string) string {
	to, err := ledger.ParseAddress(address)
	if err != nil {
		return "its ledger"
	}
	return to.String()
}

// Shared is a run in Postgres that a command reads.
type Shared struct {
	Dir  string // of the copies that Copy makes; it is removed when the command ends
	Name string // of the place, for messages

	address string
	effects *effect.Effects
	cfg     state.Config // without a bucket: the run has no files yet

	followed *followed // nil: the files are copied once
}

// followed is what is known of a run whose files are copied again and again.
type followed struct {
	mu      sync.Mutex
	have    map[string]string // the object of each copy
	remarks *remarks.Remarks
}

// OpenShared finds the run that s names in its ledger, to read it; else the one whose copy its directory is. The bucket and its Region are what the ledger says.
func (pr *Program) OpenShared(ctx context.Context, s *config.Settings, c *Closers) (_ *Shared, err error) {
	if s.Run == "" {
		if s.Run, err = state.Marked(s.Dir); err != nil {
			return nil, err
		}
	}
	if s.Run == "" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Err: errors.New("a ledger in Postgres has many runs, and none is named"),
			Hint: "name one with --run ID; `quarry runs` lists them. Without --run it is the one of --dir, on the machine that works on it",
		}
	}
	e := effect.New(nil)
	l, err := ledger.ReadPostgres(ctx, e, s.Ledger, s.Run)
	if err != nil {
		return nil, err
	}
	c.Add(l.Close)
	head, err := book.Of(l).Head(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := e.TempDir("")
	if err != nil {
		return nil, err
	}
	c.Add(func() error { return e.RemoveAll(dir) })
	release, err := e.Lock(dir) // says that the directory is a run's
	if err == nil {
		err = release()
	}
	sh := &Shared{
		Dir: dir, Name: shown(s.Ledger), address: s.Ledger, effects: e, cfg: state.Config{Effects: e, Dir: dir, Run: s.Run, Ledger: l},
	}
	if err != nil {
		return nil, err
	}
	return sh, sh.openBucket(ctx, s, &head, c)
}

// openBucket gives the run its bucket, if it has one.
func (sh *Shared) openBucket(ctx context.Context, s *config.Settings, head *book.Head, c *Closers) error {
	if head.Bucket == "" {
		return nil
	}
	client := sh.effects.HTTPClient(effect.HTTPConfig{})
	c.Add(func() error { client.CloseIdleConnections(); return nil })
	aws, err := account.Load(ctx, account.Config{HTTP: client, Profile: s.Profile, Effects: sh.effects, Region: head.Region})
	if err != nil {
		return err
	}
	sh.cfg.Bucket = bucket.New(aws, head.Bucket)
	return nil
}

// FollowShared gives a run in Postgres that pages show for long: its files are copied into a directory, again where they were replaced, and no
// connection stays open. A run that has not begun is nil.
func (pr *Program) FollowShared(ctx context.Context, s *config.Settings, id quarry.RunID, dir string, c *Closers) (*Shared, error) {
	e := effect.New(nil)
	sh := &Shared{
		Dir: dir, Name: shown(s.Ledger), address: s.Ledger, effects: e, cfg: state.Config{Effects: e, Dir: dir, Run: id},
		followed: &followed{have: map[string]string{}},
	}
	l, err := sh.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	head, err := book.Of(l).Head(ctx)
	if err := errors.Join(err, l.Close()); err != nil || head.Run == "" || head.Bucket == "" {
		return nil, err
	}
	if err := errors.Join(e.MkdirAll(dir), sh.openBucket(ctx, s, &head, c)); err != nil {
		return nil, err
	}
	sh.followed.remarks = &remarks.Remarks{Open: sh.Ledger, Effects: e, Address: s.Ledger, Run: id, Bucket: sh.cfg.Bucket, Dir: dir}
	return sh, nil
}

// LedgerRuns gives the ids of the runs in the ledger of the settings.
func LedgerRuns(ctx context.Context, s *config.Settings) ([]quarry.RunID, error) {
	return ledger.Runs(ctx, effect.New(nil), s.Ledger)
}

// SharedRun is a run in Postgres of which a command reads the ledger only.
func SharedRun(s *config.Settings, id quarry.RunID) *Shared {
	return &Shared{Name: shown(s.Ledger), address: s.Ledger, effects: effect.New(nil), cfg: state.Config{Run: id}}
}

// Copy makes copies of the files that want takes and that are not copied yet.
func (sh *Shared) Copy(ctx context.Context, want func(name string) bool) error {
	if sh.cfg.Bucket == nil {
		return nil
	}
	if sh.followed == nil {
		return state.Copy(ctx, &sh.cfg, want)
	}
	sh.followed.mu.Lock()
	defer sh.followed.mu.Unlock()
	l, err := sh.Ledger(ctx)
	if err != nil {
		return err
	}
	cfg := sh.cfg
	cfg.Ledger = l
	return errors.Join(state.Follow(ctx, &cfg, sh.followed.have, want), l.Close())
}

// Ledger opens the run's ledger to read it.
func (sh *Shared) Ledger(ctx context.Context) (*ledger.Ledger, error) {
	return ledger.ReadPostgres(ctx, sh.effects, sh.address, sh.cfg.Run)
}

// Remarks is what people say of the run, by a ledger of it that is open; nil: the one that OpenShared opened.
func (sh *Shared) Remarks(l *ledger.Ledger) *remarks.Remarks {
	if l == nil {
		if sh.followed != nil {
			return sh.followed.remarks
		}
		l = sh.cfg.Ledger
	}
	return &remarks.Remarks{Ledger: l, Effects: sh.effects, Address: sh.address, Run: sh.cfg.Run, Bucket: sh.cfg.Bucket, Dir: sh.Dir}
}

// Run is the id of the run.
func (sh *Shared) Run() quarry.RunID { return sh.cfg.Run }

// Held reports whether a process works on the run.
func (sh *Shared) Held(ctx context.Context) (bool, error) {
	who, err := runner.Holders(ctx, sh.address, sh.cfg.Run)
	return len(who) > 0, err
}

// AskToStop asks the process that works on the run to stop.
func (sh *Shared) AskToStop(ctx context.Context) error {
	return ledger.AskToStop(ctx, sh.effects, sh.address, sh.cfg.Run)
}

// readLedger opens the ledger of the run of settings to read it: in Postgres, or in a directory.
func readLedger(ctx context.Context, s *config.Settings, dir string) (*ledger.Ledger, error) {
	e := effect.New(nil)
	if s.Ledger != "" {
		return ledger.ReadPostgres(ctx, e, s.Ledger, s.Run)
	}
	if id, err := state.Marked(dir); err != nil || id != "" {
		return nil, cmp.Or(err, LedgerLost(dir))
	}
	return ledger.OpenReadOnly(ctx, e, filepath.Join(dir, "ledger.db"))
}

// FollowedLedger opens the ledger of a run that is followed, once the copies of its files are as new as it is. Raw output is left to Fetch.
func (sh *Shared) FollowedLedger(ctx context.Context) (*ledger.Ledger, error) {
	err := sh.Copy(ctx, func(name string) bool {
		top, _, _ := strings.Cut(name, "/")
		return top != "raw" && top != "shards" && top != "report.html"
	})
	if err != nil {
		return nil, err
	}
	return sh.Ledger(ctx)
}

// Fetch copies what is below a path in the directory.
func (sh *Shared) Fetch(ctx context.Context, path string) error {
	below, err := filepath.Rel(sh.Dir, path)
	if err != nil {
		return err
	}
	below = filepath.ToSlash(below)
	return sh.Copy(ctx, func(name string) bool { return name == below || strings.HasPrefix(name, below+"/") })
}

// Temporary makes a directory for copies, and gives the function that removes it.
func Temporary() (dir string, remove func() error, err error) {
	e := effect.New(nil)
	dir, err = e.TempDir("")
	return dir, func() error { return e.RemoveAll(dir) }, err
}
