package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
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
	if !a.quiet {
		fmt.Fprintln(a.Stderr, plain(fmt.Sprintf(format, args...)))
	}
}

// plain takes out what could move a terminal's cursor or change what was printed before: control and format characters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || (unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c') {
			return -1
		}
		return r
	}, s)
}

// isTerminal reports whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
