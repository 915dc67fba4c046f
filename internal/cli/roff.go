package cli

import (
	"fmt"
	"strings"
)

// roff is a manual page that is being written, in the macros of man(7).
type roff struct{ strings.Builder }

// line writes a request to roff. Its arguments are escaped already.
func (p *roff) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes lines that are printed as they are.
func (p *roff) text(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		p.line("%s", printed(line))
	}
}

// paragraphs writes text to fill, and indented text line by line.
func (p *roff) paragraphs(parts []string) {
	for i, part := range parts {
		if i > 0 {
			p.line(".PP")
		}
		if strings.HasPrefix(part, " ") || strings.HasPrefix(part, "\t") { // lines to type
			p.line(".nf")
			p.text(part)
			p.line(".fi")
		} else {
			p.text(part)
		}
	}
}

// heading writes the title of a group, unless it is the one that the section has already.
func (p *roff) heading(title, already string) {
	if title != already {
		p.line(".SS %s", quoted(title))
	}
}

// item writes a name, in bold, and the text about it.
func (p *roff) item(name, about string) {
	p.line(".TP")
	p.line(".B %s", quoted(name))
	p.text(about)
}

// printed escapes a line, so that roff prints what is in it: a backslash, a hyphen that is to be copied, and a first character that would
// begin a request.
func printed(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

// quoted is one argument of a request.
func quoted(s string) string {
	return `"` + strings.ReplaceAll(printed(s), `"`, `\(dq`) + `"`
}
