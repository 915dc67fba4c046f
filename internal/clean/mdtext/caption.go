package mdtext

import (
	"bytes"

	"quarry/internal/clean/rule"
)

// This file keeps the words of an image that stand in the attributes of a mark: Hugo's figure shows its title, its caption and
// its attribution (https://gohugo.io/shortcodes/figure/), and others name what a reader sees below an image as Hugo does.

// nextCaption finds the first attribute from a place on in a mark of a shortcode or of Liquid whose value a reader sees.
func nextCaption(mark []byte, i int) (from, to int) {
	if !isMark(mark) {
		return 0, 0
	}
	figure := bytes.HasPrefix(bytes.TrimLeft(mark[3:], " \t\r\n"), []byte("figure"))
	for i = max(i, 3); i < len(mark); {
		n := bytes.IndexByte(mark[i:], '=')
		if n < 0 || i+n+2 >= len(mark) {
			return 0, 0
		}
		i += n + 1
		name, value := attributeName(mark[:i-1]), skipSpace(mark, i)
		if value >= len(mark) || mark[value] != '"' && mark[value] != '\'' && mark[value] != '`' {
			continue
		}
		end := quoteEnd(mark, value)
		if end < 0 {
			return 0, 0
		}
		i = end + 1
		if end > value+1 && (string(name) == "caption" || figure && (string(name) == "title" || string(name) == "attr")) {
			return value + 1, end
		}
	}
	return 0, 0
}

// attributeName gives the name that ends b.
func attributeName(b []byte) []byte {
	b = bytes.TrimRight(b, " \t\r\n")
	n := len(b)
	for n > 0 && (isAlpha(b[n-1]) || b[n-1] == '-' || b[n-1] == '_') {
		n--
	}
	return b[n:]
}

// quoteEnd gives where the quote at i is closed, or -1.
func quoteEnd(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		switch {
		case b[j] == '\\' && b[i] == '"':
			j++
		case b[j] == b[i]:
			return j
		}
	}
	return -1
}

// captions writes the captions in the mark b[i:end] as text, and reports whether there were any.
func (p *Parser) captions(b []byte, i, end int) bool {
	found := false
	for at := 0; ; {
		from, to := nextCaption(b[i:end], at)
		if from == to {
			break
		}
		if found {
			p.add(tokText, i+at, i+at+1) // the blank behind the quote
		}
		found = true
		p.add(tokText, i+from, i+to)
		at = to + 1
	}
	if found {
		p.Counts.Note(rule.Template, end-i)
	}
	return found
}

// captionLines makes paragraphs of the captions in a mark over several lines, and reports whether there were any.
func (p *Parser) captionLines(from, to int) bool {
	found := false
	mark := p.src[from:to]
	mark = mark[len(mark)-len(bytes.TrimLeft(mark, " \t\r\n>")):]
	start := to - len(mark)
	for at := 0; ; found = true {
		first, end := nextCaption(mark, at)
		if first == end {
			return found
		}
		p.titleLine(start+first, start+end)
		at = end + 1
	}
}
