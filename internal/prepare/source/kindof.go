package source

import (
	"context"
	"os"
	"strings"

	"quarry/internal/base/dbserver"
	"quarry/internal/prepare/source/s3"
)

// OnlyOnce reports whether an argument names a pipe or a device, which gives what it holds once and to one reader.
func OnlyOnce(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// KindOf names the kind of the source that an argument names: one of Kinds, "folder", "records", or "stdin", whose kind
// is found when it is read. It reads the first bytes of a file and sends nothing. The error is a *quarry.Error of kind
// BadUsage.
func KindOf(ctx context.Context, arg string, cfg Config) (string, error) {
	switch {
	case cfg.Records:
		return "records", nil
	case arg == "-":
		return "stdin", nil
	case isWeb(arg):
		return wordpressKind, nil
	case strings.HasPrefix(arg, s3.Scheme):
		return s3Kind, nil
	case dbserver.Is(arg):
		if strings.HasPrefix(arg, mysqlKind) {
			return mysqlKind, nil
		}
		return postgresKind, nil
	case strings.HasPrefix(arg, "sqlite:"):
		return sqliteKind, nil
	case cfg.From != "":
		return cfg.From, nil
	}
	if OnlyOnce(arg) {
		return "stdin", nil // a look at its head would take that from its reader
	}
	file, path, _, err := find(arg, cfg)
	switch {
	case err != nil:
		return "", err
	case file.Name == "":
		return "folder", nil
	}
	head, err := file.Head(ctx)
	if err != nil {
		return "", badSource(arg, bare(err), "")
	}
	if name := tell(path, head); name != "" {
		return name, nil
	}
	return "unknown", nil
}
