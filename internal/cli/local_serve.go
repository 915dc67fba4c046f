package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/config/clientenv"
	"quarry/internal/standin"
)

// local serves until ctx ends.
func (a *App) local(ctx context.Context, o *localOptions) (err error) {
	if !a.quiet {
		o.cfg.Log = slog.New(slog.NewTextHandler(a.Stderr, nil))
	}
	served, err := a.serve(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.close(ctx)) }()
	lines, err := served.vars((&exec.Cmd{}).Environ()).Lines(o.shell, false)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(a.Stdout, lines); err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	if stdout, ok := a.Stdout.(io.Closer); ok && o.detached {
		if err := stdout.Close(); err != nil { // the end is what --detach waits for
			return fmt.Errorf("close stdout: %w", err)
		}
	}
	a.say("serving at %s, data in %s; stop with Ctrl-C or: quarry local --stop%s", served.url, o.cfg.Dir, dirFlag(o.cfg.Dir))
	<-ctx.Done()
	return nil
}

// dirFlag is the flag that names a data directory, where it is not the default.
func dirFlag(dir string) string {
	if dir == "quarry-local" {
		return ""
	}
	return " --dir " + dir
}

// serving is a stand-in at work, with its directory locked.
type serving struct {
	server          *standin.Server
	open            compose.Closers
	url, id, secret string
	authority       string // file of the certificate that clients must trust; empty where they need none
}

// serve starts a stand-in on a directory that no other one serves. It listens when serve returns.
func (a *App) serve(ctx context.Context, o *localOptions) (_ *serving, err error) {
	s := &serving{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.open.Close())
		}
	}()
	e := effect.New(nil)
	if err := checkLocalDir(o.cfg.Dir); err != nil {
		return nil, err
	}
	release, err := e.Lock(o.cfg.Dir)
	if errors.Is(err, effect.ErrLocked) {
		return nil, &quarry.Error{
			Kind: quarry.Locked, Op: "start", Subject: o.cfg.Dir, Err: errors.New("another stand-in serves this directory"),
			Hint: "stop it with: quarry local --stop" + dirFlag(o.cfg.Dir) + "; or name another directory with --dir",
		}
	}
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "start", Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	s.open.Add(release)
	o.cfg.CheckBackends = true
	o.cfg.Notice = func(text string) { a.say("%s", text) }
	s.server, err = standin.Start(ctx, o.cfg)
	if q, ok := errors.AsType[*quarry.Error](err); ok {
		return nil, q
	}
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Err: err, Hint: startHint(o, err)}
	}
	s.url = s.server.URL()
	s.id, s.secret = s.server.Keys()
	if o.cfg.TLSSelfSigned {
		if s.authority, err = o.cfg.CAFile(); err != nil {
			return nil, errors.Join(err, s.server.Close(ctx))
		}
	}
	return s, nil
}

// startHint is the way out of a stand-in that does not start: the file, the port or the directory that it could not use.
func startHint(o *localOptions, err error) string {
	var network *net.OpError
	switch {
	case errors.As(err, &network):
		return "name a free port of this machine with --addr; 127.0.0.1:0 takes any free port"
	case o.cfg.KeysFile != "" && strings.Contains(err.Error(), o.cfg.KeysFile+":"):
		return "name a file with lines of \"id secret\" with --keys; only this user may be able to read it"
	case o.cfg.SeedFile != "" && strings.Contains(err.Error(), o.cfg.SeedFile):
		return "correct the file of --seed-state; docs/stand-in.md has an example"
	case o.cfg.QuotasFile != "" && strings.Contains(err.Error(), o.cfg.QuotasFile+":"):
		return `name a JSON file with --quotas, such as {"*": {"min_records": 10}}`
	}
	return "name a directory that you can write to with --dir, and a free port with --addr"
}

// vars are the variables by which clients find the stand-in.
func (s *serving) vars(present []string) clientenv.Vars {
	vars := clientenv.For(s.url, s.id, s.secret, account.DefaultRegion, present)
	if s.authority != "" { // the CLI and the SDKs read the first, Node the second
		vars.Unset = slices.DeleteFunc(slices.Clone(vars.Unset), func(name string) bool { return name == "AWS_CA_BUNDLE" })
		vars.Set = append(vars.Set, clientenv.Var{Name: "AWS_CA_BUNDLE", Value: s.authority},
			clientenv.Var{Name: "NODE_EXTRA_CA_CERTS", Value: s.authority})
	}
	return vars
}

// close ends the stand-in. Jobs continue when it starts again.
func (s *serving) close(ctx context.Context) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.server.Close(stop)
	if err != nil {
		err = fmt.Errorf("stop: %w", err)
	}
	return errors.Join(err, s.open.Close())
}

// logPath is where a stand-in without a terminal of its own writes what it has to say.
func logPath(dir string) string { return filepath.Join(dir, "local.log") }
