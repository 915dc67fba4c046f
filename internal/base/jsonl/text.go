package jsonl

import (
	"encoding/binary"
	"math/bits"

	"quarry/internal/base/simd"
)

const (
	ones   = 0x0101010101010101
	highs  = 0x80 * ones
	quotes = '"' * ones
	slants = '\\' * ones
	spaces = ' ' * ones
)

// wide walks characters of more than one byte from i on and gives the index after the last valid one. Text in
// Japanese is nearly all three-byte characters, so those go two at a time.
func wide(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			if w&0xC0C0F0C0C0F0 != 0x8080E08080E0 {
				break
			}
			// E0 and ED allow only a part of the second bytes; they take the slow way.
			if (1<<(w&15)|1<<(w>>24&15))&(1<<0|1<<13) != 0 {
				break
			}
			i += 6
		}
		n := wideLen(b, i)
		if n == 0 {
			return i
		}
		i += n
	}
}

// wideLen gives the length of the valid character of two to four bytes at i, or 0 (Unicode 15, table 3-7).
func wideLen(b []byte, i int) int {
	rest := b[i:]
	if len(rest) < 2 {
		return 0
	}
	c, d := rest[0], rest[1]
	switch {
	case c < 0xC2 || c > 0xF4:
		return 0
	case c < 0xE0:
		if d&0xC0 != 0x80 {
			return 0
		}
		return 2
	case c < 0xF0:
		if len(rest) < 3 || d&0xC0 != 0x80 || rest[2]&0xC0 != 0x80 || (c == 0xE0 && d < 0xA0) || (c == 0xED && d > 0x9F) {
			return 0
		}
		return 3
	}
	if len(rest) < 4 || d&0xC0 != 0x80 || rest[2]&0xC0 != 0x80 || rest[3]&0xC0 != 0x80 || (c == 0xF0 && d < 0x90) || (c == 0xF4 && d > 0x8F) {
		return 0
	}
	return 4
}

// text walks a string's content from i, the byte after its opening quote, and gives the index of its closing quote
// and whether it holds escapes. Printable ASCII goes by eight bytes at a time.
func text(b []byte, i int) (end int, escaped bool, err *SyntaxError) {
	for {
		if i+8 <= len(b) && !quoted(binary.LittleEndian.Uint64(b[i:])) { // names and short values end sooner than a vector begins
			read, n := simd.Walk(b[i:], &unescaped)
			i += read
			escaped = escaped || n > 0
		}
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			// Each difference sets the high bit of a byte that matches; a borrow can set it wrongly only above a byte
			// that did match, and only the lowest is looked at.
			m := ((w - spaces) | ((w ^ quotes) - ones) | ((w ^ slants) - ones) | w) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		} else if i >= len(b) {
			return i, escaped, fault(i, "unexpected end inside a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i, escaped, nil
		case c == '\\':
			escaped = true
			if i+1 < len(b) && unescaped[b[i+1]] != 0 {
				i += 2
				continue
			}
			n, err := escape(b, i)
			if err != nil {
				return i, escaped, err
			}
			i += n
		case c < ' ':
			return i, escaped, fault(i, "control character in a string")
		case c < 0x80:
			i++ // within the last eight bytes
		default:
			j := wide(b, i)
			if j == i {
				return i, escaped, &SyntaxError{Offset: i, Reason: ErrUTF8.Error(), Err: ErrUTF8}
			}
			i = j
		}
	}
}

// quoted reports whether there is a quote among eight bytes.
func quoted(w uint64) bool {
	x := w ^ quotes
	return (x-ones)&^x&highs != 0
}

// escape gives the length of the escape at i. A surrogate counts only as a pair.
func escape(b []byte, i int) (int, *SyntaxError) {
	if i+1 >= len(b) {
		return 0, fault(len(b), "unexpected end inside a string")
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, fault(i, "invalid escape")
	}
	u, ok := hex4(b, i+2)
	if !ok {
		return 0, fault(i, "invalid escape")
	}
	if u < 0xD800 || u > 0xDFFF {
		return 6, nil
	}
	if wholePair(b, i, u) {
		return 12, nil
	}
	return 0, &SyntaxError{Offset: i, Reason: ErrHalfPair.Error(), Err: ErrHalfPair}
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var u rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			u = u<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			u = u<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return u, true
}
