package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/plain"
)

// This file decides about fences that never end. CommonMark takes all that follows for code; a reader sees that the code is
// over where sentences begin again.

// closers are the lines that can end a fence of one mark: where they are, from the last one on, each longer than those after it.
type closers struct {
	at, length []int
	known      bool
}

// maxTries is at how many places after open fences sentences may seem to begin again before no more are looked for.
const maxTries = 64

// forgetMarks makes ready for a new document.
func (p *Parser) forgetMarks() {
	for i := range p.shut {
		c := &p.shut[i]
		c.at, c.length, c.known = c.at[:0], c.length[:0], false
	}
	p.inner, p.tries, p.marksKnown = 0, 0, false
	if len(p.marksAt) > maxKept {
		p.marksAt = nil
	}
	clear(p.marksAt)
}

// afterOpenFence is called at the end of the source. Where a fence is open, outside of containers, it gives the place at which
// reading continues: where sentences begin again. Else that is the end.
func (p *Parser) afterOpenFence() int {
	if p.leaf.kind != fence || p.leaf.mark == ':' || len(p.stack) > 0 {
		return len(p.src)
	}
	p.findClosers(p.leaf.mark) // so that the next fence is known to be open from its beginning
	p.openFence()
	stop := p.leaf.stop
	p.closeLeaf(stop)
	return stop
}

// openFence makes the open fence end where sentences begin again.
func (p *Parser) openFence() {
	l := &p.leaf
	l.kind, l.stop = codeUntil, p.sentencesAt(l.begin)
	for len(p.lines) > l.from && p.lines[len(p.lines)-1].from >= l.stop {
		p.lines = p.lines[:len(p.lines)-1]
	}
}

// staysOpen reports whether it is known that a fence which begins here never ends.
func (p *Parser) staysOpen(l *leaf) bool {
	c := &p.shut[shutIndex(l.mark)]
	if !c.known || len(p.stack) > 0 {
		return false
	}
	for len(c.at) > 0 && c.at[len(c.at)-1] <= l.begin { // reading goes forward
		c.at, c.length = c.at[:len(c.at)-1], c.length[:len(c.length)-1]
	}
	return len(c.at) == 0 || c.length[len(c.length)-1] < l.length
}

func shutIndex(mark byte) int {
	if mark == '~' {
		return 1
	}
	return 0
}

// findClosers finds the lines that can end fences, from the end of the source on: the first is the longest, and is
// after no longer one.
func (p *Parser) findClosers(mark byte) {
	c := &p.shut[shutIndex(mark)]
	if c.known {
		return
	}
	c.known = true
	for end := len(p.src); end > 0; {
		from := bytes.LastIndexByte(p.src[:end], '\n') + 1
		line := trimLeft(p.src[from:end])
		n := run(line, mark)
		if n >= 3 && isBlankLine(line[n:]) && (len(c.length) == 0 || n > c.length[len(c.length)-1]) {
			c.at, c.length = append(c.at, from), append(c.length, n)
		}
		end = max(from-1, 0)
	}
}

// sentencesAt gives the place after an open fence at which sentences begin again, after an empty line; the end of the source
// where none do.
func (p *Parser) sentencesAt(fence int) int {
	src := p.src
	i := lineEnd(src, fence)
	for heading := -1; i < len(src) && p.tries < maxTries; {
		from := i
		for from < len(src) && isBlankLine(src[from:contentEnd(src, from)]) {
			from = lineEnd(src, from)
		}
		end := from
		for end < len(src) && !isBlankLine(src[end:contentEnd(src, end)]) {
			end = lineEnd(src, end)
		}
		block := src[from:end]
		switch {
		case from == i: // it begins right after the fence: code
			heading = -1
		case isHeading(block):
			if heading < 0 {
				heading = from
			}
		case plain.Prose(block):
			if p.tries++; plain.Prose(src[from:min(len(src), from+plain.ProseSample/4)]) {
				if heading >= 0 {
					return heading
				}
				return from
			}
			heading = -1
		default:
			heading = -1
		}
		i = end
	}
	return len(src)
}

// isHeading reports whether a block is a heading of Markdown. It may also be a comment of code, so what follows decides.
func isHeading(block []byte) bool {
	line := trim(bytes.TrimRight(block, "\n"))
	n := run(line, '#')
	return n > 0 && n <= 6 && n+1 < len(line) && line[n] == ' ' && bytes.IndexByte(line, '\n') < 0
}

// lineEnd is where the line at i ends, after its line feed; contentEnd is before it.
func lineEnd(src []byte, i int) int { return min(len(src), contentEnd(src, i)+1) }

func contentEnd(src []byte, i int) int {
	if n := bytes.IndexByte(src[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(src)
}

// isProse reports whether lines of block code are read as prose.
func (p *Parser) isProse(lines span) bool { return plain.Prose(p.sample(lines)) }

// sample puts lines together, as many as are needed to tell what they are. It is valid until the next block is written.
func (p *Parser) sample(lines span) []byte {
	p.cell = p.cell[:0]
	for n := lines.from; n < lines.to && len(p.cell) < plain.ProseSample; n++ {
		p.cell = append(append(p.cell, p.text(n)...), '\n')
	}
	return p.cell
}
