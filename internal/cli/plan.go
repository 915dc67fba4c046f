package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/offline"
)

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
	bind(cmd, slices.Concat([]string{
		"mode", "by", "dir", "pilot", "target", "region", "profile", "prices", "backend", "backend-model", "backend-key-env",
	}, nearFlags, requestFlags)...)
	cmd.Flags().StringVar(&known, "known", "", knownHelp)
	return cmd
}

func (a *App) plan(ctx context.Context, s *config.Settings, args []string, known string) (err error) {
	if err := compose.DeadlineNeedsAuto(s); err != nil {
		return err
	}
	show := a.newProgress(ctx, s)
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	window, err := a.parts().Window(ctx, s)
	if err != nil {
		return err
	}
	cfg, err := a.parts().Offline(ctx, s, args, known, window, &open, show.event)
	if err != nil {
		return err
	}
	was, err := compose.FinishedRun(ctx, s)
	if err != nil {
		return err
	}
	f, err := offline.Plan(ctx, cfg, was)
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
