package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/htmltext"
)

// What a line may begin with, by its first byte.
const (
	plainStart uint8 = 1 << iota // nothing but text
	markStart                    // perhaps a block
)

var starts = func() (t [256]uint8) {
	for c := range t {
		t[c] = plainStart
	}
	for _, c := range []byte("\n\r\t >#`~<=-_*+0123456789|:{[@!?/%(") {
		t[c] = markStart
	}
	// import and export of MDX, which cannot interrupt a paragraph
	t['i'], t['e'] = markStart|plainStart, markStart|plainStart
	return t
}()

// startBlock begins the block that the rest of the line begins, and reports whether what follows may begin another one
// inside of it.
func (p *Parser) startBlock(matched *int, start int) bool {
	if p.started && p.leaf.kind != noLeaf {
		return false
	}
	indent, at := p.indent()
	inParagraph := p.leaf.kind == paragraph && !p.started
	switch {
	case at >= p.eol:
		return false
	case indent >= 4:
		return p.startNested(matched, start, inParagraph)
	case starts[p.src[at]]&markStart == 0:
		return false
	}
	line := p.src[at:p.eol]
	switch c := line[0]; c {
	case '%', '(', '+', '-', '*', '1':
		if p.startMark(matched, start, at, inParagraph) {
			return false
		}
	}
	switch c := line[0]; c {
	case '(':
		return false
	case '>':
		if len(p.stack) >= maxDepth {
			return false
		}
		p.begin(matched, start)
		p.advanceTo(at, indent)
		p.quoteMark()
		p.push(container{kind: quote}, matched)
		p.ops = append(p.ops, op{kind: opBreak})
		return true
	case '#':
		return p.startHeading(matched, start, line)
	case '`', '~':
		return p.startFence(matched, start, indent, line)
	case '<':
		return p.startHTML(matched, start, at, inParagraph)
	case '=':
		if !p.setext(*matched, line, inParagraph) && len(line) > 4 && line[3] != '=' {
			return p.startIndented(matched, start, indent, at)
		}
		return false
	case '!', '?':
		return p.startIndented(matched, start, indent, at)
	case '%':
		return p.startPercent(matched, start, at)
	case '/':
		return p.startSlashes(matched, start, at)
	case '-', '|', ':':
		return p.startDash(matched, start, indent, at, inParagraph)
	case '*', '_', '+':
		if p.startRule(matched, start, line) {
			return false
		}
		return p.startItem(matched, start, indent, at, inParagraph)
	case '{':
		if p.startExpression(matched, start, at, inParagraph) {
			return false
		}
		return p.startTemplate(matched, start, at)
	case '[':
		return p.startNote(matched, start, indent, at, inParagraph)
	case 'i', 'e':
		return p.startModule(matched, start, at, inParagraph)
	case '@':
		return false
	}
	return p.startItem(matched, start, indent, at, inParagraph)
}

// startDash sorts out what a dash, a pipe or a colon begins: an underline, a table, a rule, an item, a container mark or
// a definition.
func (p *Parser) startDash(matched *int, start, indent, at int, inParagraph bool) bool {
	line := p.src[at:p.eol]
	if line[0] == '-' && p.setext(*matched, line, inParagraph) {
		return false
	}
	if inParagraph && *matched == len(p.stack) && p.startTable(line) {
		return false
	}
	switch line[0] {
	case '-':
		if p.startRule(matched, start, line) {
			return false
		}
		return p.startItem(matched, start, indent, at, inParagraph)
	case ':':
		return p.startColon(matched, start, at)
	}
	return false
}

func (p *Parser) startHeading(matched *int, start int, line []byte) bool {
	level := run(line, '#')
	if level > 6 || level < len(line) && line[level] != ' ' && line[level] != '\t' {
		return false
	}
	p.begin(matched, start)
	p.touch()
	text := trim(line[level:])
	if n := len(bytes.TrimRight(text, "#")); n < len(text) && (n == 0 || text[n-1] == ' ' || text[n-1] == '\t') {
		text = trim(text[:n])
	}
	from := p.eol - len(line) + level
	if len(text) > 0 {
		from += bytes.Index(line[level:], text)
	}
	p.addLine(from, from+len(text))
	p.ops = append(p.ops, op{kind: opHeading, n: level, lines: span{len(p.lines) - 1, len(p.lines)}})
	p.consume()
	return false
}

// consume takes the rest of the line as read.
func (p *Parser) consume() { p.pos = p.eol }

func (p *Parser) startFence(matched *int, start, indent int, line []byte) bool {
	length := run(line, line[0])
	if length < 3 || line[0] == '`' && bytes.IndexByte(line[length:], '`') >= 0 {
		return false
	}
	if line[0] == '`' && p.startDirective(matched, start, length, line) {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: fence, from: len(p.lines), begin: start, mark: line[0], length: length, indent: indent}
	if p.staysOpen(&p.leaf) {
		p.openFence()
	}
	return false
}

// setext makes the open paragraph a heading.
func (p *Parser) setext(matched int, line []byte, inParagraph bool) bool {
	n := run(line, line[0])
	if !inParagraph || matched < len(p.stack) || !isBlankLine(line[n:]) {
		return false
	}
	lines := span{p.definitions(span{p.leaf.from, len(p.lines)}), len(p.lines)}
	if lines.from == lines.to {
		p.leaf.from = len(p.lines)
		return false
	}
	level := 1
	if line[0] == '-' {
		level = 2
	}
	p.leaf = leaf{}
	p.ops = append(p.ops, op{kind: opHeading, n: level, lines: lines})
	p.started = true
	p.consume()
	return true
}

// startRule begins a thematic break: three or more of the same mark and nothing else.
func (p *Parser) startRule(matched *int, start int, line []byte) bool {
	if line[0] == '+' {
		return false
	}
	n := 0
	for _, c := range line {
		switch c {
		case line[0]:
			n++
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	if n < 3 {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.ops = append(p.ops, op{kind: opBreak})
	p.consume()
	return true
}

// startItem begins a list item.
func (p *Parser) startItem(matched *int, start, indent, at int, inParagraph bool) bool {
	line := p.src[at:p.eol]
	width, number := 1, -1
	mark := line[0]
	if mark >= '0' && mark <= '9' {
		number = 0
		for width = 0; width < len(line) && width < 9 && line[width] >= '0' && line[width] <= '9'; width++ {
			number = number*10 + int(line[width]-'0')
		}
		if width >= len(line) || line[width] != '.' && line[width] != ')' {
			return false
		}
		mark = line[width]
		width++
	} else if mark == '_' {
		return false
	}
	blank := isBlankLine(line[width:])
	if !blank && line[width] != ' ' && line[width] != '\t' || len(p.stack) >= maxDepth {
		return false
	}
	// An ordered list interrupts a paragraph only when it begins with 1, an empty item never does.
	sibling := *matched > 0 && p.stack[*matched-1].kind == list
	if inParagraph && *matched == len(p.stack) && !sibling && (blank || number > 1 || number == 0) {
		return false
	}
	p.beginItem(matched, start, container{kind: list, mark: mark}, number)
	p.advanceTo(at+width, indent+width)
	padding, _ := p.indent()
	switch {
	case blank:
		padding = 1
	case padding > 4:
		padding = 1
		p.advance(1)
	default:
		p.advance(padding)
	}
	p.push(container{kind: item, indent: indent + width + padding, empty: blank}, matched)
	p.ops = append(p.ops, op{kind: opItem})
	return true
}

// beginItem continues with the open list, when the item is one of its, or begins a list.
func (p *Parser) beginItem(matched *int, start int, l container, number int) {
	n := *matched
	open := n > 0 && p.stack[n-1].kind == list
	if open && p.stack[n-1].mark == l.mark {
		p.closeLeaf(start)
		p.closeTo(n, start)
		p.started = true
		return
	}
	p.begin(matched, start)
	p.push(l, matched)
	p.ops = append(p.ops, op{kind: opList, n: number})
}

// startNote begins a footnote's definition.
func (p *Parser) startNote(matched *int, start, indent, at int, inParagraph bool) bool {
	line := p.src[at:p.eol]
	if len(line) < 5 || line[1] != '^' || len(p.stack) >= maxDepth || inParagraph && *matched == len(p.stack) && !p.noteBefore() {
		return false
	}
	end := bytes.IndexByte(line, ']')
	if end < 3 || end > maxLabel || end+1 >= len(line) || line[end+1] != ':' || bytes.ContainsAny(line[2:end], " \t[") {
		return false
	}
	p.begin(matched, start)
	p.refs[labelHash(line[1:end])] = struct{}{}
	p.advanceTo(at+end+2, indent+end+2)
	p.push(container{kind: note, indent: 4}, matched)
	p.ops = append(p.ops, op{kind: opBreak})
	return true
}

// noteBefore reports whether the open paragraph is a footnote's, which the next footnote ends.
func (p *Parser) noteBefore() bool {
	return len(p.stack) > 0 && p.stack[len(p.stack)-1].kind == note
}

// startModule passes over an import or export of MDX, which begins in the first column.
func (p *Parser) startModule(matched *int, start, at int, inParagraph bool) bool {
	if inParagraph || at != start || len(p.stack) > *matched || p.Settings.KeepTemplates || p.scripts > maxScripts {
		return false
	}
	end := moduleEnd(p.src[:p.window(at)], at)
	if end == p.window(at) && end < len(p.src) {
		end = 0 // it is cut off there
	}
	if end == 0 {
		if bytes.ContainsAny(p.src[at:p.eol], "({[`") { // else it was over at once
			p.scripts++
		}
		return false
	}
	p.mdx = true
	p.beginUntil(matched, start, end)
	return false
}

// maxScripts is how many statements may turn out to be none before no more are looked for.
const maxScripts = 32

// window is up to where the end of a statement that begins at a place is looked for. Each that turned out to be none halves
// it, so that a document full of them is not read over and over.
func (p *Parser) window(at int) int {
	return min(len(p.src), at+max(maxScript>>p.scripts, leastScript))
}

// leastScript is how many bytes of a statement are looked at in any case.
const leastScript = 1 << 10

// beginUntil begins a block that is passed over up to a place in the source.
func (p *Parser) beginUntil(matched *int, start, end int) {
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: until, from: len(p.lines), begin: start, stop: end}
	if end <= p.eol {
		p.closeLeaf(end)
		p.started = true
	}
	p.consume()
}

// startExpression passes over a comment or an expression in braces that MDX has as a block of its own, over empty lines too.
func (p *Parser) startExpression(matched *int, start, at int, inParagraph bool) bool {
	rest := p.src[at:]
	comment := bytes.HasPrefix(bytes.TrimLeft(rest[1:min(len(rest), 80)], " \t\r\n"), []byte("/*"))
	if p.Settings.KeepTemplates || inParagraph || p.scripts > maxScripts || !comment && (!p.mdx || len(rest) > 1 && (rest[1] == '{' || rest[1] == '%' || rest[1] == '#')) {
		return false
	}
	end := balanced(p.src[:p.window(at)], at, maxScript)
	if end > 0 {
		if next := skipSpaces(p.src, end); next < len(p.src) && p.src[next] != '\n' && p.src[next] != '\r' {
			end = 0
		}
	}
	if end == 0 {
		p.scripts++
		return false
	}
	p.beginUntil(matched, start, end)
	return true
}

// startComponent passes over the start tag of a component over several lines, whose attributes may hold anything.
func (p *Parser) startComponent(matched *int, start, at int) bool {
	line := p.src[at:p.eol]
	if len(line) < 2 || line[1] < 'A' || line[1] > 'Z' || p.Settings.KeepTemplates || p.scripts > maxScripts {
		return false
	}
	name := tagName(line)
	if htmltext.Known(name) || len(line) > len(name)+1 && line[len(name)+1] != ' ' {
		return false
	}
	end := tagEnd(p.src[:p.window(at)], at)
	if end == 0 {
		p.scripts++
	}
	if end <= p.eol { // on one line it is a tag like any other
		return false
	}
	if next := skipSpaces(p.src, end); next < len(p.src) && p.src[next] != '\n' && p.src[next] != '\r' {
		return false
	}
	p.beginUntil(matched, start, end)
	first := len(p.lines)
	tag := p.src[at:end]
	htmltext.ComponentWords(tag, name, 1+len(name), bytes.HasSuffix(tag, []byte("/>")), func(from, to int) {
		p.titleLine(at+from, at+to)
	})
	p.leaf.from += len(p.lines) - first
	return true
}

// startHTML begins an HTML block.
func (p *Parser) startHTML(matched *int, start, at int, inParagraph bool) bool {
	line := p.src[at:p.eol]
	if !inParagraph && p.startComponent(matched, start, at) {
		return false
	}
	kind := htmlStart(line)
	if kind == 0 || kind == 7 && inParagraph {
		return false
	}
	if kind == 7 && !p.blockTag(line) {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: htmlBlock, from: len(p.lines), begin: start, html: kind}
	p.addLine(p.pos, p.eol)
	if kind == 6 && !p.Settings.KeepTemplates && isMarkdownTag(line) {
		p.closeLeaf(p.eol)
		p.started, p.leaf = true, leaf{}
	}
	if kind < 6 && htmlEnds(kind, line[min(len(line), 4):]) || kind == 7 && !htmltext.Known(tagName(line)) {
		p.closeLeaf(p.eol)
		p.started, p.leaf = true, leaf{}
	}
	p.consume()
	return false
}
