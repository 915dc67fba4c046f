package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
)

func (a *App) collectCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "collect [ARN | FOLDER]",
		Short: "Collect the results of a run, of a job, or of a folder of output",
		Long: `Collect fetches the answers of the jobs of a run, whatever state the jobs ended in, and writes
results.jsonl, failed.jsonl and the report. It needs no sources and sends nothing. If a job is still
running, collect says so and exits 6; --watch waits for it.

With an ARN, collect fetches the output of that job, even if another program submitted it. With a
FOLDER, it reads output that was downloaded. In both cases the recordIds become the document ids. An
answer that fits the default schema, or prompt.schema if it is set (-c FILE), is JSON; any other
answer is text unless a schema is set. Collect reports where output lines, manifest and job counters
disagree, and names each line that cannot be read. It refuses a folder in which two jobs answer the
same recordIds. The default of --dir is then quarry-<job> or quarry-<folder>.

Exit codes: 0 done · 2 usage · 3 a document ended invalid or failed · 4 denied · 6 provider, or a
job is still running · 7 run locked · 130 interrupted`,
		Example: `  quarry collect --dir quarry-run           # what the jobs have answered so far
  quarry collect --dir quarry-run --watch   # wait until they end
  quarry collect ./downloaded --model anthropic.claude-haiku-4-5-20251001-v1:0`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.collectForeign(cmd.Context(), s, args[0], watch)
			}
			return a.collectRun(cmd.Context(), &s.Settings, watch)
		},
	}
	bind(cmd, append([]string{
		"dir", "target", "region", "profile", "bucket", "backend", "backend-model", "backend-key-env", "backend-wait", "concurrency",
		"keep-shards",
	}, requestFlags...)...)
	cmd.Flags().BoolVar(&watch, "watch", false, "wait for jobs that are still running")
	return cmd
}

// collectRun collects what a run's jobs answered.
func (a *App) collectRun(ctx context.Context, s *config.Settings, watch bool) (err error) {
	l, err := a.openLedger(ctx, s.Dir) // nothing is made where there is no run
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	show := a.newProgress(ctx, s)
	defer show.close()
	defer func() { show.log.end(err) }()
	r, dir, err := a.parts().Collector(ctx, s, show.opens("collect", nil, &open), show.event, &open)
	if err != nil {
		return err
	}
	h, err := r.Collect(ctx, watch)
	show.close()
	if err != nil {
		return err
	}
	if a.json {
		out := collectedJSONOf(&h, dir)
		if err := a.writeJSON(&out); err != nil {
			return err
		}
	}
	a.printCollected(&h, s.Dir)
	switch {
	case len(h.Errors) > 0:
		return errors.Join(h.Errors...)
	case len(h.Running) > 0:
		return &quarry.Error{
			Kind: quarry.Provider, Op: "collect", Subject: s.Dir,
			Err:  fmt.Errorf("%s not ended", figure.Clause(len(h.Running), "job", "has", "have")),
			Hint: "the jobs that had ended are collected; wait for the rest with: quarry collect --watch --dir " + s.Dir,
		}
	case !h.Done && !h.Adopted:
		a.say("the run is not finished: rerun `quarry run` to send what is left")
	}
	if n := h.Report.Documents.Invalid + h.Report.Documents.Failed; n > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Err: fmt.Errorf("%s ended invalid or failed", figure.Count(n, "document")),
			Hint: "failed.jsonl names each and why",
		}
	}
	return nil
}
