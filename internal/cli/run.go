package cli

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run"
)

// nearFlags are the settings that decide which texts count as nearly the same.
var nearFlags = []string{"near-duplicates", "near-threshold", "reuse-near-duplicates"}

// requestFlags are the settings that decide which texts are sent with which request.
var requestFlags = []string{
	"model", "limit", "long", "max-chars", "max-text-tokens", "from", "as", "body-format", "field", "where", "query", "source-key-env",
	"max-item-mib", "workers",
}

const knownHelp = "`FILE` of existing answers (JSONL or CSV with id and output, an export, or a job's .jsonl.out); skip those documents"

func (a *App) runCommand() *cobra.Command {
	var in compose.RunInput
	var replace bool
	var allow []string
	var to notifyFlags
	var addr string
	cmd := &cobra.Command{
		Use:   "run SOURCE…",
		Short: "Run the whole job, from the sources to results and a report",
		Long: `Run sends documents through the whole job: plan, preflight and pilot, then build, submit, watch,
collect and retry for each shard, then export and report. It writes results.jsonl, failed.jsonl,
report.json and report.html into the run directory. Rerun the same command to resume: documents
that have an answer are not sent again.

Sources are files (JSONL, JSON, CSV, Parquet, exports; plain, .gz, .zst), folders of Markdown, HTML
or text, databases (FILE.db, postgres://…, mysql://…), WordPress and Ghost sites, s3://BUCKET/PREFIX, or
- for standard input. Prompt, answer schema and cleaning rules are set in quarry.yaml (see quarry init).

With --ledger the run is in Postgres and its files are in the bucket: if this machine is lost, the
same command with --run ID continues on another one. It needs --target aws. With --detach, run plans,
checks, asks once, and leaves the rest to another process: it prints the id of the run and the command
that continues it. That command names no sources: --allow-source says which ones it may read.

Exit codes: 0 done · 2 usage · 3 an item could not be read, or a document ended invalid or failed ·
4 denied · 5 quota, cap or gate · 6 provider · 7 run locked · 130 interrupted`,
		Example: `  quarry run articles.jsonl                      # stand-in, no account needed
  quarry run articles.jsonl --target aws --yes   # on Amazon Bedrock
  quarry run --records batch.jsonl               # ready records, sent unchanged
  quarry run s3://corpus/2026/ --target aws --detach   # with QUARRY_LEDGER set`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			s.ReplaceSource, in.Sources = replace, args
			if err := a.registered(cmd.Context(), s, &in, allow); err != nil {
				return err
			}
			a.owned = new(atomic.Pointer[compose.Shared])
			stop, err := a.serveMetrics(cmd.Context(), addr, &s.Settings)
			if err != nil {
				return err
			}
			defer stop()
			return a.run(cmd.Context(), s, &in, &to)
		},
	}
	bind(cmd, append([]string{
		"dir", "files", "target", "mode", "pilot", "pilot-min-valid", "review", "attempts", "refresh-max", "max-usd", "by", "prices", "rescue", "below-minimum",
		"yes", "keep-shards", "region", "profile", "bucket", "role",
		"kms-key", "tag", "job-timeout", "vpc-subnets", "vpc-security-groups", "bucket-owner", "backend", "backend-model", "backend-key-env",
		"backend-wait", "cache", "concurrency",
	}, slices.Concat(requestFlags, nearFlags)...)...)
	bindLedger(cmd)
	to.bind(cmd)
	bindMetrics(cmd, &addr)
	a.bindLogFormat(cmd)
	cmd.Flags().BoolVar(&replace, "replace-source", false,
		"use these sources for the run in DIR from now on, as a new version of its old ones")
	cmd.Flags().BoolVar(&in.Detach, "detach", false, "plan, check and ask, then leave the run to another process; needs --ledger")
	cmd.Flags().StringArrayVar(&allow, "allow-source", nil,
		"with --run and no SOURCE: read sources that the ledger names if they begin with `PREFIX`, an s3:// prefix or an absolute directory (repeatable)")
	cmd.Flags().StringVar(&in.Known, "known", "", knownHelp)
	cmd.Flags().BoolVar(&in.Records, "records", false,
		"the sources are ready Bedrock JSONL: recordId is the document id; send modelInput unchanged")
	return cmd
}

func (a *App) run(ctx context.Context, s *config.Loaded, in *compose.RunInput, to *notifyFlags) (err error) {
	n, err := a.newNotices("run", to)
	if err != nil {
		return err
	}
	show := a.newProgress(ctx, &s.Settings)
	n.say = show.say
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	defer func() { show.log.end(err) }()
	var out run.Outcome
	defer func() { n.end(&out, err) }()
	in.Watch, in.Confirm, in.Opened = n.watch(show.event), n.asks(a.confirm(&s.Settings, show.pause)), n.opens(ctx, show.opens("run", s, &open))
	in.Owned = func(id quarry.RunID) { s.Run = id; a.owned.Store(compose.SharedRun(&s.Settings, id)) }
	r, err := a.parts().Run(ctx, s, in, &open)
	if err != nil {
		return err
	}
	if in.Detach {
		err = r.Register(ctx)
		show.close()
		if err != nil {
			return resumeHint(a.whyNone(ctx, &s.Settings, in.Sources, err), s.Dir)
		}
		return a.printRegistered(s, in.Sources)
	}
	out, err = r.Do(ctx)
	show.close()
	if err != nil {
		if a.json && show.pilot != nil { // no report, but a pilot to judge by
			err = errors.Join(err, a.writeJSON(show.pilot))
		}
		return resumeHint(a.whyNone(ctx, &s.Settings, in.Sources, err), s.Dir)
	}
	if a.json {
		if err := a.writeJSON(&out.Report); err != nil {
			return err
		}
	}
	a.printOutcome(&out, s.Dir)
	return out.Err()
}
