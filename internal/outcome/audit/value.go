package audit

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// value is a JSON value as it is written, of a text that was checked. nil: there is none. It is read where it is looked at: most of a line
// of output is the echo of the request.
type value []byte

// checked gives the value that a text is: names are unique, strings are UTF-8. nil where it is none.
func checked(text []byte) value {
	if v := jsontext.Value(text); v.IsValid() {
		return value(bytes.TrimSpace(text))
	}
	return nil
}

func (v value) begins(with byte) bool { return len(v) > 0 && v[0] == with }

// given reports whether there is a value other than null.
func (v value) given() bool { return len(v) > 0 && v[0] != 'n' }

// members walks an object's members, each with its name. A value that is no object has none.
func (v value) members() iter.Seq2[[]byte, value] {
	return func(yield func([]byte, value) bool) {
		if !v.begins('{') {
			return
		}
		for i := blanks(v, 1); i < len(v) && v[i] == '"'; {
			end := afterText(v, i)
			name := v[i+1 : end-1]
			if bytes.IndexByte(name, '\\') >= 0 {
				name = value(v[i:end].text())
			}
			i = blanks(v, blanks(v, end)+1)
			end = afterValue(v, i)
			if !yield(name, v[i:end]) {
				return
			}
			if i = blanks(v, end); i < len(v) && v[i] == ',' {
				i = blanks(v, i+1)
			}
		}
	}
}

// elements walks an array's elements. A value that is no array has none.
func (v value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.begins('[') {
			return
		}
		for i := blanks(v, 1); i < len(v) && v[i] != ']'; {
			end := afterValue(v, i)
			if !yield(v[i:end]) {
				return
			}
			if i = blanks(v, end); i < len(v) && v[i] == ',' {
				i = blanks(v, i+1)
			}
		}
	}
}

// at walks down: a string names a member, a number an element. nil: there is no such thing, or it is null.
func (v value) at(path ...any) value {
	for _, step := range path {
		var next value
		switch step := step.(type) {
		case string:
			next = v.member(step)
		case int:
			for e := range v.elements() {
				if step--; step < 0 {
					next = e
					break
				}
			}
		}
		v = next
	}
	if !v.given() {
		return nil
	}
	return v
}

// member is one member of an object; nil where there is none.
func (v value) member(want string) value {
	for name, member := range v.members() {
		if string(name) == want {
			return member
		}
	}
	return nil
}

// text is what a string says, empty for any other value.
func (v value) text() string {
	switch {
	case !v.begins('"'):
		return ""
	case bytes.IndexByte(v, '\\') < 0:
		return string(v[1 : len(v)-1])
	}
	return string(v.appendText(make([]byte, 0, len(v))))
}

// appendText appends what a string says.
func (v value) appendText(dst []byte) []byte {
	for rest := []byte(v[1 : len(v)-1]); ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:i]...)
		escape := rest[i+1]
		rest = rest[i+2:]
		switch escape {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(rest)
			rest = rest[4:]
			if utf16.IsSurrogate(r) { // the other half follows
				r = utf16.DecodeRune(r, hex4(rest[2:]))
				rest = rest[6:]
			}
			dst = utf8.AppendRune(dst, r)
		default: // itself: a quote or a slash
			dst = append(dst, escape)
		}
	}
}

func hex4(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// likeness is the same for two values that differ only in spaces, in the escapes of strings and in the order of members. 0: there is no
// value.
func (v value) likeness() digest {
	if len(v) == 0 {
		return 0
	}
	var sum digest // of an object's members, whatever their order
	switch v[0] {
	case '"':
		if text := []byte(v[1 : len(v)-1]); bytes.IndexByte(text, '\\') < 0 {
			return digest(maphash.Bytes(seed, text))
		}
		return digest(maphash.String(seed, v.text()))
	case '{':
		for name, member := range v.members() {
			sum += pairOf(digest(maphash.Bytes(seed, name)), member.likeness())
		}
	case '[':
		for element := range v.elements() {
			sum = pairOf(sum, element.likeness())
		}
	default:
		sum = digest(maphash.Bytes(seed, v))
	}
	return pairOf(sum, digest(v[0])) // an empty list is no empty object, and 1 is not "1"
}

// pairOf is the digest of two, in their order.
func pairOf(a, b digest) digest {
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:], uint64(a))
	binary.LittleEndian.PutUint64(both[8:], uint64(b))
	return digest(maphash.Bytes(seed, both[:]))
}

// like reports whether two values have the same likeness.
func (v value) like(other value) bool {
	return bytes.Equal(v, other) || v.likeness() == other.likeness()
}

// count is a count of tokens. ok is false where there is none, or one that cannot be: below 0, above what any model takes, no whole
// number.
func (v value) count() (n int64, ok bool) {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 || f > quarry.MaxTokenCount || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

// blanks is the first place from i on that is not white space.
func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// afterText is the place after the string that begins at i: after the first quote that an even number of backslashes precedes.
func afterText(b []byte, i int) int {
	for i++; i < len(b); {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			break
		}
		i += quote + 1
		slants := 0
		for b[i-2-slants] == '\\' {
			slants++
		}
		if slants%2 == 0 {
			return i
		}
	}
	return len(b)
}

// afterValue is the place after the value that begins at i.
func afterValue(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = afterText(b, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		default:
			if i++; depth > 0 {
				continue
			}
			for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(b)
}
