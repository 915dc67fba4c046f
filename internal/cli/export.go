package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/outfile"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/export"
)

// exportOptions are the flags of quarry export.
type exportOptions struct {
	format, out  string
	force, guard bool
	cfg          export.Config
}

func (a *App) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export -o FILE",
		Short: "Write the results as jsonl, csv, parquet or sqlite",
		Long: `Export writes the results of a finished run as one flat table: one row for each document, in the
order of the sources, with a column for each member of the answer and each field of the document.
--format sets the format; the default follows from the extension of the file.

FILE can be a new file, an earlier export that has not changed since, a device, a FIFO, or - for
standard output. Any other file is replaced only with --force. A source or a file inside the run
directory is never replaced. In an existing SQLite file, export replaces one table (--table) and
leaves everything else unchanged.

Exit codes: 0 done · 2 usage · 7 run locked · 130 interrupted`,
		Example: `  quarry export -o results.csv
  quarry export -o site.db --table summaries
  quarry export --format jsonl -o - | gzip > results.jsonl.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if o.cfg.Table != "" || cmd.Flags().Changed("table") {
				if err := export.CheckTable(o.cfg.Table); err != nil {
					return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Err: err, Hint: "name a table such as summaries with --table"}
				}
			}
			o.cfg.RawFormulas = !o.guard
			return a.export(cmd.Context(), s, &o)
		},
	}
	bind(cmd, "dir")
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "`FORMAT` of the file: "+strings.Join(export.Formats(), ", ")+"; default: from its extension")
	f.StringVarP(&o.out, "output", "o", "", "`FILE` to write; - is standard output")
	f.StringVar(&o.cfg.Table, "table", "", "sqlite: `TABLE` to write; default: "+export.DefaultTable)
	f.BoolVar(&o.force, "force", false, "replace a file or a table that is not an earlier export")
	f.BoolVar(&o.cfg.BOM, "bom", false, "csv: start with a byte order mark, for spreadsheets")
	f.BoolVar(&o.guard, "guard-formulas", true, "csv: put ' before a text that a spreadsheet would read as a formula")
	complete(cmd, "format", words(export.Formats()...))
	complete(cmd, "table", cobra.NoFileCompletions)
	return cmd
}

func (a *App) export(ctx context.Context, s *config.Loaded, o *exportOptions) (err error) {
	if o.out == "" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Err: errors.New("no file named"), Hint: "quarry export -o results.csv"}
	}
	format, err := formatOf(o)
	if err != nil {
		return err
	}
	path := filepath.Join(s.Dir, "results.jsonl")
	noResults := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read results", Subject: path, Err: err,
			Hint: "results are written when a run has ended: quarry run SOURCE; name another run directory with --dir",
		}
	}
	if _, err := os.Stat(s.Dir); err != nil { // no directory is made where there is none
		return noResults(err)
	}
	target, err := outfile.Find(o.out, a.Stdout)
	if err != nil {
		return err
	}
	if target.Kind == outfile.Stdout && a.json {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Err: errors.New("--json and the results cannot both be on standard output"),
			Hint: "name a file with -o, or omit --json",
		}
	}
	e := effect.New(nil)
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	dir, err := compose.OpenDir(e, &s.Settings, &open)
	if err != nil {
		return err
	}
	results, err := os.Open(path) // with the lock held: a run at work has its first results at its end
	if err != nil {
		return noResults(err)
	}
	defer func() { _ = results.Close() }()
	record := outfile.ReadRecord(dir)
	inputs, err := compose.InputsOf(ctx, s, dir, &record)
	if err != nil {
		return err
	}
	guard := outfile.Guard{Dir: dir, Inputs: inputs}
	if err := guard.Check(target); err != nil {
		return err
	}
	w := &export.Delivery{Effects: e, Dir: dir, Target: target, Format: format, Table: o.cfg.Table, Force: o.force, Record: &record}
	if err := w.Check(ctx); err != nil {
		return err
	}
	draft, err := outfile.Begin(e, target, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Abort()) }()
	n, err := export.File(ctx, e, results, format, draft.Path, o.cfg)
	if errors.Is(err, export.ErrNotOurs) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Subject: path, Err: err,
			Hint: "the file was changed or truncated after the run; rerun the same `quarry run` command: it writes the file again and sends nothing",
		}
	}
	if err != nil {
		return err
	}
	if err := w.Commit(ctx, draft, a.Stdout); err != nil {
		return err
	}
	a.say("%s in %s", figure.Count(n, "row"), o.out)
	if a.json {
		return a.writeJSON(map[string]any{"file": o.out, "format": format, "rows": n})
	}
	return nil
}
