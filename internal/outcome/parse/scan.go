package parse

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

var (
	errCut    = errors.New("text ends inside the value")
	errBroken = errors.New("not JSON")
)

// maxValues bounds how many values of one text are looked at; a text with more of them is no answer.
const maxValues = 16

// scan gives the values of a text that begin with opener, as strict compact JSON, each different one once. It is clean
// when nothing in the text looks like one more value that is broken or was cut off: that one may be the answer.
//
// What it repairs: commas before a closing bracket; line breaks and tabs inside strings; escapes that JSON does not have and
// that have one reading (see escape); half a surrogate pair, which is U+FFFD. It looks at every byte once, but for a bracket
// that only white space follows.
func scan(s string, opener byte) (values [][]byte, clean bool) {
	for i := 0; ; {
		n := strings.IndexByte(s[i:], opener)
		if n < 0 {
			return values, true
		}
		start := i + n
		r := reader{src: s, at: start}
		switch err := r.value(); {
		case errors.Is(err, errCut) && len(values) > 0 && strings.TrimLeft(s[start+1:], " \t\r\n`'\".)") == "":
			return values, true // a lone bracket that ends the prose after a value
		case errors.Is(err, errCut):
			return nil, false
		case err != nil && r.members > 0:
			return nil, false
		case err != nil: // a brace in prose
			i = max(r.at, start+1)
			continue
		}
		b, err := strict(nil, string(r.out))
		if err != nil {
			return nil, false
		}
		if len(values) == maxValues {
			return nil, false
		}
		if !slices.ContainsFunc(values, func(v []byte) bool { return string(v) == string(b) }) {
			values = append(values, b)
		}
		i = r.at
	}
}

// reader reads one object or array, more leniently than JSON is, and writes it down as JSON.
type reader struct {
	src     string
	at      int
	out     []byte
	stack   []byte // the closing brackets that are due
	members int    // names that were followed by a colon, and elements of arrays that were followed by a comma
}

// state is what has to come next.
type state int

const (
	wantValue     state = iota
	wantFirst           // the first name or element, or the closing bracket
	wantNext            // a name or element after a comma, or the bracket that makes the comma one too many
	wantColon           //
	wantSeparator       // a comma or the closing bracket
)

const maxDepth = 1000

func (r *reader) value() error {
	next := wantValue
	for {
		r.space()
		if r.at == len(r.src) {
			return errCut
		}
		c := r.src[r.at]
		switch next {
		case wantColon:
			if c != ':' {
				return errBroken
			}
			r.at++
			r.members++
			r.out = append(r.out, ':')
			next = wantValue
			continue
		case wantSeparator:
			switch {
			case c == ',':
				r.at++
				if r.top() == ']' {
					r.members++
				}
				next = wantNext
				continue
			case c != r.top():
				return errBroken
			}
		}
		if next != wantValue && c == r.top() {
			r.at++
			r.out = append(r.out, c)
			r.stack = r.stack[:len(r.stack)-1]
			if len(r.stack) == 0 {
				return nil
			}
			next = wantSeparator
			continue
		}
		if next == wantNext {
			r.out = append(r.out, ',')
		}
		name := next != wantValue && r.top() == '}'
		switch {
		case c == '"':
			if err := r.str(); err != nil {
				return err
			}
			next = wantSeparator
			if name {
				next = wantColon
			}
		case name:
			return errBroken
		case c == '{' || c == '[':
			if len(r.stack) == maxDepth {
				return errBroken
			}
			r.at++
			r.out = append(r.out, c)
			r.stack = append(r.stack, c+2) // '{'+2 == '}', '['+2 == ']'
			next = wantFirst
		default:
			if err := r.literal(); err != nil {
				return err
			}
			next = wantSeparator
		}
	}
}

func (r *reader) top() byte {
	if len(r.stack) == 0 {
		return 0
	}
	return r.stack[len(r.stack)-1]
}

func (r *reader) space() {
	for r.at < len(r.src) {
		switch r.src[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// loose are the characters after a backslash that JSON does not know as an escape, and that Markdown, LaTeX and JavaScript
// all read as the character alone. Of others, like \( in LaTeX, there is another reading.
const loose = "'_$%#&*-.+@<>`"

// escape reads the escape that a text begins with: its length, and what is written for it where that differs.
func escape(s string) (n int, text string, err error) {
	if len(s) < 2 {
		return 0, "", errCut
	}
	switch c := s[1]; {
	case strings.IndexByte(loose, c) >= 0:
		return 2, s[1:2], nil
	case c != 'u' || len(s) < 6:
		return 2, "", nil // whether it is one is seen later
	}
	half, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil || half < 0xD800 || half > 0xDFFF {
		return 2, "", nil
	}
	if half < 0xDC00 && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, err := strconv.ParseUint(s[8:12], 16, 16); err == nil && low >= 0xDC00 && low <= 0xDFFF {
			return 12, "", nil
		}
	}
	return 6, "\uFFFD", nil
}

// str reads a string; whether the escapes that are left are good is seen later.
func (r *reader) str() error {
	r.out = append(r.out, '"')
	from := r.at + 1
	for i := from; i < len(r.src); i++ {
		c := r.src[i]
		switch {
		case c == '"':
			r.out = append(append(r.out, r.src[from:i]...), '"')
			r.at = i + 1
			return nil
		case c == '\\':
			n, text, err := escape(r.src[i:])
			if err != nil {
				r.at = min(i+1, len(r.src))
				return err
			}
			if text != "" {
				r.out = append(append(r.out, r.src[from:i]...), text...)
				from = i + n
			}
			i += n - 1
		case c >= 0x20:
		case c == '\n' || c == '\r' || c == '\t':
			r.out = append(r.out, r.src[from:i]...)
			r.out = append(r.out, '\\', map[byte]byte{'\n': 'n', '\r': 'r', '\t': 't'}[c])
			from = i + 1
		default:
			r.at = i
			return errBroken
		}
	}
	r.at = len(r.src)
	return errCut
}

// literal reads a number, true, false or null; which it is, and whether it is one, is seen later.
func (r *reader) literal() error {
	from := r.at
	for r.at < len(r.src) {
		c := r.src[r.at]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '+' && c != '-' && c != '.' {
			break
		}
		r.at++
	}
	if r.at == from {
		return errBroken
	}
	r.out = append(r.out, r.src[from:r.at]...)
	return nil
}
