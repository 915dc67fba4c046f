package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/compose"
	"quarry/internal/standin"
)

func (a *App) localCommand() *cobra.Command {
	cfg := standin.Config{}
	var keyEnv string
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Serve the stand-in: S3, Bedrock batch, Bedrock runtime and what set-up needs of IAM, STS and Service Quotas, on one port",
		Long: `Local serves S3, Bedrock batch inference, Bedrock runtime and the parts of IAM, STS and Service
Quotas that a job needs, on one port, in AWS's own wire. Unchanged AWS clients use it with what it
prints on stdout when it starts:

  quarry local > local.env &
  . ./local.env
  aws s3 ls

The backend extractive (the default) gives sentences of the article itself and never pretends to be
another model. openai=URL and anthropic=URL put a server of yours behind it: vLLM, llama.cpp, Ollama.

It binds to loopback; other addresses need keys of your own (--keys).

Exit codes: 0 done · 2 usage · 130 interrupted`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keyEnv != "" {
				key, ok := a.Env(keyEnv)
				if !ok {
					return compose.BadSetting("backend-key-env", fmt.Errorf("the variable %s is not set", keyEnv))
				}
				cfg.BackendKey = key
			}
			return a.local(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Addr, "addr", "127.0.0.1:4566", "`HOST:PORT` to listen on")
	f.StringVar(&cfg.Dir, "dir", "quarry-local", "data directory")
	f.StringArrayVar(&cfg.Backends, "backend", []string{"extractive"}, "extractive, echo, openai=`URL` or anthropic=URL (repeatable)")
	f.StringVar(&cfg.BackendModel, "backend-model", "", "the model's name at the backend")
	f.StringVar(&keyEnv, "backend-key-env", "", "name of the `VAR`iable that holds the backend's key")
	f.IntVar(&cfg.Concurrency, "concurrency", 0, "records in flight at once (default 64)")
	f.DurationVar(&cfg.StateDelay, "state-delay", 200*time.Millisecond, "time in each of Submitted, Validating, Scheduled")
	f.StringVar(&cfg.Fault, "fault", "", "faults to draw, `k=v,…`: "+faultNames)
	standinTestFlags(f, &cfg)
	f.StringVar(&cfg.KeysFile, "keys", "", "`FILE` of lines \"id secret\" or \"bearer token\", mode 0600")
	f.StringVar(&cfg.QuotasFile, "quotas", "", "`FILE` with the table that Service Quotas serves")
	for _, name := range []string{"backend-model", "backend-key-env", "concurrency", "state-delay", "addr"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	complete(cmd, "dir", folders)
	complete(cmd, "backend", words("extractive", "echo", "openai=", "anthropic="))
	complete(cmd, "fault", faultWords)
	complete(cmd, "quotas", files("json"))
	return cmd
}

const faultNames = "lost-reply, throttle, no-capacity, server-error, record-error, bad-json, truncate, drop-record, duplicate-record, fail-job, partial, expire, shuffle, lost-create, late-job, double-page, no-structured, expired-token, unreachable, stream-error, slow=D, seed=N"

func (a *App) local(ctx context.Context, cfg standin.Config) error {
	if err := cfg.Validate(); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Err: err, Hint: "see: quarry local --help"}
	}
	if !a.quiet {
		cfg.Log = slog.New(slog.NewTextHandler(a.Stderr, nil))
	}
	if cfg.StateDelay == 0 {
		cfg.StateDelay = time.Nanosecond // 0 was asked for, and 0 means the default
	}
	cfg.Ready = func(url, id, secret string) {
		fmt.Fprintf(a.Stdout, "export AWS_ENDPOINT_URL=%s\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_REGION=%s\n", url, id, secret, account.DefaultRegion)
		// boto3 and the first version of the AWS CLI read the Region here alone (boto/boto3 #3338).
		fmt.Fprintf(a.Stdout, "export AWS_DEFAULT_REGION=%s\n", account.DefaultRegion)
	}
	server, err := standin.Start(ctx, cfg)
	if err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Err: err, Hint: "name a free port with --addr and a directory that you can write to with --dir"}
	}
	a.say("serving at %s, data in %s; stop with Ctrl-C", server.URL(), cfg.Dir)
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Close(stop); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
