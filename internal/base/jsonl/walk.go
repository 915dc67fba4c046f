package jsonl

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
)

// Members walks the members of an object that was checked, in their order: each name as it is between its quotes,
// each value as it is. A text that is no object has no members.
func Members(obj []byte) iter.Seq2[[]byte, []byte] { return (*Checker)(nil).Members(obj) }

// Members is the function Members for a part of the line that Object checked last. What the check learned about long
// strings is used, so they are not read again.
func (c *Checker) Members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := space(obj, 0)
		if i >= len(obj) || obj[i] != '{' {
			return
		}
		i = space(obj, i+1)
		for i < len(obj) && obj[i] == '"' {
			end := stringEnd(obj, i)
			if end < i+2 {
				return
			}
			name := obj[i+1 : end-1]
			i = space(obj, end)
			i = space(obj, min(i+1, len(obj)))
			end = c.valueEnd(obj, i)
			if !yield(name, obj[i:end]) {
				return
			}
			i = space(obj, end)
			if i < len(obj) {
				i = space(obj, i+1)
			}
		}
	}
}

// Elements walks the values of an array that was checked. A text that is no array has none.
func Elements(array []byte) iter.Seq[[]byte] { return (*Checker)(nil).Elements(array) }

// Elements is the function Elements for a part of the line that Object checked last.
func (c *Checker) Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		i := space(array, 0)
		if i >= len(array) || array[i] != '[' {
			return
		}
		i = space(array, i+1)
		for i < len(array) && array[i] != ']' {
			end := c.valueEnd(array, i)
			if end == i || !yield(array[i:end]) {
				return
			}
			i = space(array, end)
			if i < len(array) && array[i] == ',' {
				i = space(array, i+1)
			}
		}
	}
}

// Lookup follows a path of names, and of indexes where it meets an array, through a value that was checked. It gives
// the value as it is.
func Lookup(value []byte, path ...string) ([]byte, bool) {
	for _, step := range path {
		found := false
		i := space(value, 0)
		if i < len(value) && value[i] == '[' {
			n, err := strconv.Atoi(step)
			if err != nil {
				return nil, false
			}
			for v := range Elements(value) {
				if n == 0 {
					value, found = v, true
					break
				}
				n--
			}
		} else {
			for name, v := range Members(value) {
				if NameIs(name, step) {
					value, found = v, true
					break
				}
			}
		}
		if !found {
			return nil, false
		}
	}
	return value, true
}

// NameIs reports whether a name as it is in a text is the wanted one, escapes resolved.
func NameIs(raw []byte, want string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == want
	}
	return string(Unescape(nil, raw)) == want
}

// stringEnd gives the index after the closing quote of the string that opens at i.
func stringEnd(b []byte, i int) int {
	i++
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		k := i - 2
		for b[k] == '\\' { // the opening quote ends the walk at the latest
			k--
		}
		if (i-k)%2 == 0 {
			return i
		}
	}
}

// stringEnd is the function, for a string that may have been noted.
func (c *Checker) stringEnd(b []byte, i int) int {
	if c == nil || len(c.long) == 0 {
		return stringEnd(b, i)
	}
	at := c.size - cap(b) + i
	n, ok := slices.BinarySearchFunc(c.long, at, func(s span, at int) int { return s.start - at })
	if !ok {
		return stringEnd(b, i)
	}
	return i + c.long[n].end - at
}

// valueEnd gives the index after the value that begins at i.
func (c *Checker) valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return c.stringEnd(b, i)
	case '{', '[':
	default:
		for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
			i++
		}
		return i
	}
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = c.stringEnd(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}

// AppendCompact appends a value that was checked without the white space between its parts.
func AppendCompact(dst, value []byte) []byte { return appendCompact(dst, value, false) }

// AppendNormal is AppendCompact, with strings and names in the form of AppendString.
func AppendNormal(dst, value []byte) []byte { return appendCompact(dst, value, true) }

func appendCompact(dst, value []byte, normal bool) []byte {
	from := 0
	for i := 0; i < len(value); {
		switch value[i] {
		case ' ', '\t', '\n', '\r':
			dst = append(dst, value[from:i]...)
			i++
			from = i
		case '"':
			end := stringEnd(value, i)
			if normal && bytes.IndexByte(value[i:end], '\\') >= 0 {
				dst = append(dst, value[from:i]...)
				from = end
				dst = AppendString(dst, Unescape(nil, value[i:end]))
			}
			i = end
		default:
			i++
		}
	}
	return append(dst, value[from:]...)
}
