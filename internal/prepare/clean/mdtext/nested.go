package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/plain"
)

// This file keeps what authors indent between the marks of a shortcode, as a matter of style: Hugo reads shortcodes before
// Markdown (https://gohugo.io/content-management/shortcodes/), so it is no code.

// isMark reports whether a line begins with a mark of a shortcode or of Liquid.
func isMark(line []byte) bool {
	return bytes.HasPrefix(line, []byte("{{<")) || bytes.HasPrefix(line, []byte("{{%")) || bytes.HasPrefix(line, []byte("{%"))
}

// countMarks counts the shortcodes that a line of nothing but marks opens, as far as their ends are below, and those that it
// ends.
func (p *Parser) countMarks(line []byte, at int) {
	for i := 0; i < len(line); {
		end := braceMarkEnd(line, i)
		if end == 0 {
			return
		}
		if isMark(line[i:]) {
			switch name, closing := markName(line[i:end]); {
			case name == nil:
			case closing:
				p.inner = max(p.inner-1, 0)
			case p.endBelow(name, at+end):
				p.inner++
			}
		}
		for i = end; i < len(line) && (line[i] == ' ' || line[i] == '\t'); i++ {
		}
	}
}

// markName gives the name in a mark of a shortcode, and whether the mark ends it. A mark that closes itself has none.
func markName(mark []byte) (name []byte, closing bool) {
	inner := bytes.TrimRight(bytes.TrimLeft(mark, "{%<- "), "}%>- ")
	if bytes.HasSuffix(inner, []byte{'/'}) {
		return nil, false
	}
	if closing = len(inner) > 0 && inner[0] == '/'; closing {
		inner = bytes.TrimLeft(inner[1:], " ")
	}
	n := 0
	for n < len(inner) && inner[n] > ' ' {
		n++
	}
	if n == 0 {
		return nil, false
	}
	switch name = inner[:n]; string(name) {
	case "raw", "verbatim", "highlight", "code", "codeblock", "comment": // what is indented in them is mostly code
		return nil, false
	}
	if bytes.HasPrefix(name, []byte("end")) && n > 3 && mark[1] == '%' {
		return name[3:], true
	}
	return name, closing
}

// endBelow reports whether the end of a shortcode of that name is at a place or after it.
func (p *Parser) endBelow(name []byte, at int) bool {
	if !p.marksKnown {
		p.marksKnown = true
		p.findMarks()
	}
	end, ok := p.marksAt[nameHash(name)]
	return ok && end >= at
}

// findMarks notes the last end mark of each shortcode.
func (p *Parser) findMarks() {
	if p.marksAt == nil {
		p.marksAt = make(map[uint64]int)
	}
	for i := 0; ; {
		n := bytes.IndexByte(p.src[i:], '{')
		if n < 0 {
			return
		}
		i += n
		if isMark(p.src[i:]) {
			head := p.src[i:min(len(p.src), i+80)]
			if n := bytes.IndexByte(head, '}'); n > 0 {
				if name, closing := markName(head[:n]); closing {
					p.marksAt[nameHash(name)] = i
				}
			}
			i++
		}
		i++
	}
}

// startNested begins what is indented between the marks of a shortcode, unless it looks like code.
func (p *Parser) startNested(matched *int, start int, inParagraph bool) bool {
	if p.inner == 0 || inParagraph || len(p.stack) >= maxDepth || p.nestedCode() {
		return false
	}
	p.begin(matched, start)
	p.advance(4)
	p.push(container{kind: aside, indent: 4}, matched)
	return true
}

// nestedCode reports whether the indented lines from this one on look like code. Marks of shortcodes do not count.
func (p *Parser) nestedCode() bool {
	p.cell = p.cell[:0]
	fenced := false
	for i := p.pos; i < len(p.src) && len(p.cell) < plain.ProseSample; {
		end := contentEnd(p.src, i)
		line := p.src[i:end]
		text := trim(line)
		if i > p.pos && len(text) > 0 && !bytes.HasPrefix(line, []byte("    ")) && line[0] != '\t' {
			break
		}
		if bytes.HasPrefix(text, []byte("```")) || bytes.HasPrefix(text, []byte("~~~")) {
			fenced, text = !fenced, nil
		}
		if len(text) > 0 && !fenced && !isMark(text) {
			p.cell = append(append(p.cell, text...), '\n')
		}
		i = min(len(p.src), end+1)
	}
	return len(p.cell) > 0 && plain.LooksLikeCode(p.cell)
}
