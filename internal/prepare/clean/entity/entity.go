// Package entity decodes HTML character references: &amp;, &#12354;, &#x3042; and the 2,231 names of HTML5.
//
// It owns references and nothing else: whether text is one at all is the caller's question. What always holds: the
// result is valid UTF-8, a number that is no character (zero, a surrogate, beyond U+10FFFF) gives U+FFFD, and the work
// for one reference is bounded, however long the text after the ampersand is.
package entity

import (
	"html"
	"unicode/utf8"
)

// longestName is CounterClockwiseContourIntegral; the longest name of HTML5, with its semicolon.
const longestName = 32

// longestLegacy is the longest name that may be without a semicolon ("Aacute").
const longestLegacy = 6

// maxMisses bounds what is remembered of names that are none, so that hostile text cannot grow the memory.
const maxMisses = 4096

// A Decoder decodes references and remembers the names it has met, so that a name costs an allocation once. It serves
// one goroutine. The zero value is ready.
type Decoder struct {
	names  map[string]string
	misses map[string]struct{}
	buf    [utf8.UTFMax]byte
}

// Decode reads the reference at the start of s, which begins with '&', and returns its text and length. Length 0
// means: no reference. As in HTML5, old names ("&copy") need no semicolon. The text is valid until the next call.
func (d *Decoder) Decode(s []byte) (text []byte, length int) {
	if len(s) < 3 {
		return nil, 0
	}
	if s[1] == '#' {
		return d.number(s)
	}
	end := 1
	for end < len(s) && end <= longestName && isAlnum(s[end]) {
		end++
	}
	if end == 1 {
		return nil, 0
	}
	if end < len(s) && s[end] == ';' {
		end++
	} else {
		end = min(end, 1+longestLegacy)
	}
	return d.named(s[:end])
}

// maxStrictNumber is the length of CommonMark's longest number, of seven digits or of x and six.
const maxStrictNumber = len("&#x10FFFF;")

// DecodeStrict is Decode under CommonMark's rules: every reference, by name or by number, ends with a semicolon, and a number
// has seven digits at most.
func (d *Decoder) DecodeStrict(s []byte) (text []byte, length int) {
	text, length = d.Decode(s)
	if length == 0 || s[length-1] != ';' || s[1] == '#' && length > maxStrictNumber {
		return nil, 0
	}
	return text, length
}

// named asks the standard library's table, which takes and gives strings, once for each name.
func (d *Decoder) named(ref []byte) ([]byte, int) {
	if text, ok := d.names[string(ref)]; ok {
		return d.known(ref, text)
	}
	if _, ok := d.misses[string(ref)]; ok {
		return nil, 0
	}
	key := string(ref)
	text := html.UnescapeString(key)
	if text == key {
		if d.misses == nil {
			d.misses = make(map[string]struct{})
		}
		if len(d.misses) < maxMisses {
			d.misses[key] = struct{}{}
		}
		return nil, 0
	}
	if d.names == nil {
		d.names = make(map[string]string)
	}
	if len(d.names) < maxMisses {
		d.names[key] = text
	}
	return d.known(ref, text)
}

// known splits the decoded text from what the table left over after an old name: "&notit" is "¬it", of which the
// reference itself is four bytes long.
func (d *Decoder) known(ref []byte, text string) ([]byte, int) {
	rest := 0
	for rest < len(ref)-2 && rest < len(text)-1 && ref[len(ref)-1-rest] == text[len(text)-1-rest] {
		rest++
	}
	return append(d.buf[:0], text[:len(text)-rest]...), len(ref) - rest
}

func (d *Decoder) number(s []byte) ([]byte, int) {
	i, base := 2, rune(10)
	if s[i] == 'x' || s[i] == 'X' {
		i, base = 3, 16
	}
	first, value := i, rune(0)
	for ; i < len(s); i++ {
		digit := digitValue(s[i])
		if digit >= base {
			break
		}
		// Clamped above the last character, so that no count of digits overflows.
		if value = value*base + digit; value > utf8.MaxRune {
			value = utf8.MaxRune + 1
		}
	}
	if i == first {
		return nil, 0
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	switch {
	case value >= 0x80 && value <= 0x9F:
		value = windows1252[value-0x80]
	case value == 0 || value > utf8.MaxRune || (value >= 0xD800 && value <= 0xDFFF):
		value = utf8.RuneError
	}
	return utf8.AppendRune(d.buf[:0], value), i
}

func digitValue(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 99
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// windows1252 is what HTML5 reads the numbers 128 to 159 as ("numeric character reference end state").
var windows1252 = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}
