package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/outcome/export"
)

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
