package mdtext

import (
	"bytes"
	"unicode/utf8"

	"quarry/internal/base/simd"
	"quarry/internal/prepare/clean/rule"
)

// tokenKind is what a token of a block's text is.
type tokenKind uint8

const (
	tokText  tokenKind = iota
	tokDelim           // a run of emphasis marks, of which those that match nothing are text
	tokCode            // the content of a code span
	tokTag             // a tag, comment or declaration of HTML
	tokEntity
	tokLink  // where a link's text begins
	tokBlank // words of a mark are apart from what is around it
	tokBreak // a line break that the author asked for
	tokAlt   // where the description of an image begins; to is its token after the end
	tokColon // the colon after a callout's name
	tokDrop  // something that a rule drops; n is the rule
)

// A token is a piece of a block's text.
type token struct {
	kind     tokenKind
	from, to int
	n        int // delimiter run: how many marks are left
}

// special marks the bytes at which text has to be looked at.
var special = simd.NewSet("\\`*_~[]!<&{\n:%=+")

// maxPiece bounds how much of a block is looked at at once, and with that the memory for tokens. No author writes a
// paragraph that long; a mark that spans two pieces is text.
const maxPiece = 64 << 10

// inlines writes the text of a block: lines joined by line feeds, without the marks of blocks.
func (p *Parser) inlines(b []byte) {
	for len(b) > maxPiece {
		n := bytes.LastIndexByte(b[:maxPiece], '\n')
		if n <= 0 {
			n = bytes.LastIndexByte(b[:maxPiece], ' ')
		}
		if n <= 0 {
			for n = maxPiece; !utf8.RuneStart(b[n]); n-- {
			}
		}
		p.piece(b[:n])
		b = b[n:]
	}
	p.piece(b)
}

func (p *Parser) piece(b []byte) {
	p.marks.Find(b, special)
	i := p.marks.Next(0)
	for i < len(b) && (b[i] == '\n' && !hardBreak(b, i) || b[i] == ':' && !urlAt(b, i) || (b[i] == '=' || b[i] == '+') && (i+1 == len(b) || b[i+1] != b[i])) {
		i = p.marks.Next(i + 1)
	}
	if i == len(b) { // most paragraphs hold no mark at all
		p.say(b)
		return
	}
	p.tokenise(b, i)
	p.emphasise(0)
	p.emit(b, 0, len(p.toks))
}

// hardBreak reports whether the line feed at i has two blanks or more before it.
func hardBreak(b []byte, i int) bool {
	return i >= 2 && b[i-1] == ' ' && b[i-2] == ' '
}

// say writes text in which nothing is markup any more.
func (p *Parser) say(b []byte) {
	if p.R.Skipping() {
		p.R.Unseen(b)
		return
	}
	p.W.Text(b)
}

// tokenise cuts b into tokens. Before first, nothing is special.
func (p *Parser) tokenise(b []byte, first int) {
	p.toks, p.delims, p.open, p.dead = p.toks[:0], p.delims[:0], p.open[:0], 0
	p.ticks = [maxTicks + 1]int{}
	p.noEnd = [inlineEnds]bool{}
	p.pairEnd = 0
	p.scan(b, 0, first)
}

// scan cuts b into tokens from a place on. Before first, nothing is special.
func (p *Parser) scan(b []byte, from, first int) {
	for i := first; i < len(b); {
		next := i
		switch b[i] {
		case '\\':
			next = p.escape(b, from, i)
		case '`':
			next = p.codeSpan(b, from, i)
		case '*', '_', '~':
			next = p.delimiter(b, from, i)
		case '[', '!':
			next = p.opener(b, from, i)
		case ']':
			next = p.closer(b, from, i)
		case '<':
			next = p.angle(b, from, i)
		case '&':
			if _, n := p.R.Entities.DecodeStrict(b[i:]); n > 0 {
				p.cut(from, i)
				p.add(tokEntity, i, i+n)
				next = i + n
			}
		case '{':
			next = p.brace(b, from, i)
		case '%':
			next = p.percent(b, from, i)
		case '=', '+':
			next = p.marked(b, from, i)
		case '\n':
			if hardBreak(b, i) {
				p.cut(from, i)
				p.add(tokBreak, i, i+1)
				next = i + 1
			}
		case ':':
			if end := urlEnd(b, i); end > 0 {
				i = p.marks.Next(end) // an address is text, whatever marks it seems to hold
				continue
			}
		}
		if next == i { // it was text after all
			i = p.marks.Next(i + 1)
			continue
		}
		from = next
		i = p.marks.Next(next)
		if b[next-1] == '\\' && next < len(b) { // the escaped character is text
			i = p.marks.Next(next + 1)
		}
	}
	p.cut(from, len(b))
}

func (p *Parser) add(kind tokenKind, from, to int) {
	p.toks = append(p.toks, token{kind: kind, from: from, to: to})
}

// cut makes the text before a mark a token.
func (p *Parser) cut(from, to int) {
	if from < to {
		p.add(tokText, from, to)
	}
}

func (p *Parser) drop(from, to int, r rule.Rule) {
	p.toks = append(p.toks, token{kind: tokDrop, from: from, to: to, n: int(r)})
}

func (p *Parser) escape(b []byte, from, i int) int {
	if i+1 >= len(b) {
		return i
	}
	switch c := b[i+1]; {
	case c == '\n':
		p.cut(from, i)
		p.add(tokBreak, i, i+2)
		return i + 2
	case isPunct(c):
		p.cut(from, i)
		return i + 1
	}
	return i
}

// emit writes tokens.
func (p *Parser) emit(b []byte, first, last int) {
	for n := first; n < last; n++ {
		t := &p.toks[n]
		if p.R.Skipping() && t.kind != tokTag {
			if t.kind == tokText {
				p.R.Unseen(b[t.from:t.to])
			}
			continue
		}
		switch t.kind {
		case tokText:
			p.W.Text(b[t.from:t.to])
		case tokDelim:
			p.W.Text(b[t.from : t.from+t.n])
		case tokCode:
			p.W.Text(b[t.from:t.to])
		case tokTag:
			p.R.Tag(b[:t.to], t.from)
		case tokEntity:
			text, _ := p.R.Entities.DecodeStrict(b[t.from:t.to])
			p.W.Text(text)
		case tokLink:
			p.W.Link()
		case tokBlank:
			p.W.Blank()
		case tokBreak:
			p.R.LineBreak()
		case tokAlt:
			if !p.Settings.AltText {
				p.Counts.Note(rule.Image, t.to-t.from)
				n = t.n - 1
			}
		case tokColon:
			p.W.Text(colon)
		case tokDrop:
			p.Counts.Note(rule.Rule(t.n), t.to-t.from)
		}
	}
}

var colon = []byte(":")

// urlAt reports whether the colon at i belongs to an address.
func urlAt(b []byte, i int) bool { return urlEnd(b, i) > 0 }

// urlEnd returns the end of the address whose scheme's colon is at i; 0 if it is not an address. It ends at a bracket, a blank,
// a quote or a character outside ASCII, or at a mark that is followed by one of these.
func urlEnd(b []byte, i int) int {
	if i+3 >= len(b) || b[i+1] != '/' || b[i+2] != '/' || !schemeBefore(b, i) {
		return 0
	}
	end := i + 3
	for end < len(b) && b[end] > ' ' && b[end] < 0x7F && !bytes.ContainsRune([]byte("<>[]()\"'`{}|\\"), rune(b[end])) {
		end++
	}
	for end > i+3 && bytes.IndexByte([]byte("*_~!&:.,;?"), b[end-1]) >= 0 {
		end--
	}
	return end
}

func schemeBefore(b []byte, i int) bool {
	for _, scheme := range [...]string{"http", "https", "ftp"} {
		if from := i - len(scheme); from >= 0 && string(b[from:i]) == scheme && (from == 0 || !isAlpha(b[from-1])) {
			return true
		}
	}
	return false
}

// maxTicks is the longest run of backticks that can be a code span's mark.
const maxTicks = 80

// codeSpan reads a code span. How far each length of run was looked for in vain is remembered, which keeps it linear.
func (p *Parser) codeSpan(b []byte, from, i int) int {
	n := run(b[i:], '`')
	skip := func() int {
		p.cut(from, i+n)
		return i + n
	}
	if n > maxTicks || p.ticks[n] > 0 {
		return skip()
	}
	for at := i + n; ; {
		k := bytes.IndexByte(b[at:], '`')
		if k < 0 {
			p.ticks[n] = i
			return skip()
		}
		at += k
		m := run(b[at:], '`')
		if m == n {
			p.cut(from, i)
			p.add(tokCode, i+n, at)
			return at + m
		}
		at += m
	}
}
