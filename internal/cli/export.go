package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/dbserver"
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
	columns      []string
	force, guard bool
	original     bool // the model's answers, whatever people corrected
	cfg          export.Config
}

func (a *App) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export -o FILE",
		Short: "Write the results as a table, as JSON-LD or as test cases",
		Long: `Export writes the results of a finished run as one flat table: one row for each document, in the
order of the sources, with a column for each member of the answer and each field of the document.
--format sets the format; the default follows from the extension of the file. --columns names the
columns, --where selects results. A path of either leads into a line of results.jsonl: output.NAME is
a member of the answer, document.NAME a field of the source. Answers that people corrected take the
place of the model's, and the columns corrected_by and corrected_at say so; --original gives the model's.

jsonld (articles in the vocabulary of schema.org) and promptfoo (test cases) are no tables: they have
only the documents with a good answer, and the columns are properties and variables.

FILE can be a new file, an earlier export that has not changed since, a device, a FIFO, or - for
standard output. Any other file is replaced only with --force. A source or a file inside the run
directory is never replaced. In an existing SQLite file, export replaces one table (--table) and
leaves everything else unchanged.

FILE can be a database server, such as postgres://USER@HOST/NAME or mysql://USER@HOST/NAME: export
says what happens to the table (--table), then updates rows with the same id and adds new ones in
one transaction. A table that export did not create needs --force.

Exit codes: 0 done · 2 usage · 4 denied by the database · 6 database · 7 run locked · 130 interrupted`,
		Example: `  quarry export -o results.csv
  quarry export -o site.db --table summaries
  quarry export -o seo.xlsx --columns id,title=output.title_en --where status=ok
  quarry export -o postgres://ann@db.example.org/site --table summaries
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
			if err := o.choose(cmd); err != nil {
				return err
			}
			return a.export(cmd.Context(), s, &o)
		},
	}
	bind(cmd, "dir", "source-key-env")
	bindLedger(cmd)
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "`FORMAT` of the file: "+strings.Join(export.Formats(), ", ")+"; default: from its extension")
	f.StringVarP(&o.out, "output", "o", "", "`FILE` to write, - for standard output, or the address of a database")
	f.StringArrayVar(&o.columns, "columns", nil, "only these columns: `NAME=PATH`,… (repeatable); default: all")
	f.StringArray("where", nil, "only results with this value: `PATH=VALUE` (repeatable)")
	f.StringVar(&o.cfg.Table, "table", "", "sqlite, servers: `TABLE` to write; default: "+export.DefaultTable)
	f.BoolVar(&o.force, "force", false, "replace a file or a table that is not an earlier export")
	f.BoolVar(&o.original, "original", false, "the model's answers, also where a person corrected them")
	f.BoolVar(&o.cfg.BOM, "bom", false, "csv, tsv: start with a byte order mark, for spreadsheets")
	f.BoolVar(&o.guard, "guard-formulas", true, "csv, tsv: put ' before a text that a spreadsheet would read as a formula; promptfoo: a space into one that it would execute")
	complete(cmd, "format", words(export.Formats()...))
	complete(cmd, "table", cobra.NoFileCompletions)
	return cmd
}

func (a *App) export(ctx context.Context, s *config.Loaded, o *exportOptions) (err error) {
	if o.out == "" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Err: errors.New("no file named"), Hint: "quarry export -o results.csv"}
	}
	if dbserver.Is(o.out) {
		return a.exportTable(ctx, s, o)
	}
	format, err := formatOf(o)
	if err != nil {
		return err
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
	r, err := a.openResults(ctx, s, e, o.original, &open)
	if err != nil {
		return err
	}
	inputs, err := compose.InputsOf(ctx, s, r.dir, &r.record)
	if err != nil {
		return err
	}
	guard := outfile.Guard{Dir: r.dir, Inputs: inputs}
	if err := guard.Check(target); err != nil {
		return err
	}
	w := &export.Delivery{Effects: e, Dir: r.dir, Target: target, Format: format, Table: o.cfg.Table, Force: o.force, Record: &r.record}
	if err := w.Check(ctx); err != nil {
		return err
	}
	draft, err := outfile.Begin(e, target, r.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Abort()) }()
	n, err := export.File(ctx, e, r.lines, format, draft.Path, o.cfg)
	if err != nil {
		return o.explain(err, r.path)
	}
	if err := w.Commit(ctx, draft, a.Stdout); err != nil {
		return err
	}
	a.say("%s in %s", figure.Count(n.Rows, "row"), o.out)
	a.sayCorrected(r.corrections)
	if n.Unanswered > 0 {
		a.say("%s without a good answer left out: %s has answers only", figure.Count(n.Unanswered, "document"), format)
	}
	if a.json {
		return a.writeJSON(map[string]any{"file": o.out, "format": format, "rows": n.Rows, "unanswered": n.Unanswered, "corrected": r.corrections.Corrected()})
	}
	return nil
}
