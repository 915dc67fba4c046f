package board

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Plainly takes out what could move a terminal's cursor or change what was printed before: control and format characters. Line breaks
// stay, the joiners too, which Persian and emoji need.
func Plainly(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\u200d' || r == '\u200c':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
}

// Wrap breaks a text between words, so that no line has more than width cells. The first line has an indent of its own; hang
// is that of the others. A word that is longer than a line is cut.
func Wrap(text string, indent, hang, width int) string {
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

// label is what a line begins with: an indent, or a name and the space after it.
var label = regexp.MustCompile(`^ *(?:\S+ )*?\S+ {2,}|^ +`)

// Fold breaks a line that is wider than so many cells between words, below its text where it begins with a name in a column.
func Fold(line string, width int) string {
	if runewidth.StringWidth(line) <= width {
		return line
	}
	head := label.FindString(line)
	hang := runewidth.StringWidth(head)
	if hang == 0 || hang > width/2 {
		head, hang = "", 2
	}
	folded := split(Wrap(line[len(head):], hang, hang, width))
	if len(folded) == 0 {
		return line
	}
	folded[0] = head + folded[0][hang:]
	return strings.Join(folded, "\n")
}

// oneLine cuts a text after the last word that fits, and says so.
func oneLine(text string, indent, width int) string {
	first, rest, more := strings.Cut(Wrap(text, indent, indent, width-2), "\n")
	if more && rest != "" {
		return first + " …"
	}
	return first
}
