package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run"
)

func (a *App) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Print the report of a finished run: outcome, cost, duration",
		Long: `Report prints the contents of a run's report.json; with --json, it prints the file itself. The same
report is in report.html, in the run directory.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider or database`,
		Example: `  quarry report --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.report(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir")
	bindLedger(cmd)
	return cmd
}

func (a *App) report(ctx context.Context, s *config.Settings) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, only("report.json"), &open); err != nil {
		return err
	}
	path := filepath.Join(s.Dir, "report.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read report", Subject: path, Err: bare(err),
			Hint: "a report is written when a run has ended: quarry run SOURCE",
		}
	}
	if a.json {
		_, err := a.Stdout.Write(b)
		return err
	}
	var rep run.Report
	if err := json.Unmarshal(b, &rep); err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read report", Subject: path, Err: err,
			Hint: "it was changed or truncated; rerun quarry run SOURCE, which writes it again",
		}
	}
	page := *a // what was asked for is data, as with status and audit: --quiet is not about it
	page.Stderr, page.quiet = a.Stdout, false
	page.printOutcome(&run.Outcome{Run: rep.Run, Report: rep}, a.filesIn(s.Dir))
	return nil
}
