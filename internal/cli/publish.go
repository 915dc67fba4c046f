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
	"quarry/internal/base/fields"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
	"quarry/internal/run/event"
)

// publishOptions are the flags of quarry publish.
type publishOptions struct {
	to                  compose.PublishTo
	maps, where         []string
	dryRun, undo, force bool
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
article is still the text that was sent to the model. Articles that were changed, and fields that someone
else changed, are left as they are (--force writes such fields). Every value is read back.

The first differences are shown before anything is written. Without a terminal, --yes is needed.
--dry-run shows all differences and writes nothing. --undo puts back what the fields held before.
Publish can be interrupted: the same command continues.

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
	bind(cmd, "dir", "model", "as", "body-format", "long", "max-chars", "max-text-tokens", "field", "max-item-mib", "yes")
	f := cmd.Flags()
	f.StringVar(&o.to.Target, "to", "", "write to this `TARGET`: "+strings.Join(compose.PublishTargets(), ", "))
	f.StringVar(&o.to.KeyEnv, "to-key-env", "", "environment variable `VAR` with the key or the login of the target")
	f.StringArrayVar(&o.maps, "map", nil, "what a field of the target gets, as `FIELD=TEMPLATE` (repeatable)")
	f.StringArrayVar(&o.where, "where", nil,
		"publish only results with `FIELD=VALUE`; FIELD is a path such as document.lang (repeatable)")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the differences and write nothing")
	f.BoolVar(&o.undo, "undo", false, "put back what the fields held before they were published")
	f.BoolVar(&o.force, "force", false, "also write fields that someone else changed")
	for _, name := range []string{"to", "to-key-env", "map", "where"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

// publisher makes what the flags ask for.
func (a *App) publisher(ctx context.Context, s *config.Settings, o *publishOptions, open *compose.Closers) (*publish.Publisher, error) {
	bad := func(subject string, err error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "publish", Subject: subject, Err: err, Hint: hint}
	}
	switch {
	case o.to.Target == "":
		return nil, bad("", errors.New("no target named"), "name one with --to: "+strings.Join(compose.PublishTargets(), ", "))
	case o.undo && len(o.maps)+len(o.where) > 0:
		return nil, bad("--undo", errors.New("it takes back everything that the run published to the target"), "omit --map and --where")
	case !o.undo && len(o.maps) == 0:
		return nil, bad("", errors.New("no field named"), "say what is written where: --map 'FIELD={{.output.NAME}}'")
	}
	var maps []publish.Map
	for _, text := range o.maps {
		m, err := publish.ParseMap(text)
		if err != nil {
			return nil, bad("--map", err, "such as --map 'description={{.output.summary_en}}'")
		}
		for i := range maps {
			if maps[i].Field == m.Field {
				return nil, bad("--map "+m.Field, errors.New("the field is named twice"), "give one template for each field")
			}
		}
		maps = append(maps, m)
	}
	where, err := fields.ParseFilter(o.where)
	if err != nil {
		return nil, bad("--where", err, "such as --where document.lang=ja")
	}
	p, err := a.parts().Publisher(ctx, s, o.to, open)
	if err != nil {
		return nil, err
	}
	p.Maps, p.Where, p.Force, p.Undo = maps, where, o.force, o.undo
	return p, p.CheckMaps()
}

func (a *App) publish(ctx context.Context, s *config.Settings, o *publishOptions) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	p, err := a.publisher(ctx, s, o, &open)
	if err != nil {
		return err
	}
	path := filepath.Join(s.Dir, "results.jsonl")
	results, err := os.Open(path)
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read results", Subject: path, Err: bare(err),
			Hint: "results are written when a run has ended: quarry run SOURCE",
		}
	}
	defer func() { _ = results.Close() }()
	if o.dryRun && !a.json {
		p.Show = func(d publish.Difference) { fmt.Fprintln(a.Stdout, plain(difference(&d, wholeValue))) }
	}
	out, err := p.Plan(ctx, results)
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
	a.printPublished(out)
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

// leftAlone is the error of articles that were left as they are; nil: there are none.
func leftAlone(out *publish.Outcome) error {
	var what []string
	if out.Changed > 0 {
		what = append(what, figure.Clause(out.Changed, "article", "was", "were")+" changed by someone else")
	}
	if out.Failed > 0 {
		what = append(what, figure.Count(out.Failed, "article")+" could not be written")
	}
	if len(what) == 0 {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "publish to " + out.Target, Err: errors.New(strings.Join(what, ", ")), Hint: publishHint(out),
	}
}

func publishHint(out *publish.Outcome) string {
	if out.Changed == 0 {
		return "see the reasons above"
	}
	return "send changed articles again: rerun quarry run; write a field that someone else changed with --force"
}
