package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/run"
	"quarry/internal/run/forecast"
)

// offline puts together a run that asks nobody, with its index in a directory that is thrown away.
func (a *App) offline(ctx context.Context, s *config.Settings, args []string, known string, window forecast.Window, open *compose.Closers, show func(run.Event)) (*run.Run, error) {
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("no source named"), Hint: "name a file or folder"}
	}
	ask, err := a.parts().Asking(s)
	if err != nil {
		return nil, err
	}
	if warning := ask.Unlisted(s); warning != "" {
		a.say("warning: %s", warning)
	}
	sources, err := a.parts().OpenSources(ctx, s, args, false)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(a.parts().CheckPrompt(ask), a.parts().CheckFields(ctx, s, args)); err != nil {
		return nil, err
	}
	if err := a.parts().CheckDocuments(ctx, s, ask, args); err != nil {
		return nil, err
	}
	a.parts().SayFilled(s, ask)
	e := effect.New(nil)
	dir, err := e.TempDir("")
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "make a directory for the index", Err: err, Hint: "let TMPDIR name a directory that you can write to"}
	}
	open.Add(func() error { return e.RemoveAll(dir) })
	book, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	open.Add(book.Close)
	where := &compose.Provider{}
	where.AWS.Region = account.DefaultRegion
	if len(s.Regions) > 0 {
		where.AWS.Region = s.Regions[0]
	}
	cfg := a.parts().RunConfig(s, ask, where, dir, args)
	if s.Target == "aws" {
		cfg.CallMargin = run.CallMargin
	}
	cfg.Known = known
	cfg.Local = true // nothing is refused for its price: nothing is sent
	cfg.ForAWS, cfg.Window = s.Target == "aws", window
	return run.New(cfg, run.Deps{Effects: e, Ledger: book, Sources: sources, Watch: show}), nil
}

func (a *App) planCommand() *cobra.Command {
	var known string
	cmd := &cobra.Command{
		Use:   "plan SOURCE…",
		Short: "Estimate documents, tokens, jobs, cost and time of a run",
		Long: `Plan reads and cleans the sources and estimates a run before anything is paid: how many documents
would be sent, their size, the number of tokens and jobs, and the cost and duration in batch, flex
and on-demand mode. If the run directory holds a finished run, plan also counts the new, changed,
unchanged and missing documents and estimates only what would be sent. Plan sends no document. It
reads sources on the network, and asks a back end (--backend) for the size of its context.

Exit codes: 0 done · 2 usage · 3 an item could not be read · 4 denied and 6 provider, for a source
on the network · 130 interrupted`,
		Example: `  quarry plan articles.jsonl
  quarry plan articles.jsonl --target aws --mode auto --by 6h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.plan(cmd.Context(), &s.Settings, args, known)
		},
	}
	bind(cmd, slices.Concat([]string{"mode", "by", "dir", "pilot", "target", "region", "profile", "prices", "backend", "backend-model", "backend-key-env"}, nearFlags, asks)...)
	cmd.Flags().StringVar(&known, "known", "", knownHelp)
	return cmd
}

func (a *App) plan(ctx context.Context, s *config.Settings, args []string, known string) (err error) {
	if err := deadlineNeedsAuto(s); err != nil {
		return err
	}
	show := a.newProgress()
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	window, err := a.parts().Window(ctx, s)
	if err != nil {
		return err
	}
	r, err := a.offline(ctx, s, args, known, window, &open, show.event)
	if err != nil {
		return err
	}
	if err := compareWithRun(ctx, s, r); err != nil {
		return err
	}
	f, err := r.Plan(ctx)
	show.close()
	if err != nil {
		return a.whyNone(ctx, s, args, err)
	}
	if a.json {
		if err := a.writeJSON(f); err != nil {
			return err
		}
		return f.Planned.Err()
	}
	a.printForecast(s, &f)
	return f.Planned.Err()
}
