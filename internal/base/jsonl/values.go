package jsonl

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Values turns the values of a line that was checked into Go's. A null leaves its target as it is. The first value that does not fit its
// target is kept as the error, so that a reader asks once for each line. The zero value is ready. One goroutine at a time.
type Values struct {
	err   error
	words [64]string // that came before, by their ends: models, Regions and jobs come on every line
}

// Err gives the first fault since the last call.
func (v *Values) Err() error {
	err := v.err
	v.err = nil
	return err
}

// Keep keeps an error of a value that is read elsewhere.
func (v *Values) Keep(err error) {
	if v.err == nil {
		v.err = err
	}
}

func (v *Values) fault(value []byte, want string) {
	v.Keep(fmt.Errorf("%s where %s is expected", Quote(value), want))
}

// Text reads a string.
func Text[S ~string](v *Values, value []byte, to *S) {
	switch {
	case value[0] == 'n':
	case value[0] != '"':
		v.fault(value, "a string")
	case bytes.IndexByte(value, '\\') < 0:
		*to = S(value[1 : len(value)-1])
	default:
		*to = S(Unescape(nil, value))
	}
}

// Word reads a string that comes on many lines, and shares its memory among them.
func Word[S ~string](v *Values, value []byte, to *S) {
	if len(value) < 3 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		Text(v, value, to)
		return
	}
	value = value[1 : len(value)-1]
	known := &v.words[(len(value)*7+int(value[0])+int(value[len(value)-1]))%len(v.words)]
	if *known != string(value) {
		*known = string(value)
	}
	*to = S(*known)
}

// Name reads a member's name, as Members gives it.
func Name(v *Values, name []byte, to *string) { *to = string(Unescape(nil, name)) }

// Int reads a whole number.
func Int[N ~int | ~int32 | ~int64](v *Values, value []byte, to *N) {
	if value[0] == 'n' {
		return
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || int64(N(n)) != n {
		v.fault(value, "a whole number")
		return
	}
	*to = N(n)
}

// Bool reads true or false.
func (v *Values) Bool(value []byte, to *bool) {
	switch value[0] {
	case 'n':
	case 't', 'f':
		*to = value[0] == 't'
	default:
		v.fault(value, "true or false")
	}
}

// Raw copies a value as it is written.
func (v *Values) Raw(value []byte, to *[]byte) { *to = bytes.Clone(value) }

// Object reports whether a value has members to be read; null has none.
func (v *Values) Object(value []byte) bool {
	if value[0] != '{' && value[0] != 'n' {
		v.fault(value, "an object")
	}
	return value[0] == '{'
}

// AppendQuoted appends a text as a JSON string as encoding/json writes it for data: <, > and & stay, U+2028 and U+2029 are escaped, and
// bytes that are not UTF-8 become U+FFFD.
func AppendQuoted[S ~string | ~[]byte](dst []byte, text S) []byte {
	dst = append(dst, '"')
	from, i := 0, 0
	for i < len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		// Three bytes that can only be a character: nearly all text in Japanese. U+2028 begins with E2.
		if c > 0xE2 && c < 0xED && i+2 < len(text) && text[i+1]&0xC0 == 0x80 && text[i+2]&0xC0 == 0x80 {
			i += 3
			continue
		}
		size, replaced := 1, ""
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
			switch {
			case r == utf8.RuneError && size == 1:
				replaced = `\ufffd`
			case r == '\u2028':
				replaced = `\u2028`
			case r == '\u2029':
				replaced = `\u2029`
			default:
				i += size
				continue
			}
		}
		dst = append(dst, text[from:i]...)
		if replaced != "" {
			dst = append(dst, replaced...)
		} else {
			dst = appendEscape(dst, c)
		}
		i += size
		from = i
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}
