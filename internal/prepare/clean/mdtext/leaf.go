package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// continueLeaf gives the line to the open leaf where that takes lines as they come, and reports whether it did.
func (p *Parser) continueLeaf(start int) bool {
	switch p.leaf.kind {
	case fence:
		p.fenceLine()
		return true
	case htmlBlock:
		return p.htmlLine(start)
	case template:
		return p.templateLine()
	case codeUntil:
		if start < p.leaf.stop {
			p.codeLine()
			return true
		}
		p.closeLeaf(p.leaf.stop)
		return false
	case until:
		if start < p.leaf.stop {
			return true
		}
		p.closeLeaf(p.leaf.stop)
		return false
	case templateBody:
		if bytes.Contains(p.src[p.pos:p.eol], []byte(p.leaf.end)) {
			p.closeLeaf(p.eol)
		}
		return true
	case indented:
		indent, at := p.indent()
		if at < p.eol && indent < 4 {
			p.closeLeaf(start)
			return false
		}
		p.advance(4)
		p.codeLine()
		return true
	}
	return false
}

func (p *Parser) fenceLine() {
	indent, at := p.indent()
	if indent <= 3 && at < p.eol && p.src[at] == p.leaf.mark {
		n := run(p.src[at:p.eol], p.leaf.mark)
		if n >= p.leaf.length && isBlankLine(p.src[at+n:p.eol]) {
			p.leaf.closed = true
			p.closeLeaf(p.eol)
			return
		}
	}
	p.advance(min(indent, p.leaf.indent))
	p.codeLine()
}

// codeLine keeps a line of code where one may be asked for, and one more, which says that there were more.
func (p *Parser) codeLine() {
	if p.R.Prose || len(p.lines)-p.leaf.from <= p.Settings.KeptCodeLines() {
		p.addLine(min(p.pos, p.eol), p.eol)
	}
}

func (p *Parser) htmlLine(start int) bool {
	line := p.src[p.pos:p.eol]
	if p.leaf.html >= 6 {
		if isBlankLine(line) {
			p.closeLeaf(start)
			return false
		}
		p.addLine(p.pos, p.eol)
		return true
	}
	p.addLine(p.pos, p.eol)
	if htmlEnds(p.leaf.html, line) {
		p.closeLeaf(p.eol)
	}
	return true
}

// maxTemplateLines bounds a template mark: one that does not end soon was none.
const maxTemplateLines = 40

func (p *Parser) templateLine() bool {
	p.addLine(p.pos, p.eol)
	line := p.src[p.pos:p.eol]
	if bytes.Contains(line, []byte(p.leaf.end)) {
		p.closeLeaf(p.eol)
		return true
	}
	if p.leaf.lines++; p.leaf.lines > maxTemplateLines {
		p.leaf.kind = paragraph
	}
	return true
}

// closeLeaf ends the open leaf before a place in the source and makes it an op.
func (p *Parser) closeLeaf(at int) {
	l := p.leaf
	if l.kind == noLeaf {
		return
	}
	p.leaf = leaf{}
	lines := span{l.from, len(p.lines)}
	switch l.kind {
	case paragraph:
		if lines.from = p.definitions(lines); lines.from < lines.to {
			p.ops = append(p.ops, op{kind: opParagraph, lines: lines})
		}
	case fence, codeUntil:
		p.ops = append(p.ops, op{kind: opCode, open: !l.closed && l.mark != ':', n: at - l.begin, lines: lines})
	case indented:
		p.ops = append(p.ops, op{kind: opCode, n: at - l.begin, lines: lines})
	case htmlBlock:
		p.ops = append(p.ops, op{kind: opHTML, n: l.begin, lines: lines})
	case table:
		p.ops = append(p.ops, op{kind: opTable, lines: lines})
	case template, templateBody, until:
		p.Counts.Note(rule.Template, at-l.begin)
		p.ops = append(p.ops, op{kind: opBreak})
		if l.kind == template {
			p.lines = p.lines[:l.from]
			p.captionLines(l.begin, at)
		}
	}
}

func run(b []byte, c byte) int {
	n := 0
	for n < len(b) && b[n] == c {
		n++
	}
	return n
}

func isBlankLine(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
