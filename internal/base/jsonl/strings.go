package jsonl

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"

	"quarry/internal/base/simd"
)

// Unescape appends the text of a string that was checked, given as it is between the quotes or with them.
func Unescape(dst, raw []byte) []byte {
	if len(raw) >= 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	if need := len(dst) + len(raw) + 8; cap(dst) < need {
		grown := make([]byte, len(dst), max(need, 2*cap(dst)))
		copy(grown, dst)
		dst = grown
	}
	// Text is never longer than its escaped form, so there is room for whole words until the end of raw.
	out, n := dst[:cap(dst)], len(dst)
	i := 0
	for i < len(raw) {
		if i+8 <= len(raw) {
			w := binary.LittleEndian.Uint64(raw[i:])
			binary.LittleEndian.PutUint64(out[n:], w)
			x := w ^ slants
			m := (x - ones) &^ x & highs
			if m == 0 {
				i += 8
				n += 8
				continue
			}
			k := bits.TrailingZeros64(m) >> 3
			i += k
			n += k
		} else if raw[i] != '\\' {
			out[n] = raw[i]
			i++
			n++
			continue
		}
		if i+1 == len(raw) {
			break // not checked after all
		}
		c := raw[i+1]
		if c != 'u' {
			out[n] = unescaped[c]
			i += 2
			n++
			continue
		}
		u, _ := hex4(raw, i+2)
		i += 6
		if u >= 0xD800 && u <= 0xDFFF {
			low, _ := hex4(raw, i+2)
			u = 0x10000 + (u-0xD800)<<10 + (low - 0xDC00)
			i += 6
		}
		n += utf8.EncodeRune(out[n:n+4:len(out)], u)
	}
	return out[:n]
}

// The escapes of two characters: what is said by the second one, and what it is in the shortest form.
var (
	unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
	shortForm = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}
)

// AppendString appends valid UTF-8 as a JSON string in the form of RFC 8785: only what must be escaped is, in its
// shortest form.
func AppendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for len(text) > 0 {
		n := clean(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			break
		}
		dst = appendEscape(dst, text[n])
		text = text[n+1:]
	}
	return append(dst, '"')
}

// AppendText appends what AppendString puts between the quotes, and checks the text on the way: it reports whether it is
// valid UTF-8. Where it is not, dst holds a part of it.
func AppendText(dst, text []byte) ([]byte, bool) {
	from, i := 0, 0
	for i < len(text) {
		if i+8 <= len(text) {
			w := binary.LittleEndian.Uint64(text[i:])
			// As in text: a borrow can set a bit wrongly only above the lowest that is set rightly.
			m := ((w - spaces) | ((w ^ quotes) - ones) | ((w ^ slants) - ones) | w) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		switch c := text[i]; {
		case c >= 0x80:
			j := wide(text, i)
			if j == i {
				return dst, false
			}
			i = j
		case c >= ' ' && c != '"' && c != '\\':
			i++ // within the last eight bytes
		default:
			dst = appendEscape(append(dst, text[from:i]...), c)
			i++
			from = i
		}
	}
	return append(dst, text[from:]...), true
}

// AppendValid is AppendText for text that is known to be valid UTF-8.
func AppendValid(dst, text []byte) []byte {
	const ahead = simd.Width + 16 // what is written before it is looked at, and an escape of six bytes
	n := len(dst)
	for i := 0; ; {
		if cap(dst)-n < len(text)-i+ahead {
			dst = slices.Grow(dst[:n], len(text)-i+(len(text)-i)/16+ahead)
		}
		out := dst[:cap(dst)]
		for i < len(text) && len(out)-n >= len(text)-i+ahead {
			read, wrote := simd.Escape(out[n:], text[i:], &shortForm)
			i += read
			n += wrote
			if len(out)-n < len(text)-i+ahead { // the escapes took what room there was
				break
			}
			for i+8 <= len(text) {
				w := binary.LittleEndian.Uint64(text[i:])
				binary.LittleEndian.PutUint64(out[n:], w)
				if m := escapes(w); m != 0 {
					k := bits.TrailingZeros64(m) >> 3
					i += k
					n += k
					break
				}
				i += 8
				n += 8
			}
			if i == len(text) {
				break
			}
			switch c := text[i]; {
			case c == '\n':
				binary.LittleEndian.PutUint16(out[n:], '\\'|'n'<<8)
				n += 2
			case c >= ' ' && c != '"' && c != '\\': // within the last eight bytes
				out[n] = c
				n++
			default:
				n = len(appendEscape(out[:n], c))
			}
			i++
		}
		if i >= len(text) {
			return dst[:n]
		}
	}
}

// escapes has the high bit of each byte of eight that must be escaped: a control character, a quote, a backslash. Above
// the lowest that is set rightly, a borrow can set one wrongly.
func escapes(w uint64) uint64 {
	return ((w - spaces) | ((w ^ quotes) - ones) | ((w ^ slants) - ones)) &^ w & highs
}

// clean counts the leading bytes that need no escape in a string.
func clean(b []byte) int {
	i := 0
	for i+8 <= len(b) {
		if m := escapes(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	if short := shortForm[c]; short != 0 {
		return append(dst, '\\', short)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
