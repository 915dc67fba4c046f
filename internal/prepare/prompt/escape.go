package prompt

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"quarry/internal/base/jsonl"
)

var errUTF8 = errors.New("text is not valid UTF-8")

const hexDigits = "0123456789abcdef"

// appendBytes appends text as it is between the quotes of a canonical JSON string (RFC 8785, section 3.2.2.2).
func appendBytes(dst, text []byte) ([]byte, error) {
	start := len(dst)
	dst, ok := jsonl.AppendText(slices.Grow(dst, len(text)+len(text)/16), text)
	if !ok {
		return dst[:start], errUTF8
	}
	return dst, nil
}

func appendString(dst []byte, text string) ([]byte, error) { return appendBytes(dst, []byte(text)) }

// escape is appendBytes for the few texts that were checked before.
func escape[T []byte | string](dst []byte, text T) []byte {
	quoted := jsonl.AppendString(nil, []byte(text))
	return append(dst, quoted[1:len(quoted)-1]...)
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
	return low >= 0 && !strings.ContainsRune("\b\t\n\f\r", rune(h[2]-'0')<<4|rune(low))
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
