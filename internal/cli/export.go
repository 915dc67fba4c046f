package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/export"
	"quarry/internal/figure"
)

func (a *App) exportCommand() *cobra.Command {
	var format, out string
	var cfg export.Config
	cmd := &cobra.Command{
		Use:   "export -o FILE",
		Short: "Write the results as jsonl, csv, parquet or sqlite, in input order, original fields kept",
		Long: `Export writes the results of a finished run as one flat table: one row a document in the order of the
sources, each member of the answer and each field of the document a column. The format is told by
--format, else by the file's extension.

Exit codes: 0 done · 2 usage · 7 run locked · 130 interrupted`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.export(cmd.Context(), &s.Settings, format, out, cfg)
		},
	}
	bind(cmd, "dir")
	f := cmd.Flags()
	f.StringVar(&format, "format", "", strings.Join(export.Formats(), ", ")+" (default: by the file's extension)")
	f.StringVarP(&out, "output", "o", "", "`FILE` to write")
	f.BoolVar(&cfg.BOM, "bom", false, "csv: begin with a byte order mark, for spreadsheets")
	f.BoolVar(&cfg.GuardFormulas, "guard-formulas", false, "csv: put ' before texts that a spreadsheet would take for a formula")
	complete(cmd, "format", words(export.Formats()...))
	return cmd
}

func (a *App) export(ctx context.Context, s *config.Settings, format, out string, cfg export.Config) (err error) {
	if out == "" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Err: errors.New("no file named"), Hint: "quarry export -o results.csv"}
	}
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(out), ".")
		if format == "db" {
			format = "sqlite"
		}
	}
	if !export.Known(format) {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: out, Err: errors.New("format " + format + " is not known"), Hint: "one of " + strings.Join(export.Formats(), ", ") + " with --format"}
	}
	path := filepath.Join(s.Dir, "results.jsonl")
	noResults := func(err error) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read results", Subject: path, Err: err, Hint: "results are written when a run has ended: quarry run SOURCE"}
	}
	if _, err := os.Stat(s.Dir); err != nil { // no directory is made where there is none
		return noResults(err)
	}
	e := effect.New(nil)
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if _, err := compose.OpenDir(e, s, &open); err != nil {
		return err
	}
	results, err := os.Open(path) // behind the lock: a run at work has its first results at its end
	if err != nil {
		return noResults(err)
	}
	defer func() { _ = results.Close() }()
	n, err := export.File(ctx, e, results, format, out, cfg)
	if err != nil {
		return err
	}
	a.say("%s rows in %s", figure.Thousands(n), out)
	if a.json {
		return a.writeJSON(map[string]any{"file": out, "format": format, "rows": n})
	}
	return nil
}
