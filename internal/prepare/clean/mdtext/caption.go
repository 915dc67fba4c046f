package mdtext

import (
	"bytes"
	"slices"

	"quarry/internal/prepare/clean/rule"
)

// This file keeps the words that a reader sees and that are in the attributes of a mark: Hugo's figure shows its title, its caption
// and its attribution (https://gohugo.io/shortcodes/figure/), and themes show the titles of their notices, tabs and details.

// nextCaption finds the first words from a place on in a mark of a shortcode or of Liquid that a reader sees: the value of an
// attribute, or the title that some marks take without a name (`{{% notice note "Title" %}}`).
func nextCaption(mark []byte, i int) (from, to int) {
	kind := wordsOf(mark)
	if kind == noWords {
		return 0, 0
	}
	for at := max(i, 3); at < len(mark); {
		n := bytes.IndexAny(mark[at:], "\"'`")
		if n < 0 {
			return 0, 0
		}
		at += n
		end := quoteEnd(mark, at)
		if end < 0 {
			return 0, 0
		}
		value := mark[at+1 : end]
		before := bytes.TrimRight(mark[:at], " \t\r\n")
		named := before[len(before)-1] == '='
		switch {
		case len(value) == 0:
		case named && kind.shows(attributeName(before[:len(before)-1])), !named && kind == titledWords && i <= 3 && !isSetting(value):
			return at + 1, end
		}
		at = end + 1
	}
	return 0, 0
}

// A markWords says which words of a mark a reader sees.
type markWords uint8

const (
	noWords      markWords = iota
	captionWords           // the caption alone: what else there is belongs to a frame or an image
	figureWords
	quoteWords
	tabWords
	otherWords
	titledWords // the first words without a name too
)

// shows reports whether a reader sees the value of an attribute.
func (k markWords) shows(name []byte) bool {
	switch string(name) {
	case "caption":
		return true
	case "title":
		return k > captionWords
	case "attr":
		return k == figureWords
	case "author", "source", "cite":
		return k == quoteWords
	case "name":
		return k == tabWords || k == titledWords
	case "summary", "subtitle", "header", "heading", "label", "content", "text", "message", "question", "answer", "description":
		return k > figureWords
	}
	return false
}

// wordsOf says which words of a mark a reader sees, by the mark's name.
func wordsOf(mark []byte) markWords {
	if !isMark(mark) {
		return noWords
	}
	inner := bytes.TrimLeft(mark[2:], "<%- \t\r\n")
	n := 0
	for n < len(inner) && (isAlpha(inner[n]) || inner[n] >= '0' && inner[n] <= '9' || inner[n] == '-' || inner[n] == '_' || inner[n] == '/') {
		n++
	}
	name := inner[:n]
	switch string(name) {
	case "assign", "set", "capture", "if", "elsif", "elif", "else", "unless", "for", "case", "when", "cycle", "increment", "macro", "import", "from",
		"extends", "block", "comment", "echo", "with", "ref", "relref", "highlight", "code", "codeblock", "code-block", "meta", "seo", "script", "style", "raw", "param":
		return noWords
	case "figure":
		return figureWords
	case "notice", "expand", "details", "admonition", "tab", "tab-item", "tabitem", "collapse", "collapsible", "spoiler", "accordion", "accordion-item", "callout",
		"alert", "note", "tip", "warning", "info", "important", "caution", "danger", "step", "card", "panel", "toggle", "box", "badge", "faq", "question":
		return titledWords
	}
	if bytes.HasPrefix(name, []byte("include")) || string(name) == "render" || string(name) == "partial" {
		name = firstWord(inner[n:])
	}
	for _, frame := range [...]string{"youtube", "vimeo", "video", "iframe", "img", "image", "audio", "gist", "tweet", "twitter", "embed", "link"} {
		if bytes.Contains(name, []byte(frame)) {
			return captionWords
		}
	}
	switch {
	case bytes.Contains(name, []byte("figure")):
		return figureWords
	case bytes.Contains(name, []byte("quote")):
		return quoteWords
	case bytes.Contains(name, []byte("tab")), bytes.Contains(name, []byte("step")):
		return tabWords
	}
	return otherWords
}

// firstWord gives the first word of b, such as the name of an included file.
func firstWord(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t\r\n\"'")
	n := 0
	for n < len(b) && b[n] > ' ' {
		n++
	}
	return b[:n]
}

// isSetting reports whether words without a name are a setting of the mark and no title.
func isSetting(value []byte) bool {
	switch string(value) {
	case "open", "closed", "true", "false", "primary", "secondary", "light", "dark", "default", "...":
		return true
	}
	return slices.Contains(admonitions[:], string(value))
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
		p.add(tokBlank, i+at, i+from)
		found = true
		p.within(b[:i+to], i+from)
		at = to + 1
	}
	if found {
		if end < len(b) && (isASCIIWord(b[end]) || bytes.IndexByte([]byte("*_`[<{"), b[end]) >= 0) {
			p.add(tokBlank, end, end)
		}
		p.Counts.Note(rule.Template, end-i)
	}
	return found
}

// within cuts the end of b from a place on into tokens by itself: Hugo and others read such words as Markdown.
func (p *Parser) within(b []byte, from int) {
	ticks, noEnd, open, dead, delims := p.ticks, p.noEnd, p.open, p.dead, len(p.delims)
	p.ticks, p.open, p.dead = [maxTicks + 1]int{}, p.open[len(p.open):], 0 // no bracket from outside is closed in here
	p.scan(b, from, p.marks.Next(from))
	p.emphasise(delims)
	p.ticks, p.noEnd, p.open, p.dead = ticks, noEnd, open, dead
}

// captionLines makes a paragraph of the words in the marks of a piece of the source.
func (p *Parser) captionLines(from, to int) {
	first := len(p.lines)
	for from < to {
		n := bytes.IndexByte(p.src[from:to], '{')
		if n < 0 {
			break
		}
		from += n
		end := braceMarkEnd(p.src[:to], from)
		if end == 0 {
			end = to
		}
		mark := p.src[from:end]
		for at := 0; ; {
			start, stop := nextCaption(mark, at)
			if start == stop {
				break
			}
			p.addLine(from+start, from+stop)
			at = stop + 1
		}
		from = end
	}
	if first < len(p.lines) {
		p.ops = append(p.ops, op{kind: opParagraph, lines: span{first, len(p.lines)}}, op{kind: opBreak})
	}
}
