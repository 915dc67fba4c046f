package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/htmltext"
)

// What may end markup that begins with '<', for remembering that it does not come any more.
const (
	endComment = iota
	endInstruction
	endDeclaration
	endSection
	inlineEnds
)

// angle reads '<': an autolink, a tag, a comment, or text.
func (p *Parser) angle(b []byte, from, i int) int {
	if end := autolinkEnd(b, i); end > 0 {
		p.cut(from, i)
		p.add(tokLink, i, i)
		first := i + 1
		if bytes.HasPrefix(b[first:], []byte("xref:")) { // Docs's cross references
			first += len("xref:")
			if n := bytes.IndexByte(b[first:end], '?'); n > 0 {
				p.add(tokText, first, first+n)
				return end
			}
		}
		p.add(tokText, first, end-1)
		return end
	}
	if i+1 >= len(b) {
		return i
	}
	end := 0
	switch c := b[i+1]; {
	case c == '!' || c == '?':
		end = p.declarationEnd(b, i)
	case isAlpha(c) || c == '/':
		end = p.inlineTagEnd(b, i)
		if end > 0 {
			name := tagName(b[i:])
			a := htmltext.Attrs{Any: bytes.IndexByte(b[i:end], '=') >= 0, SelfClosing: b[end-2] == '/'}
			if p.literal(name, c == '/', i > 0 && (isAlpha(b[i-1]) || b[i-1] == ':' || b[i-1] == '_'), a) {
				return i
			}
		}
	}
	if end == 0 {
		return i
	}
	p.cut(from, i)
	p.add(tokTag, i, end)
	return end
}

// maxOpenBraces is how many tags with an expression that never ends are read to the end of the block; of those after them
// a short piece is.
const maxOpenBraces, shortTag = 8, 256

// inlineTagEnd returns where the tag at i ends, or 0.
func (p *Parser) inlineTagEnd(b []byte, i int) int {
	if p.openBraces > maxOpenBraces && expressionNear(b, i) {
		return tagEnd(b[:min(len(b), i+shortTag)], i)
	}
	end := tagEnd(b, i)
	if end == 0 && expressionNear(b, i) {
		p.openBraces++
	}
	return end
}

// expressionNear reports whether the tag at i has an expression in braces, as far as a short piece shows.
func expressionNear(b []byte, i int) bool {
	near := b[i:min(len(b), i+shortTag)]
	if n := bytes.IndexByte(near[1:], '<'); n >= 0 {
		near = near[:n+1]
	}
	return bytes.Contains(near, []byte("={")) || bytes.Contains(near, []byte(" {"))
}

// declarationEnd returns where a comment, instruction, declaration or CDATA section ends, or 0.
func (p *Parser) declarationEnd(b []byte, i int) int {
	rest := b[i:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!-->")):
		return i + 5
	case bytes.HasPrefix(rest, []byte("<!--->")):
		return i + 6
	case bytes.HasPrefix(rest, []byte("<!--")):
		return p.until(b, i+4, "-->", endComment)
	case bytes.HasPrefix(rest, []byte("<?")):
		return p.until(b, i+2, "?>", endInstruction)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return p.until(b, i+9, "]]>", endSection)
	case len(rest) > 2 && isAlpha(rest[2]):
		return p.until(b, i+2, ">", endDeclaration)
	}
	return 0
}

func (p *Parser) until(b []byte, i int, end string, kind int) int {
	if p.noEnd[kind] {
		return 0
	}
	n := bytes.Index(b[i:], []byte(end))
	if n < 0 {
		p.noEnd[kind] = true
		return 0
	}
	return i + n + len(end)
}

// autolinkEnd returns where `<scheme:…>` or `<name@host>` ends, or 0.
func autolinkEnd(b []byte, i int) int {
	j := i + 1
	for j < len(b) && j-i <= 33 && (isAlpha(b[j]) || b[j] >= '0' && b[j] <= '9' || b[j] == '+' || b[j] == '.' || b[j] == '-') {
		j++
	}
	if j < len(b) && b[j] == ':' && j-i > 2 && isAlpha(b[i+1]) {
		for j < len(b) && b[j] > ' ' && b[j] != '<' && b[j] != '>' {
			j++
		}
		if j < len(b) && b[j] == '>' {
			return j + 1
		}
		return 0
	}
	return emailEnd(b, i)
}

func emailEnd(b []byte, i int) int {
	j := i + 1
	for j < len(b) && j-i < 256 && (isAlpha(b[j]) || b[j] >= '0' && b[j] <= '9' || bytes.IndexByte([]byte(".!#$%&'*+/=?^_`{|}~-"), b[j]) >= 0) {
		j++
	}
	if j == i+1 || j >= len(b) || b[j] != '@' {
		return 0
	}
	host := j + 1
	for j = host; j < len(b) && j-host < 256 && (isAlpha(b[j]) || b[j] >= '0' && b[j] <= '9' || b[j] == '-' || b[j] == '.'); j++ {
	}
	if j > host && j < len(b) && b[j] == '>' {
		return j + 1
	}
	return 0
}
