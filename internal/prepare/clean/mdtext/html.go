package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/htmltext"
)

// htmlStart tells which of CommonMark's seven kinds of HTML block a line begins; 0 for none.
func htmlStart(line []byte) int {
	if len(line) < 2 {
		return 0
	}
	switch c := line[1]; {
	case c == '?':
		return 3
	case c == '!':
		switch {
		case bytes.HasPrefix(line, []byte("<!--")):
			return 2
		case bytes.HasPrefix(line, []byte("<![CDATA[")):
			return 5
		case len(line) > 2 && isAlpha(line[2]):
			return 4
		}
		return 0
	case !isAlpha(c) && c != '/':
		return 0
	}
	name := tagName(line)
	if len(name) == 0 {
		return 0
	}
	end := 1 + len(name)
	if line[1] == '/' {
		end++
	}
	closed := end >= len(line) || line[end] == ' ' || line[end] == '\t' || line[end] == '>' ||
		line[end] == '/' && end+1 < len(line) && line[end+1] == '>'
	if line[1] != '/' && closed && rawBlock(name) {
		return 1
	}
	if closed && htmltext.BlockName(name) {
		return 6
	}
	if end := tagEnd(line, 0); end > 0 && isBlankLine(line[end:]) && !rawBlock(name) {
		return 7
	}
	return 0
}

// htmlEnds reports whether a line ends a block of kinds 1 to 5.
func htmlEnds(kind int, line []byte) bool {
	switch kind {
	case 1:
		for i := 0; ; {
			n := bytes.Index(line[i:], []byte("</"))
			if n < 0 {
				return false
			}
			i += n
			if rawBlock(tagName(line[i:])) {
				return true
			}
			i += 2
		}
	case 2:
		return bytes.Contains(line, []byte("-->"))
	case 3:
		return bytes.Contains(line, []byte("?>"))
	case 4:
		return bytes.IndexByte(line, '>') >= 0
	case 5:
		return bytes.Contains(line, []byte("]]>"))
	}
	return false
}

func rawBlock(name []byte) bool {
	for _, n := range [...]string{"script", "pre", "style", "textarea"} {
		if len(name) == len(n) && bytes.EqualFold(name, []byte(n)) {
			return true
		}
	}
	return false
}

// tagName reads the name after '<' or '</'. Names of JSX may hold dots and colons.
func tagName(b []byte) []byte {
	i := 1
	if i < len(b) && b[i] == '/' {
		i++
	}
	from := i
	if i >= len(b) || !isAlpha(b[i]) {
		return nil
	}
	for i < len(b) && (isAlpha(b[i]) || b[i] >= '0' && b[i] <= '9' || b[i] == '-' || b[i] == '.' || b[i] == ':' || b[i] == '_') {
		i++
	}
	return b[from:i]
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// tagEnd returns where the tag at i ends, by CommonMark's grammar and that of JSX attributes; 0 when it is none.
func tagEnd(b []byte, i int) int {
	name := tagName(b[i:])
	if len(name) == 0 {
		return 0
	}
	closing := b[i+1] == '/'
	i += 1 + len(name)
	if closing {
		i++
		i = skipSpace(b, i)
		if i < len(b) && b[i] == '>' {
			return i + 1
		}
		return 0
	}
	for {
		at := skipSpace(b, i)
		if at >= len(b) {
			return 0
		}
		switch b[at] {
		case '>':
			return at + 1
		case '/':
			if at+1 < len(b) && b[at+1] == '>' {
				return at + 2
			}
			return 0
		}
		if at == i {
			return 0 // an attribute has a blank before it
		}
		if i = attribute(b, at); i == 0 {
			return 0
		}
	}
}

// attribute returns where the attribute at i ends, or 0.
func attribute(b []byte, i int) int {
	if b[i] == '{' {
		return braceEnd(b, i)
	}
	if !isAlpha(b[i]) && b[i] != '_' && b[i] != ':' && b[i] != '@' && b[i] != '#' {
		return 0
	}
	for i < len(b) && (isAlpha(b[i]) || b[i] >= '0' && b[i] <= '9' || b[i] == '_' || b[i] == '.' || b[i] == ':' || b[i] == '-' || b[i] == '@' || b[i] == '#') {
		i++
	}
	at := skipSpace(b, i)
	if at >= len(b) || b[at] != '=' {
		return i
	}
	at = skipSpace(b, at+1)
	if at >= len(b) {
		return 0
	}
	switch c := b[at]; c {
	case '"', '\'':
		n := bytes.IndexByte(b[at+1:], c)
		if n < 0 {
			return 0
		}
		return at + n + 2
	case '{':
		return braceEnd(b, at)
	}
	end := at
	for end < len(b) && b[end] > ' ' && !bytes.ContainsRune([]byte("\"'=<>`"), rune(b[end])) {
		end++
	}
	if end == at {
		return 0
	}
	return end
}

// maxBraces bounds an expression of JSX in the attributes of a tag.
const maxBraces = 16 << 10

// braceEnd returns where the JSX expression at i ends, or 0.
func braceEnd(b []byte, i int) int { return balanced(b, i, maxBraces) }

// withoutBraces blanks the expressions of JSX in the attributes of tags, in place: HTML would end a tag at the first '>' in
// them.
func withoutBraces(b []byte) {
	for i, tries := 0, 0; tries < maxScripts; {
		n := bytes.Index(b[i:], []byte("={"))
		if n < 0 {
			return
		}
		at := bytes.LastIndexByte(b[i:i+n], '<')
		if at < 0 {
			i += n + 2
			continue
		}
		end := tagEnd(b, i+at)
		if end <= i+n {
			tries++
			i += n + 2
			continue
		}
		for j := i + n; j < end; {
			if b[j] != '{' {
				j++
				continue
			}
			stop := max(braceEnd(b, j), j+1)
			for k := j; k < min(stop, end); k++ {
				b[k] = ' '
			}
			if b[j-1] == '=' {
				b[j-1] = ' '
			}
			j = stop
		}
		i = end
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// blockTag reports whether a tag that is alone on its line is markup.
func (p *Parser) blockTag(line []byte) bool {
	name := tagName(line)
	end := tagEnd(line, 0)
	a := htmltext.Attrs{Any: bytes.IndexByte(line[:end], '=') >= 0, SelfClosing: line[end-2] == '/'}
	return !p.literal(name, line[1] == '/', false, a)
}

// literal reports whether a tag is text. CommonMark takes everything of the form of a tag for one; but in prose about
// programs `List<String>`, `<T>` and "the <template> element" are words. So a tag is markup only when HTML knows its
// name or it looks like a component of JSX, and when it is closed somewhere or needs no end.
func (p *Parser) literal(name []byte, closing, glued bool, a htmltext.Attrs) bool {
	known := htmltext.Known(name)
	if closing {
		return false
	}
	if known && (p.inHTML && !htmltext.Dropped(name) || p.quirk && htmltext.Dropped(name) || !htmltext.NeedsEnd(name)) {
		return false
	}
	if glued && !known {
		return true
	}
	return !a.SelfClosing && !a.Any && !p.ended(name)
}

// ended reports whether an end tag of that name is in the document, not before the present block.
func (p *Parser) ended(name []byte) bool {
	if !p.seen {
		p.findEnds()
	}
	at, ok := p.ends[nameHash(name)]
	return ok && at >= p.at
}

func (p *Parser) findEnds() {
	p.seen = true
	if len(p.ends) > maxKept {
		p.ends = make(map[uint64]int)
	}
	clear(p.ends)
	for i := 0; ; {
		n := bytes.Index(p.src[i:], []byte("</"))
		if n < 0 {
			return
		}
		i += n
		if name := tagName(p.src[i:min(len(p.src), i+66)]); len(name) > 0 {
			p.ends[nameHash(name)] = i
		}
		i += 2
	}
}

func nameHash(name []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
