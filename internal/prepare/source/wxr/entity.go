package wxr

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// unescape resolves the references that XML has. What is none stays as it is: the export's writers forget to escape.
func unescape(dst, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '&')
		if n < 0 {
			return append(dst, s...)
		}
		dst, s = append(dst, s[:n]...), s[n:]
		end := bytes.IndexByte(s[:min(len(s), 12)], ';')
		r, ok := rune(0), false
		if end > 0 {
			r, ok = named(string(s[1:end]))
		}
		if !ok {
			dst, s = append(dst, '&'), s[1:]
			continue
		}
		dst, s = utf8.AppendRune(dst, r), s[end+1:]
	}
}

func named(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n > utf8.MaxRune || (n >= 0xD800 && n <= 0xDFFF) {
		return 0, false // names no character: left to the cleaner, which has a rule for it
	}
	return rune(n), true
}
