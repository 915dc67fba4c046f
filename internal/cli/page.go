package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
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

// wrapped breaks a text between words, so that no line has more than width cells. The first line has an indent of its own; hang
// is that of the others. A word that is longer than a line is cut.
func wrapped(text string, indent, hang, width int) string {
	var b strings.Builder
	line := strings.Repeat(" ", indent)
	empty := true
	end := func() {
		b.WriteString(line + "\n")
		line, empty = strings.Repeat(" ", hang), true
	}
	for _, word := range strings.Fields(text) {
		if !empty && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > width {
			end()
		}
		for runewidth.StringWidth(line)+runewidth.StringWidth(word) > width && empty {
			head := runewidth.Truncate(word, max(width-runewidth.StringWidth(line), 2), "")
			line, word = line+head, word[len(head):]
			end()
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	if !empty {
		b.WriteString(line + "\n")
	}
	return b.String()
}
