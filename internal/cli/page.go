package cli

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"quarry/internal/cli/board"
)

// pageWidth is how wide a page on stdout may be, in cells: the terminal's width, else $COLUMNS, else 80.
func (a *App) pageWidth() int {
	if w := a.knownWidth(); w > 0 {
		return w
	}
	return 80
}

// knownWidth is the width of stdout, 0 where nothing says it: in a pipe or a file, unless $COLUMNS is set.
func (a *App) knownWidth() int {
	if f, ok := a.Stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return max(w, narrowest)
		}
	}
	var w int
	if text, set := a.Env("COLUMNS"); set {
		if _, err := fmt.Sscan(text, &w); err == nil && w > 0 {
			return max(w, narrowest)
		}
	}
	return 0
}

// line writes a line, in whole words below each other where it does not fit.
func (a *App) line(text string) {
	text = plain(text)
	if w := a.knownWidth(); w > 0 {
		text = board.Fold(text, w)
	}
	fmt.Fprintln(a.Stdout, text)
}

// row writes a line with a name in a column and a text. Where the width of stdout is known, a text that does not fit continues below its
// beginning, in whole words; a pipe or a file gets one line.
func (a *App) row(name string, column int, text string) {
	head, text := fmt.Sprintf("%-*s ", column, plain(name)), strings.TrimSpace(plain(text))
	if w := a.knownWidth(); w > 0 && text != "" {
		hang := column + 1
		text = strings.TrimSuffix(board.Wrap(text, hang, hang, w), "\n")[hang:]
	}
	fmt.Fprintln(a.Stdout, strings.TrimRight(head+text, " "))
}

const narrowest = 20

// wrapped breaks a text between words; see board.Wrap.
func wrapped(text string, indent, hang, width int) string {
	return board.Wrap(text, indent, hang, width)
}
