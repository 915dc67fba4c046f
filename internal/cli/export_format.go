package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/fields"
	"quarry/internal/outcome/export"
)

// statuses are those that a line of results.jsonl can have.
var statuses = []quarry.Status{quarry.StatusOK, quarry.StatusInvalid, quarry.StatusFailed, quarry.StatusSkipped}

// choose reads --columns and --where.
func (o *exportOptions) choose(cmd *cobra.Command) (err error) {
	if len(o.columns) > 0 {
		if o.cfg.Columns, err = export.ParseColumns(strings.Join(o.columns, ",")); err != nil {
			return o.refuse(err, "write --columns NAME=PATH,… such as id,title=output.title_en,slug=document.slug")
		}
	}
	where, err := cmd.Flags().GetStringArray("where")
	if err != nil || len(where) == 0 {
		return err
	}
	for _, condition := range where {
		status, ok := strings.CutPrefix(condition, "status=")
		if ok && !slices.Contains(statuses, quarry.Status(status)) {
			return o.refuse(fmt.Errorf("no result has the status %q", status), "the statuses are ok, invalid, failed and skipped")
		}
	}
	if o.cfg.Where, err = fields.ParseFilter(where); err != nil {
		return o.refuse(err, "write --where PATH=VALUE")
	}
	return nil
}

func (o *exportOptions) refuse(err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: err, Hint: hint}
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
	hint := "name one with --format: " + strings.Join(export.Formats(), ", ")
	switch {
	case format == "" && o.out == "-":
		return "", o.refuse(errors.New("standard output has no extension, so the format is unknown"), hint)
	case format == "":
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: errors.New("the file name has no extension, so the format is unknown"),
			Hint: hint,
		}
	case !export.Known(format):
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: fmt.Errorf("format %s is not known", format), Hint: hint,
		}
	case o.cfg.Table != "" && format != "sqlite":
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "export", Subject: o.out, Err: fmt.Errorf("--table is for sqlite, and the format is %s", format),
			Hint: "omit --table, or add --format sqlite",
		}
	}
	return format, nil
}
