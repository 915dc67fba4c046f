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

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/clientenv"
	"quarry/internal/compose"
	"quarry/internal/effect"
	"quarry/internal/standin"
)

// localOptions are the flags of quarry local.
type localOptions struct {
	cfg            standin.Config
	keyEnv, shell  string
	detach, stop   bool
	detached, addr bool // started by --detach; the address was named
}

func (a *App) localCommand() *cobra.Command {
	var o localOptions
	cmd := &cobra.Command{
		Use:   "local [-- COMMAND ARGS…]",
		Short: "Serve the stand-in for S3, Bedrock, IAM, STS and Service Quotas",
		Long: `Local serves S3, Bedrock batch inference, Bedrock runtime, and the parts of IAM, STS and Service
Quotas that a job needs, on one port and with AWS's own protocols.

With a COMMAND, it starts the stand-in on a free port, runs the command with the variables that
direct unchanged AWS clients to it, stops, and exits with the code of the command.

With --detach, it starts the stand-in in the background and prints those variables. If it does not
start, it prints variables that lead nowhere, so that no later command reaches AWS:

  eval "$(quarry local --detach)"
  aws s3 ls
  quarry local --stop

In other shells:

  quarry local --detach --shell fish | source
  quarry local --detach --shell powershell | Out-String | Invoke-Expression

Without either, it prints the variables and serves until Ctrl-C.

The back end extractive (the default) answers with sentences of the article itself and does not
claim to be another model. openai=URL and anthropic=URL pass requests to your own server, such as
vLLM, llama.cpp or Ollama.

Local listens on loopback. Another address needs your own keys (--keys).

Exit codes: 0 done · 2 usage · 4 and 6 a back end refuses the key or cannot be reached · 7 the
directory is in use · 130 interrupted; with a COMMAND, its exit code`,
		Example: `  quarry local -- aws s3 ls
  quarry local --detach --shell fish
  quarry local --stop`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at > 0 || at < 0 && len(args) > 0 {
				return &quarry.Error{Kind: quarry.BadUsage, Op: "run", Subject: args[0], Err: errors.New("a command follows --"), Hint: "quarry local -- " + strings.Join(args, " ")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.addr = cmd.Flags().Changed("addr")
			return a.localMode(cmd, args, &o)
		},
	}
	f, cfg := cmd.Flags(), &o.cfg
	f.StringVar(&cfg.Addr, "addr", "127.0.0.1:4566", "`HOST:PORT` to listen on; with a COMMAND, the default is a free port")
	f.StringVar(&cfg.Dir, "dir", "quarry-local", "`DIR` for the data")
	f.BoolVar(&o.detach, "detach", false, "print the variables and keep serving in the background")
	f.BoolVar(&o.stop, "stop", false, "stop the stand-in that serves the data directory")
	f.StringVar(&o.shell, "shell", "sh", "`SHELL` that the variables are printed for: "+strings.Join(clientenv.Shells(), ", "))
	f.BoolVar(&o.detached, "detached", false, "")
	_ = f.MarkHidden("detached") // it exists: it was made a line above
	f.StringArrayVar(&cfg.Backends, "backend", []string{"extractive"}, "`BACKEND` that answers: extractive, echo, openai=URL or anthropic=URL (repeatable)")
	f.StringVar(&cfg.BackendModel, "backend-model", "", "`NAME` of the model at the back end")
	f.StringVar(&o.keyEnv, "backend-key-env", "", "environment variable `VAR` with the key of the back end")
	f.DurationVar(&cfg.BackendWait, "backend-wait", 0, "`DURATION` to wait for a back end that is down: at the start (0 = fail at once) and later (0 = one minute)")
	f.IntVar(&cfg.Concurrency, "concurrency", 0, "at most `N` calls at once; default: 64")
	f.DurationVar(&cfg.StateDelay, "state-delay", 200*time.Millisecond, "`DURATION` of each of the states Submitted, Validating and Scheduled")
	f.StringVar(&cfg.Fault, "fault", "", "`FAULT`s to inject, as name=probability, separated by commas: "+faultNames)
	standinTestFlags(f, cfg)
	standinTLSFlags(cmd, cfg)
	f.StringVar(&cfg.Events, "events", "", "send EventBridge events of job changes to `WHERE`: a file, the URL of a webhook, or sqs=URL of a queue")
	f.StringVar(&cfg.KeysFile, "keys", "", "`FILE` with lines of \"id secret\" or \"bearer token\", mode 0600")
	f.StringVar(&cfg.QuotasFile, "quotas", "", "`FILE` with the quotas that the stand-in enforces and serves")
	for _, name := range []string{"backend-model", "backend-key-env", "backend-wait", "concurrency", "state-delay", "addr"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	complete(cmd, "dir", folders)
	complete(cmd, "shell", words(clientenv.Shells()...))
	complete(cmd, "backend", words("extractive", "echo", "openai=", "anthropic="))
	complete(cmd, "fault", faultWords)
	complete(cmd, "quotas", files("json"))
	return cmd
}

const faultNames = "lost-reply, throttle, no-capacity, server-error, record-error, bad-json, truncate, drop-record, duplicate-record, fail-job, partial, expire, shuffle, lost-create, late-job, double-page, no-structured, expired-token, unreachable, stream-error, slow=D, seed=N"

// localMode does what the flags of quarry local say.
func (a *App) localMode(cmd *cobra.Command, args []string, o *localOptions) error {
	withCommand := cmd.ArgsLenAtDash() >= 0
	if !slices.Contains(clientenv.Shells(), o.shell) {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: "flag --shell", Err: fmt.Errorf("%q is not known", o.shell), Hint: "one of " + strings.Join(clientenv.Shells(), ", ")}
	}
	switch {
	case withCommand && (o.detach || o.stop) || o.detach && o.stop:
		return &quarry.Error{Kind: quarry.BadUsage, Op: "local", Err: errors.New("--detach, --stop and a command exclude each other"), Hint: "see: quarry local --help"}
	case withCommand && len(args) == 0:
		return &quarry.Error{Kind: quarry.BadUsage, Op: "local", Err: errors.New("no command follows --"), Hint: "quarry local -- aws s3 ls"}
	case o.stop:
		return a.stopLocal(cmd.Context(), o.cfg.Dir)
	}
	if o.keyEnv != "" {
		key, ok := a.Env(o.keyEnv)
		if !ok {
			return compose.BadSetting("backend-key-env", fmt.Errorf("the variable %s is not set", o.keyEnv))
		}
		o.cfg.BackendKey = key
	}
	if withCommand && !o.addr {
		o.cfg.Addr = "127.0.0.1:0"
	}
	if err := o.cfg.Validate(); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Err: err, Hint: localHint(err)}
	}
	if o.cfg.StateDelay == 0 {
		o.cfg.StateDelay = time.Nanosecond // 0 was asked for, and 0 means the default
	}
	switch {
	case withCommand:
		return a.localCommandIn(cmd.Context(), o, args)
	case o.detach:
		return a.detachLocal(cmd.Context(), o)
	}
	return a.local(cmd.Context(), o)
}

// localHint is the way out of settings that the stand-in refuses.
func localHint(err error) string {
	if errors.Is(err, standin.ErrNeedsKeys) {
		return "write lines \"id secret\" to a file that only you can read, and name it: --keys FILE; or listen on 127.0.0.1"
	}
	return "see: quarry local --help"
}

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
		return "name a free port of this machine with --addr; 127.0.0.1:0 takes any"
	case o.cfg.KeysFile != "" && strings.Contains(err.Error(), o.cfg.KeysFile+":"):
		return "name a file of lines \"id secret\" that only this user can read with --keys"
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
		vars.Set = append(vars.Set, clientenv.Var{Name: "AWS_CA_BUNDLE", Value: s.authority}, clientenv.Var{Name: "NODE_EXTRA_CA_CERTS", Value: s.authority})
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
