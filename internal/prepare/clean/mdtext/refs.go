package mdtext

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"quarry/internal/prepare/clean/rule"
)

// maxLabel is CommonMark's bound for the label of a reference.
const maxLabel = 999

// labelHash hashes a label as CommonMark compares it: letter case and the number of blanks do not matter. FNV-1a is
// enough, because two labels that meet cost a pair of brackets and nothing else.
func labelHash(label []byte) uint64 {
	h := uint64(14695981039346656037)
	blank := false
	label = bytes.TrimSpace(label)
	for i := 0; i < len(label); {
		c := label[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			blank = true
			i++
			continue
		}
		if blank {
			h = (h ^ ' ') * 1099511628211
			blank = false
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(label[i:])
			h = (h ^ uint64(unicode.ToLower(unicode.ToUpper(r)))) * 1099511628211
			i += size
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint64(c)) * 1099511628211
		i++
	}
	return h
}

// definitions takes the link reference definitions off the beginning of a paragraph and returns its first line of text.
func (p *Parser) definitions(lines span) int {
	for lines.from < lines.to {
		first := trimLeft(p.text(lines.from))
		if len(first) == 0 || first[0] != '[' {
			return lines.from
		}
		p.buf = p.join(p.buf[:0], span{lines.from, min(lines.to, lines.from+maxDefinition)})
		label, length := definition(p.buf)
		if length == 0 {
			return lines.from
		}
		p.refs[labelHash(label)] = struct{}{}
		p.Counts.Note(rule.Definition, length)
		lines.from += bytes.Count(p.buf[:length], []byte("\n"))
		if length == len(p.buf) {
			lines.from++
		}
	}
	return lines.from
}

// maxDefinition is how many lines a definition is looked for on: label, destination and title may each have its own.
const maxDefinition = 8

// definition reads a link reference definition at the start of b: `[label]: destination "title"`, up to the end of its
// line. Length 0 means that there is none.
func definition(b []byte) (label []byte, length int) {
	end := labelEnd(b, 0)
	if end < 0 || end+1 >= len(b) || b[end+1] != ':' || len(bytes.TrimSpace(b[1:end])) == 0 || b[1] == '^' {
		return nil, 0
	}
	i := skipBlank(b, end+2)
	if i >= len(b) {
		return nil, 0
	}
	after := destination(b, i)
	if after < 0 {
		return nil, 0
	}
	lineEnd := endOfLine(b, after)
	if t := skipBlank(b, after); t > after && t < len(b) {
		if e := title(b, t); e > 0 {
			if e = endOfLine(b, e); e >= 0 {
				return b[1:end], e
			}
		}
	}
	if lineEnd < 0 {
		return nil, 0
	}
	return b[1:end], lineEnd
}

// endOfLine returns the place after the line's end when nothing but blanks is before it, else -1.
func endOfLine(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case ' ', '\t':
		case '\n':
			return i + 1
		default:
			return -1
		}
	}
	return i
}

// labelEnd finds the ']' of the label whose '[' is at i, or -1.
func labelEnd(b []byte, i int) int {
	for j := i + 1; j < len(b) && j-i <= maxLabel; j++ {
		switch b[j] {
		case ']':
			return j
		case '[':
			return -1
		case '\\':
			j++
		}
	}
	return -1
}

// skipBlank passes blanks and at most one line end.
func skipBlank(b []byte, i int) int {
	lines := 0
	for i < len(b) {
		switch b[i] {
		case ' ', '\t':
		case '\n':
			if lines++; lines > 1 {
				return i
			}
		default:
			return i
		}
		i++
	}
	return i
}

// destination reads a link's destination at i and returns where it ends, or -1.
func destination(b []byte, i int) int {
	if i < len(b) && b[i] == '<' {
		for j := i + 1; j < len(b); j++ {
			switch b[j] {
			case '>':
				return j + 1
			case '<', '\n':
				return -1
			case '\\':
				j++
			}
		}
		return -1
	}
	depth, j := 0, i
loop:
	for ; j < len(b); j++ {
		switch c := b[j]; {
		case destinations[c]:
		case c == '\\' && j+1 < len(b) && isPunct(b[j+1]):
			j++
		case c == '(':
			if depth++; depth > maxParens {
				return -1
			}
		case c == ')':
			if depth == 0 {
				break loop
			}
			depth--
		case c <= ' ' || c == 0x7F:
			break loop
		}
	}
	if j == i || depth > 0 {
		return -1
	}
	return j
}

// destinations are the characters that a destination continues with, whatever is around them.
var destinations = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != 0x7F && c != '\\' && c != '(' && c != ')'
	}
	return t
}()

// maxParens bounds the parentheses in a destination, as the reference implementation does, so that `[a](b` repeated
// costs no more than its length.
const maxParens = 32

// title reads a link's title at i and returns where it ends, or -1.
func title(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	end := b[i]
	switch end {
	case '"', '\'':
	case '(':
		end = ')'
	default:
		return -1
	}
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == end:
			return j + 1
		case c == '\\':
			j++
		case c == '(' && end == ')':
			return -1
		}
	}
	return -1
}

func isPunct(c byte) bool {
	return c > ' ' && c < 0x7F && (c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z')
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}
