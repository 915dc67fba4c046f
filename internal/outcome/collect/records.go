package collect

import (
	"bytes"
	"fmt"
	"iter"
	"regexp"
	"unicode/utf8"

	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
)

// Unreadable is a place in an output file where there is no line of output.
type Unreadable struct {
	File   string
	Line   int64 // from 1
	Reason string
}

// String gives FILE:LINE: reason.
func (u Unreadable) String() string { return fmt.Sprintf("%s:%d: %s", u.File, u.Line, u.Reason) }

// Records reads what a piece holds: the lines of output, and the places that are none, in their order. A Line holds until the
// next one is read.
//
// A line that is not JSON was paid for, so it is read as far as its meaning is certain: invalid UTF-8 and half a surrogate pair
// become U+FFFD, a control character in a string is itself, objects on one line are lines of their own (files joined without
// a line break), and an object after the torn start of another one is a line too.
func (p Piece) Records(c *jsonl.Checker) iter.Seq2[Line, *Unreadable] {
	return func(yield func(Line, *Unreadable) bool) {
		bad := func(line int64, format string, args ...any) *Unreadable {
			return &Unreadable{File: p.File, Line: line, Reason: fmt.Sprintf(format, args...)}
		}
		switch {
		case p.Torn != nil:
			yield(Line{}, bad(p.Line, "nothing can be read from here on: %v", p.Torn))
			return
		case p.Skipped > 0:
			yield(Line{}, bad(p.Line, "the line has %s, more than %s", figure.Count(p.Skipped, "byte"), figure.Thousands(maxLineBytes)))
			return
		}
		for l := range p.Lines() {
			if jsonl.Blank(l.Text) {
				continue
			}
			line, err := Parse(c, l.Text)
			line.File, line.Number = p.File, l.Line
			if err == nil {
				if !yield(line, nil) {
					return
				}
				continue
			}
			for _, part := range parts(c, l.Text) {
				line, perr := part.line, (*Unreadable)(nil)
				line.File, line.Number = p.File, l.Line
				if part.err != nil {
					perr = bad(l.Line, "%v", part.err)
				}
				if !yield(line, perr) {
					return
				}
			}
		}
	}
}

// part is one object of a line that is not one as it is, or why a part of it is none.
type part struct {
	line Line
	err  error
}

// parts takes a line apart that Parse refused.
func parts(c *jsonl.Checker, text []byte) []part {
	text = bytes.Trim(text, "\uFEFF\x00\x1e \t\r")
	switch string(text) {
	case "", "[", "]", ",": // what is around the objects of an array
		return nil
	}
	text = bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]"))
	text = bytes.Trim(text, ", \t\r")
	if out, ok := objects(c, text); ok {
		return out
	}
	// The torn start of a line, with another line after it: the later one is whole.
	tried := 0
	for _, at := range lineStart.FindAllIndex(text, -1) {
		if at[0] == 0 || inside(text[:at[0]]) {
			continue
		}
		if tried++; tried > maxStarts {
			break
		}
		if out, ok := objects(c, text[at[0]:]); ok {
			return append([]part{{err: fmt.Errorf("a line is truncated: %s", jsonl.Quote(text[:at[0]]))}}, out...)
		}
	}
	out, _ := objects(c, text)
	return out
}

// maxStarts bounds how many places of one line are looked at.
const maxStarts = 16

// lineStart finds where a line of output may begin.
var lineStart = regexp.MustCompile(`\{\s*"(?:recordId|modelInput|modelOutput|error)"\s*:`)

// inside reports whether an object after this text is a value of another object, and not a line of its own.
func inside(before []byte) bool {
	before = bytes.TrimRight(before, " \t\r")
	if len(before) == 0 {
		return true
	}
	switch before[len(before)-1] {
	case ':', '[':
		return true
	case ',':
		return innermost(before) == '['
	}
	return false
}

// innermost is the bracket that is open at the end of a text; 0: none.
func innermost(text []byte) byte {
	var open []byte
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open = append(open, c)
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

// objects reads a text that is one object after another. It reports whether all of them are lines of output; the last part
// says what is wrong where one is not.
func objects(c *jsonl.Checker, text []byte) ([]part, bool) {
	var out []part
	for {
		text = bytes.TrimLeft(text, ", \t\r\uFEFF\x00\x1e")
		if len(text) == 0 {
			return out, true
		}
		end := objectEnd(text)
		line, err := parseRepaired(c, text[:end])
		if err != nil {
			return append(out, part{err: err}), false
		}
		out = append(out, part{line: line})
		text = text[end:]
	}
}

// objectEnd is where the object that a text begins with ends, or the text's length.
func objectEnd(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// parseRepaired is Parse for a text whose characters may have been damaged.
func parseRepaired(c *jsonl.Checker, text []byte) (Line, error) {
	line, err := Parse(c, text)
	if err == nil {
		return line.clone(), nil
	}
	better, changed := repaired(text)
	if !changed {
		return Line{}, err
	}
	line, again := Parse(c, better)
	if again != nil {
		return Line{}, err
	}
	line.Repaired = true
	return line.clone(), nil
}

// repaired gives a JSON text whose strings hold valid characters: U+FFFD for bytes that are not UTF-8 and for an escape of half
// a surrogate pair, an escape for a control character.
func repaired(text []byte) ([]byte, bool) {
	out, changed := text, !utf8.Valid(text)
	if changed {
		out = validUTF8(text)
	}
	if better := halfPairs(out); better != nil {
		out, changed = better, true
	}
	if better := controls(out); better != nil {
		out, changed = better, true
	}
	return out, changed
}

// validUTF8 has U+FFFD for each byte that is no UTF-8.
func validUTF8(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		out = utf8.AppendRune(out, r)
		text = text[n:]
	}
	return out
}

// halfPairs replaces escapes of half a surrogate pair, in a copy; nil: there is none.
func halfPairs(text []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] != 'u' {
			i++
			continue
		}
		u, ok := hex4(text[i+2:])
		switch {
		case !ok || u < 0xD800 || u > 0xDFFF:
			i++
			continue
		case u < 0xDC00 && i+7 < len(text) && text[i+6] == '\\' && text[i+7] == 'u':
			if low, ok := hex4(text[i+8:]); ok && low >= 0xDC00 && low <= 0xDFFF {
				i += 11
				continue
			}
		}
		out = append(append(out, text[from:i]...), `\uFFFD`...)
		from = i + 6
		i += 5
	}
	if out == nil {
		return nil
	}
	return append(out, text[from:]...)
}

func hex4(b []byte) (u rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}

// controls escapes control characters inside strings, in a copy; nil: there is none.
func controls(text []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	from, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted && c < ' ':
			out = append(append(out, text[from:i]...), '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			from = i + 1
		}
	}
	if out == nil {
		return nil
	}
	return append(out, text[from:]...)
}
