package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config/clientenv"
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
		Long: `Local serves S3, Bedrock's jobs and on-demand calls, and the parts of IAM, STS and Service
Quotas that a job needs, on one port and with AWS's own protocols.

With a COMMAND, it starts the stand-in on a free port, runs the command with the variables that
direct unchanged AWS clients to it, stops, and exits with the code of the command.

With --detach, it starts the stand-in in the background and prints those variables. If it does not
start, it prints variables that lead nowhere, so that no later command reaches AWS:

  eval "$(quarry local --detach)"
  aws s3 ls
  quarry local --stop

In other shells:

  # fish
  quarry local --detach --shell fish | source
  # PowerShell
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
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "run", Subject: args[0], Err: errors.New("put -- before the command"),
					Hint: "quarry local -- " + strings.Join(args, " "),
				}
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
	f.StringArrayVar(&cfg.Backends, "backend", []string{"extractive"},
		"`BACKEND` that answers: extractive, echo, openai=URL or anthropic=URL (repeatable)")
	f.StringVar(&cfg.BackendModel, "backend-model", "", "`NAME` of the model at the back end")
	f.StringVar(&o.keyEnv, "backend-key-env", "", "environment variable `VAR` with the key of the back end")
	f.DurationVar(&cfg.BackendWait, "backend-wait", 0,
		"`DURATION` to wait for a back end that is down: at the start (0 = fail at once) and later (0 = one minute)")
	f.IntVar(&cfg.Concurrency, "concurrency", 0, "at most `N` calls at once; default: 64")
	f.DurationVar(&cfg.StateDelay, "state-delay", 200*time.Millisecond, "`DURATION` of each of the states Submitted, Validating and Scheduled")
	f.StringVar(&cfg.Fault, "fault", "", "`FAULT`s to inject, as name=probability, separated by commas: "+faultNames)
	standinTestFlags(f, cfg)
	standinSeedFlag(cmd, cfg)
	standinTLSFlags(cmd, cfg)
	f.StringVar(&cfg.Events, "events", "",
		"send EventBridge events of job changes to `WHERE`: a file, the URL of a webhook, or sqs=URL of a queue")
	f.StringVar(&cfg.KeysFile, "keys", "", "`FILE` with lines of \"id secret [account]\" or \"bearer token [account]\", mode 0600")
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

// localMode does what the flags of quarry local say.
func (a *App) localMode(cmd *cobra.Command, args []string, o *localOptions) error {
	withCommand := cmd.ArgsLenAtDash() >= 0
	if !slices.Contains(clientenv.Shells(), o.shell) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read", Subject: "flag --shell", Err: fmt.Errorf("%q is not known", o.shell),
			Hint: "one of " + strings.Join(clientenv.Shells(), ", "),
		}
	}
	switch {
	case withCommand && (o.detach || o.stop) || o.detach && o.stop:
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "local", Err: errors.New("--detach, --stop and a command exclude each other"),
			Hint: "see: quarry local --help",
		}
	case withCommand && len(args) == 0:
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "local", Err: errors.New("there is no command after --"), Hint: "quarry local -- aws s3 ls",
		}
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
		return "write lines of \"id secret\" to a file that only you can read and name it with --keys FILE, or listen on 127.0.0.1"
	}
	return "see: quarry local --help"
}
