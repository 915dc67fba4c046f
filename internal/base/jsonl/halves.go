package jsonl

import "bytes"

// ReplaceHalfPairs appends a JSON text with the escape of U+FFFD in place of each escape of half a surrogate pair, and
// gives how many there were. All other bytes are kept, and so is every offset: both escapes have six bytes.
//
// JSON.stringify of a string that was cut in the middle of an emoji writes such an escape
// (https://tc39.es/ecma262/#sec-quotejsonstring). It names no character, so a check rejects it with ErrHalfPair: a reader
// that prefers to lose the half character and not the text replaces it and checks again.
func ReplaceHalfPairs(dst, text []byte) (out []byte, n int) {
	from := len(dst)
	dst = append(dst, text...)
	b := dst[from:]
	for i := 0; ; {
		at := bytes.IndexByte(b[i:], '\\')
		if at < 0 {
			return dst, n
		}
		i += at
		u, ok := rune(0), false
		if i+1 < len(b) && b[i+1] == 'u' {
			u, ok = hex4(b, i+2)
		}
		switch {
		case !ok || u < 0xD800 || u > 0xDFFF:
			i += 2 // of an escaped backslash, the second one is no escape
			if i >= len(b) {
				return dst, n
			}
		case wholePair(b, i, u):
			i += 12
		default:
			copy(b[i:], `\ufffd`)
			n++
			i += 6
		}
	}
}

// wholePair reports whether the escape at i, of the surrogate u, and the one that follows are a pair.
func wholePair(b []byte, i int, u rune) bool {
	if u >= 0xDC00 || i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
		return false
	}
	low, ok := hex4(b, i+8)
	return ok && low >= 0xDC00 && low <= 0xDFFF
}
