// Command pictures draws a screen of a terminal as SVG: it reads what `tmux capture-pane -e -p` prints, and writes the picture to standard output.
package main

import (
	"bufio"
	"fmt"
	"html"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	cell, line, margin = 8.4, 19.0, 14.0 // pixels, for a font of 14 pixels
	style              = `font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:14px;white-space:pre`
)

// palette has the eight colours of ECMA-48, as they are readable on the dark ground.
var palette = [8]string{"#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3"}

var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// pen is how the text that follows is drawn.
type pen struct {
	colour    string
	bold, dim bool
}

func (p *pen) apply(codes string) {
	for code := range strings.SplitSeq(codes, ";") {
		n, _ := strconv.Atoi(code) // an empty code is 0
		switch {
		case n == 0:
			*p = pen{}
		case n == 1:
			p.bold = true
		case n == 2:
			p.dim = true
		case n == 22:
			p.bold, p.dim = false, false
		case n == 39:
			p.colour = ""
		case n >= 30 && n <= 37:
			p.colour = palette[n-30]
		case n >= 90 && n <= 97:
			p.colour = palette[n-90]
		}
	}
}

func (p *pen) attributes() string {
	fill := p.colour
	if fill == "" {
		fill = palette[7]
	}
	more := ""
	if p.bold {
		more = ` font-weight="bold"`
	}
	if p.dim {
		more += ` opacity="0.65"`
	}
	return fmt.Sprintf(`fill=%q%s`, fill, more)
}

func main() {
	var rows []string
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		rows = append(rows, in.Text())
	}
	for len(rows) > 0 && strings.TrimSpace(sgr.ReplaceAllString(rows[len(rows)-1], "")) == "" {
		rows = rows[:len(rows)-1]
	}
	if err := in.Err(); err != nil || len(rows) == 0 {
		fmt.Fprintln(os.Stderr, "pictures: no screen on standard input:", err)
		os.Exit(1)
	}
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(sgr.ReplaceAllString(row, "")))
	}
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n", float64(width)*cell+2*margin, float64(len(rows))*line+2*margin)
	fmt.Fprintln(out, `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`)
	var p pen
	for i, row := range rows {
		column := 0
		put := func(text string) {
			if text != "" {
				fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\" style=%q %s>%s</text>\n", margin+float64(column)*cell, margin+float64(i)*line+14,
					float64(utf8.RuneCountInString(text))*cell, style, p.attributes(), html.EscapeString(text))
			}
			column += utf8.RuneCountInString(text)
		}
		at := 0
		for _, m := range sgr.FindAllStringSubmatchIndex(row, -1) {
			put(row[at:m[0]])
			p.apply(row[m[2]:m[3]])
			at = m[1]
		}
		put(strings.TrimRight(row[at:], " "))
	}
	fmt.Fprintln(out, "</svg>")
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}
