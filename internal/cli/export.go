package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/export"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/outfile"
	"quarry/internal/run/book"
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

// formatOf is the format of a file, by its extension where none is named.
func formatOf(o *exportOptions) (string, error) {
	format := o.format
	if format == "" {
		switch format = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.out), ".")); format {
		case "db", "sqlite3":
			format = "sqlite"
		}
	}
	hint := "one of " + strings.Join(export.Formats(), ", ") + " with --format"
	switch {
	case format == "":
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: errors.New("the name has no extension that says the format"), Hint: hint}
	case !export.Known(format):
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: fmt.Errorf("format %s is not known", format), Hint: hint}
	case o.cfg.Table != "" && format != "sqlite":
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: fmt.Errorf("--table is for sqlite, and the format is %s", format), Hint: "leave --table out, or add --format sqlite"}
	}
	return format, nil
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
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read results", Subject: path, Err: err, Hint: "results are written when a run has ended: quarry run SOURCE; name another run directory with --dir"}
	}
	if _, err := os.Stat(s.Dir); err != nil { // no directory is made where there is none
		return noResults(err)
	}
	target, err := outfile.Find(o.out, a.Stdout)
	if err != nil {
		return err
	}
	if target.Kind == outfile.Stdout && a.json {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Err: errors.New("--json and the results cannot both be on standard output"), Hint: "name a file with -o, or leave --json out"}
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
	inputs, err := a.inputsOf(ctx, s, dir, &record)
	if err != nil {
		return err
	}
	guard := outfile.Guard{Dir: dir, Inputs: inputs}
	if err := guard.Check(target); err != nil {
		return err
	}
	w := &exporting{e: e, dir: dir, target: target, format: format, table: o.cfg.Table, force: o.force, record: &record}
	if err := w.may(ctx); err != nil {
		return err
	}
	draft, err := outfile.Begin(e, target, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Abort()) }()
	n, err := export.File(ctx, e, results, format, draft.Path, o.cfg)
	if errors.Is(err, export.ErrNotOurs) {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: path, Err: err, Hint: "the file was changed or cut short after the run: the same `quarry run` command writes it again and asks nothing again"}
	}
	if err != nil {
		return err
	}
	if err := w.commit(ctx, draft, a.Stdout); err != nil {
		return err
	}
	a.say("%s in %s", figure.Count(n, "row"), o.out)
	if a.json {
		return a.writeJSON(map[string]any{"file": o.out, "format": format, "rows": n})
	}
	return nil
}

// inputsOf names all files that a run in a directory reads: they are not written to, whatever flags are given.
func (a *App) inputsOf(ctx context.Context, s *config.Loaded, dir string, record *outfile.Record) ([]outfile.Input, error) {
	var inputs []outfile.Input
	add := func(what, path string) {
		if path != "" {
			inputs = append(inputs, outfile.Input{What: what, Path: path})
		}
	}
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	switch {
	case err == nil:
		head, err := book.Of(l).Head(ctx)
		if err := errors.Join(err, l.Close()); err != nil {
			return nil, err
		}
		for _, source := range head.Sources {
			if path, ok := outfile.LocalPath(source); ok {
				add("a source of the run", path)
			}
		}
	case !errors.Is(err, os.ErrNotExist): // a directory of collected output has no ledger
		return nil, err
	}
	for _, path := range record.Inputs {
		add("an input of the run", path)
	}
	add("the configuration file", s.File)
	add("the configuration file", config.DefaultFile)
	add("the file of prices", s.Prices)
	return inputs, nil
}

// exporting is one export on its way to its target.
type exporting struct {
	e      *effect.Effects
	dir    string
	target outfile.Target
	format string
	table  string // as it was named; empty: the default
	force  bool
	record *outfile.Record
}

const forceHint = "name another file with -o, or replace it with --force"

// name is the table as the record has it, empty where the target is no database: SQLite's names have no case.
func (w *exporting) name() string {
	if w.format != "sqlite" {
		return ""
	}
	if w.table == "" {
		return export.DefaultTable
	}
	return strings.ToLower(w.table)
}

// merges reports whether the target is a database that keeps what else it holds.
func (w *exporting) merges() bool {
	return w.target.Kind == outfile.File && w.format == "sqlite" && export.IsSQLite(w.target.Path)
}

func (w *exporting) refuse(err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: w.target.Name, Err: err, Hint: hint}
}

// may refuses a target that is not an earlier export, before anything is written.
func (w *exporting) may(ctx context.Context) error {
	if w.format == "sqlite" && w.target.Kind == outfile.New {
		for _, suffix := range []string{"-journal", "-wal", "-shm"} { // SQLite would apply them to the new file
			if _, err := os.Lstat(w.target.Path + suffix); err == nil {
				return w.refuse(fmt.Errorf("%s is left over from another database of this name", w.target.Path+suffix), "name another file with -o")
			}
		}
	}
	if w.target.Kind != outfile.File || w.force && !w.merges() {
		return nil
	}
	earlier := w.record.Digests(w.target.Path, w.name())
	if w.merges() {
		digest, exists, err := export.TableDigest(ctx, w.e, w.target.Path, w.name())
		switch {
		case err != nil:
			return w.tableError(err)
		case exists && !w.force && !slices.Contains(earlier, digest):
			return w.tableError(export.ErrTable)
		}
		return nil
	}
	if len(earlier) > 0 {
		digest, err := outfile.Digest(ctx, w.target.Path)
		if err != nil {
			return w.refuse(err, forceHint)
		}
		if slices.Contains(earlier, digest) {
			return nil
		}
		return w.refuse(errors.New("it was changed after an earlier export wrote it"), forceHint)
	}
	return w.refuse(fmt.Errorf("it exists, and is not an earlier export of the run in %s", w.dir), forceHint)
}

func (w *exporting) tableError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, effect.ErrHook) {
		return err
	}
	hint := "see that no other program works on the database, and that you can write to it; or name another file with -o"
	switch {
	case errors.Is(err, export.ErrTable):
		err, hint = fmt.Errorf("table %s exists, and is not what an earlier export of the run in %s wrote", w.name(), w.dir), "name another table with --table, or replace this one with --force"
	case errors.Is(err, export.ErrNoTable):
		hint = "name another table with --table"
	}
	return w.refuse(err, hint)
}

// commit brings the draft to its target, with what was written in the record before it is there.
func (w *exporting) commit(ctx context.Context, draft *outfile.Draft, stdout io.Writer) (err error) {
	if w.target.Kind == outfile.Stdout || w.target.Kind == outfile.Stream {
		return draft.Commit(ctx, stdout)
	}
	var digest string
	if w.format == "sqlite" {
		digest, _, err = export.TableDigest(ctx, w.e, draft.Path, w.name())
	} else {
		digest, err = outfile.Digest(ctx, draft.Path)
	}
	if err != nil {
		return err
	}
	earlier := w.record.Digests(w.target.Path, w.name())
	w.record.Add(w.target.Path, w.name(), digest)
	if err := w.record.Save(w.e, w.dir); err != nil {
		return err
	}
	if w.merges() {
		table := w.table
		if table == "" {
			table = export.DefaultTable
		}
		if err := export.IntoTable(ctx, w.e, draft.Path, w.target.Path, table, earlier, w.force); err != nil {
			return w.tableError(err)
		}
	} else if err := draft.Commit(ctx, nil); err != nil {
		return err
	}
	w.record.Done(w.target.Path, w.name())
	return w.record.Save(w.e, w.dir)
}
