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
	"quarry/internal/run/book"
)

func (a *App) runsCommand() *cobra.Command {
	var id, age string
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List or delete the runs of a ledger in Postgres",
		Long: `Runs lists the runs of a ledger in Postgres: their state, the documents of the last plan, what they
spent, their cap, the process that works on them, and when they began. A run is running while a
process works on it, done when its last pass has ended, halted when something has to change before it
continues (with the reason), stopped by a person, or else waiting for a runner: any process may
continue it.

With --delete or --prune it removes runs everywhere: from the ledger, from their buckets, and from
--dir if that is a copy of the run. It shows first what it would remove, and asks. A run on which a
process works, or with jobs or calls under way, is refused.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider or database · 7 run locked · 130 interrupted`,
		Example: `  quarry runs --ledger postgres://quarry@db.example.org/quarry
  quarry runs --delete k3v9q2m7xa
  quarry runs --prune 90d`,
		Args: cobra.NoArgs,
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
			if id != "" || age != "" {
				return a.deleteRuns(cmd.Context(), &s.Settings, quarry.RunID(id), age)
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
	bind(cmd, "ledger", "prices", "dir", "profile", "yes")
	cmd.Flags().StringVar(&id, "delete", "", "remove the run with this `ID` everywhere")
	cmd.Flags().StringVar(&age, "prune", "", "remove the runs that ended, or began and never ended, before this `AGE`, such as 90d or 36h")
	cmd.MarkFlagsMutuallyExclusive("delete", "prune")
	complete(cmd, "delete", cobra.NoFileCompletions)
	complete(cmd, "prune", cobra.NoFileCompletions)
	return cmd
}

// runsText is a line for each run.
func runsText(rows []compose.RunRow) string {
	var b strings.Builder
	for i := range rows {
		r := &rows[i]
		parts := []string{runStateText(r.State, r.Halted), "not planned"}
		if r.Documents != nil {
			parts[1] = figure.Count(*r.Documents, "document")
		}
		spent := "spent unknown"
		if r.Spent != nil {
			spent = "spent " + r.Spent.String()
		}
		if r.Cap != nil {
			spent += " of " + r.Cap.String()
		}
		parts = append(parts, spent, "since "+r.Created)
		if r.Owner != "" {
			parts = append(parts, r.Owner)
		}
		fmt.Fprintf(&b, "%-10s  %s\n", r.Run, plain(strings.Join(parts, " · ")))
	}
	return b.String()
}

// runStateText is the state of a run of a ledger in words. halted is why it is halted.
func runStateText(state book.State, halted book.Halt) string {
	switch state {
	case book.Waiting:
		return "waiting for a runner"
	case book.IsHalted:
		return "halted: " + halted.Text()
	}
	return string(state)
}
