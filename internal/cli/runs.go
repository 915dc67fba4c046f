package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
)

func (a *App) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs of a ledger in Postgres",
		Long: `Runs lists the runs of a ledger in Postgres: their state, the documents of the last plan, what they
spent, their cap, the process that works on them, and when they began. A run is running while a
process works on it, done when its last pass has ended, and stopped otherwise.

Exit codes: 0 done · 2 usage · 4 denied · 6 database`,
		Example: `  quarry runs --ledger postgres://quarry@db.example.org/quarry`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if s.Ledger == "" {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "list runs", Err: errors.New("no ledger named"),
					Hint: "add --ledger postgres://USER@HOST/NAME, or set QUARRY_LEDGER",
				}
			}
			rows, err := compose.Runs(cmd.Context(), &s.Settings)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(rows)
			}
			_, err = io.WriteString(a.Stdout, runsText(rows))
			return err
		},
	}
	bind(cmd, "ledger", "prices")
	return cmd
}

// runsText is a line for each run.
func runsText(rows []compose.RunRow) string {
	var b strings.Builder
	for i := range rows {
		r := &rows[i]
		parts := []string{"not planned"}
		if r.Documents != nil {
			parts[0] = figure.Count(*r.Documents, "document")
		}
		spent := "spent unknown"
		if r.Spent != nil {
			spent = "spent $" + r.Spent.String()
		}
		if r.Cap != nil {
			spent += " of $" + r.Cap.String()
		}
		parts = append(parts, spent, "since "+r.Created)
		if r.Owner != "" {
			parts = append(parts, r.Owner)
		}
		fmt.Fprintf(&b, "%-10s  %-7s  %s\n", r.Run, r.State, plain(strings.Join(parts, " · ")))
	}
	return b.String()
}
