package mdtext

import (
	"unicode"
	"unicode/utf8"
)

// A delim is a run of emphasis marks that may open or close.
type delim struct {
	tok        int // its token
	ch         byte
	length     int // of the whole run
	opens      bool
	closes     bool
	prev, next int // neighbours that are still in play, -1 at the ends
	gone       bool
}

// delimiter reads a run of *, _ or ~~.
func (p *Parser) delimiter(b []byte, from, i int) int {
	c := b[i]
	n := run(b[i:], c)
	if c == '~' && n != 2 { // one tilde is in ranges: 3~5
		p.cut(from, i+n)
		return i + n
	}
	opens, closes := flanks(b, i, i+n)
	if !opens && !closes {
		p.cut(from, i+n)
		return i + n
	}
	p.cut(from, i)
	p.toks = append(p.toks, token{kind: tokDelim, from: i, to: i + n, n: n})
	prev := len(p.delims) - 1
	if prev >= 0 {
		p.delims[prev].next = len(p.delims)
	}
	p.delims = append(p.delims, delim{
		tok: len(p.toks) - 1, ch: c, length: n, opens: opens, closes: closes, prev: prev, next: -1,
	})
	return i + n
}

// flanks says whether the run b[from:to] can open and close emphasis. The rule is CommonMark's; next to Japanese and
// Chinese characters, which have no blanks between words, punctuation does not count, else `**「引用」**は` would keep its
// marks (commonmark/commonmark-spec#650).
func flanks(b []byte, from, to int) (opens, closes bool) {
	before, after := '\n', '\n'
	if from > 0 {
		if before = rune(b[from-1]); before >= utf8.RuneSelf {
			before, _ = utf8.DecodeLastRune(b[:from])
		}
	}
	if to < len(b) {
		if after = rune(b[to]); after >= utf8.RuneSelf {
			after, _ = utf8.DecodeRune(b[to:])
		}
	}
	blankBefore, blankAfter := isSpaceRune(before), isSpaceRune(after)
	punctBefore, punctAfter := isPunctRune(before), isPunctRune(after)
	east := isEast(before) || isEast(after)
	left := !blankAfter && (!punctAfter || blankBefore || punctBefore || east)
	right := !blankBefore && (!punctBefore || blankAfter || punctAfter || east)
	if b[from] == '*' && to-from == 2 && blankBefore && (to == len(b) || b[to] == '\n') {
		right = true // `**Bold line **`: CommonMark would keep the marks, and no one means them
	}
	if b[from] == '_' {
		return left && (!right || punctBefore), right && (!left || punctAfter)
	}
	return left, right
}

func isSpaceRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	return unicode.IsSpace(r)
}

func isPunctRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isPunct(byte(r))
	}
	return unicode.IsPunct(r) || unicode.IsSymbol(r)
}

// isEast reports whether a character belongs to a script that is written without blanks.
func isEast(r rune) bool {
	return r >= 0x2E80 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF || r >= 0xFF00 && r <= 0xFFEF || r >= 0x20000 && r <= 0x3FFFF
}

// bottoms remembers, for each kind of closer, below which delimiter no opener was found, so that none is looked for
// there again. That keeps the matching linear.
type bottoms [18]int

func bottomKind(d *delim) int {
	kind := 0
	switch d.ch {
	case '_':
		kind = 6
	case '~':
		return 12 + d.length
	}
	if d.opens {
		kind += 3
	}
	return kind + d.length%3
}

// emphasise matches the marks from the delimiter with the given number on, and takes those away that are emphasis.
func (p *Parser) emphasise(bottom int) {
	if len(p.delims) <= bottom {
		return
	}
	var low bottoms
	for n := range low {
		low[n] = bottom
	}
	closer := bottom
	for closer >= 0 && closer < len(p.delims) {
		c := &p.delims[closer]
		if c.gone || !c.closes {
			closer = p.after(closer)
			continue
		}
		kind := bottomKind(c)
		opener, found := c.prev, false
		for opener >= low[kind] && opener >= bottom {
			if o := &p.delims[opener]; !o.gone && matches(o, c) {
				found = true
				break
			}
			opener = p.delims[opener].prev
		}
		if !found {
			low[kind] = closer
			next := p.after(closer)
			if !c.opens {
				p.remove(closer)
			}
			closer = next
			continue
		}
		closer = p.pair(opener, closer)
	}
	for n := bottom; n < len(p.delims); n++ {
		if !p.delims[n].gone {
			p.remove(n)
		}
	}
	p.delims = p.delims[:bottom]
}

// after is the next delimiter that is in play.
func (p *Parser) after(n int) int {
	if next := p.delims[n].next; next >= 0 {
		return next
	}
	return len(p.delims)
}

// matches reports whether two runs of the same mark are opener and closer, by CommonMark's rule of three.
func matches(o, c *delim) bool {
	if o.ch != c.ch || !o.opens {
		return false
	}
	if o.ch == '~' {
		return o.length == c.length
	}
	return !(o.closes || c.opens) || (o.length+c.length)%3 != 0 || o.length%3 == 0 && c.length%3 == 0
}

// pair takes the marks of one emphasis away and returns the closer to look at next.
func (p *Parser) pair(opener, closer int) int {
	o, c := &p.delims[opener], &p.delims[closer]
	use := 1
	if p.toks[o.tok].n >= 2 && p.toks[c.tok].n >= 2 {
		use = 2
	}
	p.toks[o.tok].n -= use
	p.toks[c.tok].n -= use
	// What is between them can match nothing any more.
	for n := c.prev; n != opener && n >= 0; {
		prev := p.delims[n].prev
		p.remove(n)
		n = prev
	}
	if p.toks[o.tok].n == 0 {
		p.remove(opener)
	}
	if p.toks[c.tok].n > 0 {
		return closer
	}
	next := p.after(closer)
	p.remove(closer)
	return next
}

func (p *Parser) remove(n int) {
	d := &p.delims[n]
	d.gone = true
	if d.prev >= 0 {
		p.delims[d.prev].next = d.next
	}
	if d.next >= 0 {
		p.delims[d.next].prev = d.prev
	}
}
