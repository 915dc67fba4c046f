package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"quarry/internal/cli/board"
)

// writeJSON prints a value for programs.
func (a *App) writeJSON(v any) error {
	out := json.NewEncoder(a.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// say prints a line for people.
func (a *App) say(format string, args ...any) {
	if show := a.showing; show != nil {
		show.say(format, args...)
		return
	}
	text := plain(fmt.Sprintf(format, args...))
	a.logWarning(text)
	if !a.quiet {
		fmt.Fprintln(a.Stderr, a.folded(text))
	}
}

// logWarning gives a warning to a log on stderr, which has the place of the text for people. It is for what is said before there is a run
// directory; the run's own log has the rest.
func (a *App) logWarning(text string) {
	if warning, ok := strings.CutPrefix(text, warned); ok && a.logFormat == jsonLog {
		slog.New(a.logHandler(io.Discard)).Warn(warning)
	}
}

// warned begins each line that is a warning.
const warned = "warning: "

// folded breaks a line between words where stderr is a terminal, which would break it anywhere.
func (a *App) folded(line string) string {
	f, ok := a.Stderr.(*os.File)
	if !ok || !isTerminal(f) {
		return line
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= narrowest {
		return board.Fold(line, w)
	}
	return line
}

// plain is a text on one line without what could move a terminal's cursor or change what was printed before.
func plain(s string) string { return strings.ReplaceAll(board.Plainly(s), "\n", "") }

// isTerminal reports whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
