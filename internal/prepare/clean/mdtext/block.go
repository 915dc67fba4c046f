package mdtext

import "bytes"

// containerKind is what a container is.
type containerKind uint8

const (
	quote containerKind = iota
	list
	item
	note   // a footnote's definition
	aside  // what is indented below a mark of MkDocs
	fenced // a directive whose body is prose; it ends with a fence of indent marks
)

// A container is a block that holds blocks.
type container struct {
	kind   containerKind
	mark   byte // list: its bullet, or the character after its numbers
	indent int  // item, note: columns that belong to the mark
	empty  bool // item: nothing but blank lines so far
}

// leafKind is what an open leaf block is.
type leafKind uint8

const (
	noLeaf leafKind = iota
	paragraph
	fence
	indented
	htmlBlock
	table
	template     // a template mark over several lines
	until        // what goes up to a place in the source
	codeUntil    // a fence that never ends, up to a place in the source
	templateBody // the body of a mark that goes with it, up to a word
)

// leaf is the open leaf block.
type leaf struct {
	kind   leafKind
	from   int // its first line in p.lines
	begin  int // where it began in src
	mark   byte
	length int  // of a fence's mark
	closed bool // a fence met its end
	indent int  // of a fence
	html   int  // which end condition an HTML block has
	end    string
	stop   int // where it ends, where that is known at its beginning
	lines  int // how many lines a template mark has continued for
}

// blocks reads the source line by line into ops.
func (p *Parser) blocks() {
	src := p.src
	for i := 0; i < len(src); {
		end, next := len(src), len(src)
		if n := bytes.IndexByte(src[i:], '\n'); n >= 0 {
			end, next = i+n, i+n+1
		}
		if end > i && src[end-1] == '\r' {
			end--
		}
		if p.plainLine(i) {
			p.addLine(i, end)
		} else {
			p.line(i, end)
		}
		p.flush()
		if p.leaf.kind != noLeaf && len(p.lines)-p.leaf.from > maxLines {
			p.closeLeaf(next)
		}
		if i = next; i >= len(src) {
			i = p.afterOpenFence()
		}
	}
	p.closeTo(0, len(src))
}

// plainLine reports whether a line can be nothing but a paragraph's text, by its first byte and where it is.
func (p *Parser) plainLine(i int) bool {
	return len(p.stack) == 0 && starts[p.src[i]]&plainStart != 0 && p.leaf.kind == paragraph
}

func (p *Parser) addLine(from, to int) { p.lines = append(p.lines, span{from, to}) }

// line reads one line.
func (p *Parser) line(start, end int) {
	p.pos, p.col, p.eol, p.started = start, 0, end, false
	matched, ends := p.match()
	if ends {
		p.closeTo(matched, start)
		return
	}
	if p.options && p.option() {
		return
	}
	all := matched == len(p.stack)
	if all && p.continueLeaf(start) {
		return
	}
	lazy := p.leaf.kind == paragraph
	// A leaf of a container that this line left is no longer open, but for a paragraph, which may continue lazily.
	if !all && !lazy {
		p.closeLeaf(start)
	}
	for p.startBlock(&matched, start) {
		lazy = false
	}
	if p.leaf.kind != noLeaf && p.started {
		return
	}
	p.rest(matched, lazy, start)
}

// rest takes what is left of the line as text.
func (p *Parser) rest(matched int, lazy bool, start int) {
	indent, at := p.indent()
	blank := at >= p.eol
	if lazy && !blank && matched < len(p.stack) && !p.started {
		p.addLine(at, p.eol)
		return
	}
	if blank {
		p.closeTo(matched, start)
		p.closeLeaf(start)
		return
	}
	p.closeTo(p.unlisted(matched), start)
	p.touch()
	if p.leaf.kind == table && !p.started {
		p.addLine(at, p.eol)
		return
	}
	if p.leaf.kind != paragraph {
		if indent >= 4 {
			p.closeLeaf(start)
			p.leaf = leaf{kind: indented, from: len(p.lines), begin: start}
			p.advance(4)
			p.addLine(p.pos, p.eol)
			return
		}
		p.closeLeaf(start)
		p.leaf = leaf{kind: paragraph, from: len(p.lines), begin: start}
	}
	p.addLine(at, p.eol)
}

// match follows the open containers along the line and returns how many it belongs to; ends says that the line is the end of
// the next one.
func (p *Parser) match() (n int, ends bool) {
	for n := range p.stack {
		c := &p.stack[n]
		if c.kind == list {
			continue
		}
		indent, at := p.indent()
		switch {
		case c.kind == fenced:
			if p.closesFence(c, indent, at) {
				return n, true
			}
		case c.kind == quote:
			if indent > 3 || at >= p.eol || p.src[at] != '>' {
				return n, false
			}
			p.advanceTo(at, indent)
			p.quoteMark()
		case at >= p.eol: // blank
			if c.empty && c.kind == item && p.leaf.kind == noLeaf {
				return n, false // an item may begin with one blank line at most
			}
		case indent >= c.indent:
			p.advance(c.indent)
		default:
			return n, false
		}
	}
	return len(p.stack), false
}

func (p *Parser) quoteMark() {
	p.pos++
	p.col++
	if p.pos < p.eol && (p.src[p.pos] == ' ' || p.src[p.pos] == '\t') {
		p.advance(1)
	}
}

// touch notes that the innermost containers hold more than blank lines.
func (p *Parser) touch() {
	for n := len(p.stack) - 1; n >= 0 && p.stack[n].empty; n-- {
		p.stack[n].empty = false
	}
}

// indent returns how many columns of blanks are ahead, and where the first other character is.
func (p *Parser) indent() (columns, at int) {
	col := p.col
	for at = p.pos; at < p.eol; at++ {
		switch p.src[at] {
		case ' ':
			col++
		case '\t':
			col += 4 - col%4
		default:
			return col - p.col, at
		}
	}
	return col - p.col, at
}

// advance moves over columns of blanks. A tab may be left half used: col is then inside of it.
func (p *Parser) advance(columns int) {
	for columns > 0 && p.pos < p.eol {
		switch p.src[p.pos] {
		case ' ':
			p.pos++
			p.col++
			columns--
		case '\t':
			width := 4 - p.col%4
			if width > columns {
				p.col += columns
				return
			}
			p.pos++
			p.col += width
			columns -= width
		default:
			return
		}
	}
}

func (p *Parser) advanceTo(at, columns int) {
	p.pos = at
	p.col += columns
}

// closeTo closes the leaf and all containers but the first n.
func (p *Parser) closeTo(n, at int) {
	if n < len(p.stack) || at == len(p.src) {
		p.closeLeaf(at)
	}
	for len(p.stack) > n {
		c := p.stack[len(p.stack)-1]
		p.stack = p.stack[:len(p.stack)-1]
		switch c.kind {
		case list:
			p.ops = append(p.ops, op{kind: opListEnd})
		case item:
			p.ops = append(p.ops, op{kind: opItemEnd})
		default:
			p.ops = append(p.ops, op{kind: opBreak})
		}
	}
}

// begin closes what a new block of the line is not part of.
func (p *Parser) begin(matched *int, start int) {
	*matched = p.unlisted(*matched)
	p.closeLeaf(start)
	p.closeTo(*matched, start)
	p.started = true
}

// unlisted leaves out a list of which no item is open: only another item can continue with it.
func (p *Parser) unlisted(n int) int {
	if n > 0 && p.stack[n-1].kind == list {
		return n - 1
	}
	return n
}

func (p *Parser) push(c container, matched *int) {
	p.touch()
	p.stack = append(p.stack, c)
	*matched = len(p.stack)
}
