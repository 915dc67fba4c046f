package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/export"
)

// exportTable upserts the results into a table of a Postgres or MySQL server. A table that no earlier export of the run made is changed
// only with --force, and a source never.
func (a *App) exportTable(ctx context.Context, s *config.Loaded, o *exportOptions) (err error) {
	if o.format != "" {
		return o.refuse(errors.New("a server takes rows, not a file of a format"), "omit --format")
	}
	server, err := a.parts().Server(&s.Settings, o.out)
	if err != nil {
		return err
	}
	o.out = server.Name // the address without user and options
	table := o.cfg.Table
	switch {
	case table == "" && server.Table == "":
		table = export.DefaultTable
	case table == "":
		table = server.Table
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	r, err := a.openResults(ctx, s, effect.New(nil), o.original, &open)
	if err != nil {
		return err
	}
	source, err := compose.SourceTable(ctx, &s.Settings, r.dir, server, table)
	switch {
	case err != nil:
		return err
	case source == compose.IsSource:
		return o.refuse(fmt.Errorf("table %s is a source of the run, and no flag makes export change it", table), "name another table with --table")
	}
	u, err := export.OpenUpsert(ctx, r.effects, server, table, r.lines, o.cfg)
	if err != nil {
		return o.explain(err, r.path)
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	found, err := u.Inspect(ctx)
	if err != nil {
		return err
	}
	ours := len(r.record.Digests(server.Name, table)) > 0
	said := fmt.Sprintf("table %s in %s does not exist: export creates it", table, server.Name)
	if found.Exists {
		said = fmt.Sprintf("table %s in %s has %s: rows with the same id are updated, new ones are added, none is removed", table, server.Name, figure.Count(found.Rows, "row"))
	}
	switch {
	case found.Exists && !ours && source == compose.MayBeSource:
		return o.refuse(fmt.Errorf("table %s exists, and the run reads a table of this database that its address does not name", table), "name another table with --table")
	case found.Exists && !ours && !o.force:
		return o.refuse(errors.New(said+"; no earlier export of this run made the table"), "do this with --force, or name another table with --table")
	}
	a.say("%s", said)
	if !ours { // before it is made: a crash leaves a table that is known
		r.record.Add(server.Name, table, "")
		if err := r.record.Save(r.effects, r.dir); err != nil {
			return err
		}
	}
	if _, err := r.lines.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := u.Write(ctx, found.Exists, r.lines, o.cfg)
	if err != nil {
		return o.explain(err, r.path)
	}
	a.say("%s in table %s of %s", figure.Count(n.Rows, "row"), table, server.Name)
	a.sayCorrected(r.corrections)
	if a.json {
		scheme, _, _ := strings.Cut(server.Name, ":")
		return a.writeJSON(map[string]any{"file": server.Name, "table": table, "format": scheme, "rows": n.Rows, "corrected": r.corrections.Corrected()})
	}
	return nil
}

// explain adds the way out to an error of an export.
func (o *exportOptions) explain(err error, path string) error {
	var known *quarry.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, export.ErrPath):
		return o.refuse(err, "the lines of "+path+" show what the results have; `quarry inspect SOURCE` shows the fields of a source")
	case errors.Is(err, export.ErrUnfit):
		return o.refuse(err, "choose another format, or leave the column out with --columns")
	case errors.Is(err, export.ErrNotOurs):
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Subject: path, Err: err,
			Hint: "the file was changed or truncated after the run; rerun the same `quarry run` command: it writes the file again and sends nothing",
		}
	}
	return err
}
