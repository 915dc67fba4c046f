package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/export"
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
