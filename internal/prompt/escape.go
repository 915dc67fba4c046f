package prompt

import (
	"errors"
	"unicode/utf8"
)

var errUTF8 = errors.New("text is not valid UTF-8")

const (
	plain   = 0
	short   = 1 // two characters: \n
	unicode = 2 // six: \u001f
)

var escapes = func() (t [256]byte) {
	for c := range 0x20 {
		t[c] = unicode
	}
	for _, c := range []byte("\b\t\n\f\r\\") {
		t[c] = short
	}
	t['"'] = short
	return t
}()

// shortEscape is the letter behind the backslash.
func shortEscape(c byte) byte {
	switch c {
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	}
	return c
}

const hexDigits = "0123456789abcdef"

// appendBytes appends text as it stands between the quotes of a canonical JSON string (RFC 8785, section 3.2.2.2).
func appendBytes(dst, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return dst, errUTF8
	}
	return escape(dst, text), nil
}

func appendString(dst []byte, text string) ([]byte, error) {
	if !utf8.ValidString(text) {
		return dst, errUTF8
	}
	return escape(dst, text), nil
}

func escape[T []byte | string](dst []byte, text T) []byte {
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if escapes[c] == plain {
			continue
		}
		dst = append(dst, text[from:i]...)
		if escapes[c] == short {
			dst = append(dst, '\\', shortEscape(c))
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
	return append(dst, text[from:]...)
}

// scanEscaped measures the canonical string content at the head of b, up to the closing quote. It gives -1 where the
// content is not what appendBytes would have written.
func scanEscaped(b []byte) int {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			if !utf8.Valid(b[:i]) {
				return -1
			}
			return i
		case c < 0x20:
			return -1
		case c != '\\':
			continue
		}
		if i+1 >= len(b) {
			return -1
		}
		switch b[i+1] {
		case 'b', 't', 'n', 'f', 'r', '\\', '"':
			i++
		case 'u':
			if i+5 >= len(b) || !canonicalUnicode(b[i+2:i+6]) {
				return -1
			}
			i += 5
		default:
			return -1
		}
	}
	return -1
}

// canonicalUnicode reports whether four hex digits are of a control character that has no short form.
func canonicalUnicode(h []byte) bool {
	if h[0] != '0' || h[1] != '0' || (h[2] != '0' && h[2] != '1') {
		return false
	}
	low := -1
	for i := range hexDigits {
		if hexDigits[i] == h[3] {
			low = i
		}
	}
	return low >= 0 && escapes[int(h[2]-'0')<<4|low] == unicode
}

// blank reports whether escaped text holds nothing but white space, which every family refuses as a text.
func blank(escaped []byte) bool {
	for i := 0; i < len(escaped); i++ {
		switch escaped[i] {
		case ' ':
		case '\\':
			i++
			if i == len(escaped) || (escaped[i] != 'n' && escaped[i] != 't' && escaped[i] != 'r') {
				return false
			}
		default:
			return false
		}
	}
	return true
}
