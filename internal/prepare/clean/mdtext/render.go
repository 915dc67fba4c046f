package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// write renders one op.
func (p *Parser) write(o *op) {
	if o.lines.from < o.lines.to {
		p.at = p.lines[o.lines.from].from
	}
	switch o.kind {
	case opParagraph:
		p.R.Paragraph()
		if b := p.joined(o.lines); p.Settings.KeepTemplates || !isEmbed(b) {
			if !p.Settings.KeepTemplates {
				b = withoutBlockID(b)
			}
			p.inlines(b)
		} else {
			p.Counts.Note(rule.Template, len(b))
		}
		p.R.EndParagraph()
	case opHeading:
		p.R.Heading(o.n)
		p.inlines(withoutID(p.joined(o.lines)))
		p.R.EndHeading()
	case opHTML:
		p.buf = p.buf[:0]
		for n := o.lines.from; n < o.lines.to; n++ {
			p.buf = append(append(p.buf, p.text(n)...), '\n')
		}
		if !p.Settings.KeepTemplates {
			withoutBraces(p.buf)
		}
		p.buf = p.withoutMarks(p.buf)
		p.inHTML = true
		p.R.HTML(p.buf)
		p.inHTML = false
	case opCode:
		p.code(o)
	case opTable:
		p.writeTable(o.lines)
	case opBreak:
		p.R.Break(2)
	case opList:
		p.R.List(o.n)
	case opListEnd:
		p.R.EndList()
	case opItem:
		p.R.Item()
	case opItemEnd:
		p.R.EndItem()
	}
}

// code writes as many lines of a block of code as the settings keep.
func (p *Parser) code(o *op) {
	p.R.Break(2)
	why := rule.Code
	if o.open {
		why = rule.Unclosed
	}
	keep := min(p.Settings.KeptCodeLines(), o.lines.to-o.lines.from)
	if keep == 0 && p.R.Prose && p.isProse(o.lines) {
		keep = o.lines.to - o.lines.from
	}
	if keep == 0 || p.R.Skipping() {
		p.Counts.Note(why, o.n)
		return
	}
	kept := 0
	for n := o.lines.from; n < o.lines.from+keep; n++ {
		p.W.Verbatim(p.text(n))
		p.W.Verbatim(newline)
		kept += len(p.text(n)) + 1
	}
	if keep < o.lines.to-o.lines.from {
		p.Counts.Note(why, o.n-kept)
	}
	p.R.Break(2)
}

var newline = []byte("\n")

func (p *Parser) text(line int) []byte { return p.src[p.lines[line].from:p.lines[line].to] }

// joined gives lines put together with line feeds, without the blanks at their beginnings. Blanks at their ends are a
// line break and stay. It is valid until the next call.
func (p *Parser) joined(lines span) []byte {
	if p.contiguous(lines) {
		return trimEnd(p.src[p.lines[lines.from].from:p.lines[lines.to-1].to])
	}
	p.buf = p.join(p.buf[:0], lines)
	return p.buf
}

// contiguous reports whether the joined lines are one stretch of the source, as those of most paragraphs are.
func (p *Parser) contiguous(lines span) bool {
	at := p.lines[lines.from].from
	for _, l := range p.lines[lines.from:lines.to] {
		if l.from != at || l.from < l.to && (p.src[at] == ' ' || p.src[at] == '\t') {
			return false
		}
		at = l.to + 1
	}
	return true
}

func (p *Parser) join(out []byte, lines span) []byte {
	for n := lines.from; n < lines.to; n++ {
		if n > lines.from {
			out = append(out, '\n')
		}
		out = append(out, trimLeft(p.text(n))...)
	}
	return trimEnd(out)
}

func trimEnd(b []byte) []byte {
	for n := len(b); n > 0 && (b[n-1] == ' ' || b[n-1] == '\t' || b[n-1] == '\n'); n-- {
		b = b[:n-1]
	}
	return b
}

// withoutID takes the attributes off the end of a heading: `{#id}`, `{ id="4.49" }`, `{: #id .class}`, `{/*id*/}`.
func withoutID(b []byte) []byte {
	if len(b) == 0 || b[len(b)-1] != '}' {
		return b
	}
	at := bytes.LastIndexByte(b, '{')
	if at < 0 || at+2 >= len(b) {
		return b
	}
	inner := trim(b[at+1 : len(b)-1])
	if len(inner) == 0 || bytes.IndexByte(inner, '`') >= 0 || bytes.IndexByte(inner, '}') >= 0 {
		return b
	}
	if n := bytes.IndexByte(inner, '='); inner[0] == '#' || inner[0] == '.' || inner[0] == ':' || n > 0 && n+1 < len(inner) && inner[n+1] == '"' && word(inner, 0) == n {
		return bytes.TrimRight(b[:at], " \t")
	}
	return b
}

// isEmbed reports whether a paragraph is nothing but a mark: Zenn's `@[gist](address)` or a place for a table of contents.
func isEmbed(b []byte) bool {
	switch {
	case len(b) < 5 || b[0] != '@' && b[0] != '[':
		return false
	case b[0] == '@' && b[1] == '[':
		n := bytes.IndexByte(b, ']')
		return n > 2 && n+1 < len(b) && b[n+1] == '(' && bytes.IndexByte(b, ')') == len(b)-1
	}
	return bytes.EqualFold(b, []byte("[toc]")) || bytes.EqualFold(b, []byte("[[toc]]")) || bytes.EqualFold(b, []byte("[[_toc_]]"))
}

// withoutMarks takes the template marks out of a block of HTML, in place.
func (p *Parser) withoutMarks(b []byte) []byte {
	if p.Settings.KeepTemplates {
		return b
	}
	out := b[:0]
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '{')
		if n < 0 {
			return append(out, b[i:]...)
		}
		out = append(out, b[i:i+n]...)
		i += n
		end := braceMarkEnd(b, i)
		if end == 0 {
			end = i + 1
			out = append(out, b[i])
		} else if from, to := braceText(b[i:end]); from < to {
			out = append(out, b[i+from:i+to]...)
		} else if from, to = nextCaption(b[i:end], 0); from < to {
			for from < to {
				out = append(append(out, b[i+from:i+to]...), ' ')
				from, to = nextCaption(b[i:end], to+1)
			}
		} else {
			p.Counts.Note(rule.Template, end-i)
		}
		i = end
	}
	return out
}
