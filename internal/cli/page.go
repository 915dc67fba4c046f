package cli

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"quarry/internal/cli/board"
)

// pageWidth is how wide a page on stdout may be, in cells: the terminal's width, else $COLUMNS, else 80.
func (a *App) pageWidth() int {
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
	return 80
}

const narrowest = 20

// wrapped breaks a text between words; see board.Wrap.
func wrapped(text string, indent, hang, width int) string {
	return board.Wrap(text, indent, hang, width)
}
