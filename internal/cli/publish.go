package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/review"
	"quarry/internal/run/event"
)

// publishOptions are the flags of quarry publish.
type publishOptions struct {
	to                  compose.PublishTo
	maps, where         []string
	dryRun, undo, force bool
	reviewed            bool
}

func (a *App) publishCommand() *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use:   "publish --to TARGET --map FIELD=TEMPLATE",
		Short: "Write the answers back to where the articles are",
		Long: `Publish writes the checked answers of a finished run into fields of the articles. TARGET is one of
` + strings.Join(compose.PublishTargets(), ", ") + `.

--map says what a field gets: a template over a line of results.jsonl, such as
description={{.output.summary_en}}. Values are plain text; html: before the template takes HTML, which
is sanitized. Give the flags and the quarry.yaml of the run: publish needs them to find out whether an
article is still the text that was sent to the model. Where a person corrected an answer, the corrected
one is written. Articles that were changed, and fields that someone
else changed, are left as they are (--force writes such fields). Every value is read back.

The first differences are shown before anything is written. Without a terminal, --yes is needed.
--dry-run shows all differences and writes nothing. --undo puts back what the fields held before.
Publish can be interrupted: the same command continues, of a run of a ledger (--run ID) on any machine.

Exit codes: 0 done · 2 usage · 3 an article was changed by someone else, or could not be written ·
4 denied · 6 provider (the target failed) · 7 run locked · 130 interrupted`,
		Example: `  quarry publish --to frontmatter:posts --map 'about={{.output.summary_en}}'
  quarry publish --to frontmatter:posts --undo --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.publish(cmd.Context(), &s.Settings, &o)
		},
	}
	bindLedger(cmd)
	bind(cmd, "dir", "model", "as", "body-format", "long", "max-chars", "max-text-tokens", "field", "max-item-mib", "yes")
	f := cmd.Flags()
	o.bindTarget(cmd)
	f.StringArrayVar(&o.where, "where", nil,
		"publish only results with `FIELD=VALUE`; FIELD is a path such as document.lang (repeatable)")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the differences and write nothing")
	f.BoolVar(&o.undo, "undo", false, "put back what the fields held before they were published")
	f.BoolVar(&o.force, "force", false, "also write fields that someone else changed")
	complete(cmd, "where", cobra.NoFileCompletions)
	return cmd
}

// bindTarget adds the flags that say what is written where.
func (o *publishOptions) bindTarget(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.to.Target, "to", "", "write to this `TARGET`: "+strings.Join(compose.PublishTargets(), ", "))
	f.StringVar(&o.to.KeyEnv, "to-key-env", "", "environment variable `VAR` with the key or the login of the target")
	f.StringArrayVar(&o.maps, "map", nil, "what a field of the target gets, as `FIELD=TEMPLATE` (repeatable)")
	f.BoolVar(&o.reviewed, "reviewed", false, "publish only answers that a person marked right or corrected")
	for _, name := range []string{"to", "to-key-env", "map"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
}

// openPublish makes what the flags ask for, and opens the answers that it reads.
func (a *App) openPublish(
	ctx context.Context, s *config.Settings, o *publishOptions, open *compose.Closers,
) (p *publish.Publisher, answers *review.View, err error) {
	if p, err = a.publisher(ctx, s, o, open); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(s.Dir, "results.jsonl")
	results, err := os.Open(path)
	if err != nil {
		return nil, nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read results", Subject: path, Err: bare(err),
			Hint: "results are written when a run has ended: quarry run SOURCE",
		}
	}
	open.Add(results.Close)
	answers, err = compose.Corrected(ctx, a.reviewOf(s.Dir, nil), results, o.reviewed, open)
	return p, answers, err
}

func (a *App) publish(ctx context.Context, s *config.Settings, o *publishOptions) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, only("results.jsonl"), &open); err != nil {
		return err
	}
	p, lines, err := a.openPublish(ctx, s, o, &open)
	if err != nil {
		return err
	}
	if o.dryRun && !a.json {
		p.Show = func(d publish.Difference) { fmt.Fprintln(a.Stdout, plain(difference(&d, wholeValue))) }
	}
	out, err := p.Plan(ctx, lines)
	if err != nil {
		return err
	}
	if o.dryRun {
		out.Action = "dry_run"
	} else if out.ToChange > 0 {
		if err := a.confirmPublish(ctx, s, p, out); err != nil {
			return err
		}
		live := a.newProgress(ctx, s)
		p.Progress = func(done, of int64) {
			live.event(event.Event{Kind: event.Progress, Step: "publish", Done: done, Total: of})
		}
		err = p.Write(ctx, out)
		live.close()
	}
	a.printPublished(out, lines)
	if a.json {
		if !o.dryRun {
			out.Differences = nil
		}
		err = errors.Join(err, a.writeJSON(out))
	}
	if err != nil {
		return err
	}
	return leftAlone(out)
}
