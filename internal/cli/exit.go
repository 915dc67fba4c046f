package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"quarry"
)

// interrupted is the exit code after Ctrl-C, as of a shell: 128 and the number of SIGINT.
const interrupted = 130

// exitCode gives the program's exit code for an error, and a hint where the error has none of its own.
func exitCode(err error) (code int, hint string) {
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind == quarry.Internal {
		switch hint := pathHint(err); {
		case fullDisk(err) && q == nil:
			return 1, hint
		case !fullDisk(err) && hint != "":
			return 2, hint
		}
	}
	if q == nil {
		// cobra's own errors about commands and arguments have no type.
		for _, usage := range []string{"unknown command", "accepts ", "requires at least", "unknown flag", "required flag", "unknown shorthand"} {
			if strings.HasPrefix(err.Error(), usage) {
				return 2, "see: quarry --help"
			}
		}
		return 1, ""
	}
	switch q.Kind {
	case quarry.BadUsage:
		return 2, ""
	case quarry.BadItems:
		return 3, ""
	case quarry.Denied:
		return 4, ""
	case quarry.OverLimit:
		return 5, ""
	case quarry.Provider:
		return 6, ""
	case quarry.Locked:
		return 7, ""
	case quarry.AuditFault:
		return 8, ""
	}
	return 1, ""
}

// pathHint gives the way out of an error of the file system that no package has put in words of its own, or nothing for
// any other error. Whether a path can be used is for the user to see to, so none of these is a fault of this program. A full disk
// is no wrong command either: it keeps exit code 1.
func pathHint(err error) string {
	if fullDisk(err) { // SQLite names no path
		return "free space on the disk, then rerun the same command"
	}
	var path *fs.PathError
	var link *os.LinkError
	if !errors.As(err, &path) && !errors.As(err, &link) {
		return ""
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "give this user access (ls -ld shows the permissions), or name another path"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path; a name with spaces needs quotes"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of the path is a file, not a folder: check the path"
	case errors.Is(err, syscall.EISDIR):
		return "it is a folder: name a file"
	case errors.Is(err, fs.ErrExist):
		return "move the existing file away, or name another path"
	case errors.Is(err, syscall.EROFS):
		return "its file system is read-only: name a path on another"
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ELOOP):
		return "name a path that is shorter and has no loop of links"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "raise the limit of open files (ulimit -n), then rerun the same command"
	}
	return ""
}

// fullDisk tells a disk, or a quota of it, that is used up.
func fullDisk(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// bare takes "open PATH:" off an error whose subject says the path already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// resumed are the commands that keep what they did when they are interrupted.
var resumed = []string{"run", "collect", "adopt", "setup", "publish"}

// exit turns an error into what people see and the code that scripts branch on.
func (a *App) exit(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return 0
	}
	var command *exitError
	if errors.As(err, &command) {
		return command.code
	}
	if errors.Is(err, context.Canceled) || (ctx.Err() != nil && errors.Is(err, context.Cause(ctx))) {
		if a.logFormat == jsonLog {
			slog.New(a.logHandler(io.Discard)).Error("interrupted", "exit_code", interrupted)
			return interrupted
		}
		line := "quarry: interrupted"
		if slices.Contains(resumed, cmd.Name()) {
			line += "; rerun the same command to resume"
		}
		fmt.Fprintln(a.Stderr, line)
		return interrupted
	}
	var q *quarry.Error
	code, hint := exitCode(err)
	if errors.As(err, &q) && hint == "" {
		hint = q.Hint
	}
	if a.logFormat == jsonLog {
		slog.New(a.logHandler(io.Discard)).Error("failed", "error", err.Error(), "hint", hint, "exit_code", code)
		return code
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "quarry: error: " + line
		} else {
			line = "                " + line
		}
		fmt.Fprintln(a.Stderr, a.folded(plain(line)))
	}
	if hint != "" {
		fmt.Fprintln(a.Stderr, a.folded(plain("quarry: hint: "+hint)))
	}
	return code
}
