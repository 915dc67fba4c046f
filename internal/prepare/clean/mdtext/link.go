package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// A bracket is a '[' or '![' that may begin a link or an image.
type bracket struct {
	tok    int // its token
	at     int // after the bracket, in the text
	delims int // how many delimiters were before it
	image  bool
	nested bool // another bracket is inside: it can be no label
}

// opener reads '[' or '!['.
func (p *Parser) opener(b []byte, from, i int) int {
	if end := wikiImage(b, i); end > 0 && !p.Settings.KeepTemplates {
		p.cut(from, i)
		p.drop(i, end, rule.Image)
		return end
	}
	if end := p.wikiLink(b, from, i); end > i {
		return end
	}
	if end := p.citation(b, from, i); end > i {
		return end
	}
	end := i + 1
	image := b[i] == '!'
	if image {
		if end >= len(b) || b[end] != '[' {
			return i
		}
		end++
	} else if end < len(b) && b[end] == '^' {
		if n := p.footnote(b, i); n > 0 {
			p.cut(from, i)
			if p.Settings.KeepFootnoteMarks {
				p.add(tokText, i, n)
			} else {
				p.drop(i, n, rule.Footnote)
			}
			return n
		}
	} else if n := p.callout(b, i); n > 0 {
		p.cut(from, i)
		return n
	}
	if len(p.open) > 0 {
		p.open[len(p.open)-1].nested = true
	}
	p.cut(from, i)
	p.add(tokText, i, end)
	p.open = append(p.open, bracket{tok: len(p.toks) - 1, at: end, delims: len(p.delims), image: image})
	return end
}

// footnote returns where the footnote reference at i ends; 0 when its footnote is not defined.
func (p *Parser) footnote(b []byte, i int) int {
	n := bytes.IndexByte(b[i:min(len(b), i+128)], ']')
	if n < 3 {
		return 0
	}
	if _, ok := p.refs[labelHash(b[i+1:i+n])]; !ok {
		return 0
	}
	return i + n + 1
}

// callout reads the mark of an alert or callout at the beginning of a block, `[!NOTE]`, which is written as "NOTE:", and
// Docs's includes, which are dropped.
func (p *Parser) callout(b []byte, i int) int {
	if i != 0 || len(b) < 4 || b[1] != '!' || p.Settings.KeepTemplates {
		return 0
	}
	end := 2
	for end < len(b) && isAlpha(b[end]) {
		end++
	}
	if end == 2 || end >= len(b) {
		return 0
	}
	word := b[2:end]
	switch {
	case bytes.EqualFold(word, []byte("include")), bytes.EqualFold(word, []byte("video")), bytes.EqualFold(word, []byte("div")):
		n := bytes.IndexByte(b, ']')
		if n < 0 {
			return 0
		}
		if n+1 < len(b) && b[n+1] == '(' {
			if m := bytes.IndexByte(b[n:], ')'); m > 0 {
				n += m
			}
			if n+1 < len(b) && b[n+1] == ']' {
				n++
			}
		}
		p.drop(0, n+1, rule.Template)
		return n + 1
	case b[end] == ']':
		end++
		if end < len(b) && (b[end] == '-' || b[end] == '+') {
			end++
		}
		p.add(tokText, 2, 2+len(word))
		p.toks = append(p.toks, token{kind: tokColon})
		return end
	}
	return 0
}

// closer reads ']' and what may follow it, and makes a link or an image of what it closes.
func (p *Parser) closer(b []byte, from, i int) int {
	if len(p.open) == 0 {
		return i
	}
	last := len(p.open) - 1
	o := p.open[last]
	p.open = p.open[:last]
	dead := !o.image && last < p.dead
	p.dead = min(p.dead, last)
	if dead {
		return i
	}
	end := p.linkEnd(b, &o, i)
	if end == 0 {
		return i
	}
	p.cut(from, i)
	if !o.image && !p.Settings.KeepTemplates && isImport(b[o.at:i]) {
		p.toks = append(p.toks[:o.tok], token{kind: tokDrop, from: o.at - 1, to: end, n: int(rule.Template)})
		p.emphasise(o.delims)
		return end
	}
	t := &p.toks[o.tok]
	switch {
	case o.image && isFigure(b[end:]):
		*t = token{kind: tokDrop, from: o.at - 2, to: o.at, n: int(rule.Image)}
	case o.image:
		*t = token{kind: tokAlt, from: o.at - 2, to: end, n: len(p.toks)}
	default:
		t.kind = tokLink
		p.dead = len(p.open)
	}
	p.emphasise(o.delims)
	return p.attributes(b, end)
}

// isFigure reports whether the attributes after an image name it as a figure, whose description Quarto shows as its caption
// (https://quarto.org/docs/authoring/figures.html#cross-references).
func isFigure(rest []byte) bool {
	if len(rest) == 0 || rest[0] != '{' {
		return false
	}
	n := bytes.IndexByte(rest[:min(len(rest), 256)], '}')
	return n > 0 && bytes.Contains(rest[:n], []byte("#fig-"))
}

// isSpan reports whether the attributes of one of Pandoc's spans follow: `[words]{.smallcaps}`.
func isSpan(rest []byte) bool {
	if len(rest) < 3 || rest[0] != '{' || rest[1] != '.' && rest[1] != '#' && bytes.IndexByte(rest[:min(len(rest), 40)], '=') < 2 {
		return false
	}
	n := bytes.IndexByte(rest[:min(len(rest), 256)], '}')
	return n > 1 && bytes.IndexByte(rest[:n], '\n') < 0 && rest[1] != '{' && rest[1] != '%'
}

// isImport reports whether a link's text is a mark by which GitBook takes in a file of code: `[import, title:"a.js"](a.js)`.
func isImport(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("import"))
	return ok && (len(rest) == 0 || rest[0] == ',' || rest[0] == ':')
}

// linkEnd returns where the link or image ends whose text's ']' is at i: after `(destination "title")`, `[label]`,
// `[]`, or at once when the text itself is a label. 0 means that it is none.
func (p *Parser) linkEnd(b []byte, o *bracket, i int) int {
	if i+1 < len(b) && b[i+1] == '(' {
		if end := inlineTarget(b, i+2); end > 0 {
			return end
		}
	}
	if i+1 < len(b) && b[i+1] == '[' {
		if end := labelEnd(b, i+1); end > i+2 {
			if _, ok := p.refs[labelHash(b[i+2:end])]; ok || undefinedLabel(b, o, b[i+2:end]) {
				return end + 1
			}
			return 0
		}
	}
	if !o.image && !p.Settings.KeepTemplates && i > o.at && isSpan(b[i+1:]) {
		return i + 1
	}
	if o.nested || i-o.at > maxLabel || i == o.at {
		return 0
	}
	if _, ok := p.refs[labelHash(b[o.at:i])]; !ok {
		return 0
	}
	if bytes.HasPrefix(b[i+1:], []byte("[]")) {
		return i + 3
	}
	return i + 1
}

// undefinedLabel reports whether a label is one although the document does not define it. Sites define labels in a file
// of their own (`[Erlay][topic erlay]`); `table[i][j]` is no reference.
func undefinedLabel(b []byte, o *bracket, label []byte) bool {
	before := o.at - 2
	if before >= 0 && (isAlpha(b[before]) || b[before] >= '0' && b[before] <= '9' || bytes.IndexByte([]byte(")]_"), b[before]) >= 0) {
		return false
	}
	return bytes.IndexByte(label, ' ') > 0 && isAlpha(label[0])
}

// inlineTarget reads a destination and title after '(' and returns the place after ')', or 0. A destination that begins
// with a template mark (`{{< ref "x" >}}`) may hold the blanks that CommonMark refuses.
func inlineTarget(b []byte, i int) int {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ')' {
		return i + 1
	}
	end := destination(b, i)
	if end < 0 {
		return templateTarget(b, i)
	}
	at := skipSpace(b, end)
	if at > end {
		at = imageSize(b, at)
	}
	if at > end && at < len(b) && b[at] != ')' {
		if end = title(b, at); end < 0 {
			return templateTarget(b, i)
		}
		at = imageSize(b, skipSpace(b, end))
	}
	if at < len(b) && b[at] == ')' {
		return at + 1
	}
	return templateTarget(b, i)
}

// imageSize passes over the size that Zenn, Azure and HackMD write after an image's address: `=250x`, `=100%x50%`.
func imageSize(b []byte, i int) int {
	if i >= len(b) || b[i] != '=' {
		return i
	}
	end := i + 1
	for end < len(b) && (b[end] >= '0' && b[end] <= '9' || b[end] == '%' || b[end] == 'x' || b[end] == '.' || b[end] == '*' || b[end] == 'p') {
		end++
	}
	if at := skipSpace(b, end); end > i+1 && at < len(b) && (b[at] == ')' || b[at] == '"') {
		return at
	}
	return i
}

// wikiImage returns where an image or an embedded page of a wiki ends: `![[a.png|200]]`, `[[File:a.png|thumb|words]]`; 0 when
// there is none.
func wikiImage(b []byte, i int) int {
	rest := b[i:]
	switch {
	case len(rest) < 3 || rest[1] != '[':
		return 0
	case bytes.HasPrefix(rest, []byte("![[")):
	case bytes.HasPrefix(rest, []byte("[[File:")), bytes.HasPrefix(rest, []byte("[[Image:")), bytes.HasPrefix(rest, []byte("[[file:")), bytes.HasPrefix(rest, []byte("[[image:")):
	default:
		return 0
	}
	n := bytes.Index(rest[:min(len(rest), maxLabel)], []byte("]]"))
	if n < 4 || bytes.IndexByte(rest[3:n], '\n') >= 0 || !bytes.ContainsAny(rest[3:n], ".|#") {
		return 0 // CommonMark's own
	}
	return i + n + 2
}

// templateTarget ends a destination that begins with a template mark.
func templateTarget(b []byte, i int) int {
	mark := 0
	switch {
	case i+2 >= len(b) || b[i] != '{':
	case b[i+1] == '{':
		mark = closeMark(b, i, "}}")
	case b[i+1] == '%':
		mark = closeMark(b, i, "%}")
	}
	if mark == 0 {
		return 0
	}
	for end := mark; end < len(b) && b[end] != '\n' && end-mark < maxLabel; end++ {
		if b[end] == ')' {
			return end + 1
		}
	}
	return 0
}

// attributes passes over the attributes after a link or image: `{:target="_blank"}`, `{ width=50% }`.
func (p *Parser) attributes(b []byte, i int) int {
	if i+2 >= len(b) || b[i] != '{' || p.Settings.KeepTemplates || b[i+1] == '{' || b[i+1] == '%' {
		return i
	}
	n := bytes.IndexByte(b[i:min(len(b), i+256)], '}')
	if n < 0 {
		return i
	}
	inner := bytes.TrimSpace(b[i+1 : i+n])
	if len(inner) > 0 && (inner[0] == ':' || inner[0] == '.' || inner[0] == '#' || bytes.IndexByte(inner, '=') > 0) {
		p.drop(i, i+n+1, rule.Template)
		return i + n + 1
	}
	return i
}
