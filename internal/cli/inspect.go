package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/plan"
)

func (a *App) inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect SOURCE…",
		Short: "Show the fields of a source: fill rates, values, dates, lengths",
		Long: `Inspect reads the sources and shows their type, the fields of their items (how often each is
filled, examples, the values of fields with few values), dates, languages and the lengths of the
cleaned texts. It sends nothing. Use it to choose --field and --where.

Exit codes: 0 done · 2 usage · 4 denied and 6 provider, for a source on the network ·
130 interrupted`,
		Example: `  quarry inspect articles.jsonl
  quarry inspect export.xml --where post_type=page`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), cmd, args) },
	}
	bind(cmd, "target", "region", "profile", "limit", "from", "as", "body-format", "field", "where", "query", "source-key-env", "max-item-mib")
	return cmd
}

func (a *App) inspect(ctx context.Context, cmd *cobra.Command, args []string) error {
	s, err := a.settings(cmd)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "inspect", Err: errors.New("no source given"),
			Hint: "name a file, a folder, a database or a site: quarry inspect articles.jsonl",
		}
	}
	rep, err := a.parts().Inspect(ctx, &s.Settings, args, compose.InspectAll)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(rep)
	}
	a.printInspection(rep)
	for _, line := range rep.Notes {
		a.say("%s", line)
	}
	return nil
}

// whyNone explains a plan without documents by the conditions of --where, where they are the cause.
func (a *App) whyNone(ctx context.Context, s *config.Settings, args []string, err error) error {
	if !errors.Is(err, plan.ErrNoDocuments) {
		return err
	}
	if why := a.parts().NoDocuments(ctx, s, args); why != nil {
		return why
	}
	return err
}
