package rules

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode"

	"quarry/internal/base/jsonl"
)

// text checks a string of any length.
func text(w *walk, value []byte) {
	if value[0] != '"' {
		w.fault(value, message{kind: wrongType, want: "string", got: value}, "")
	}
}

// filled checks a string that is not empty.
func filled(w *walk, value []byte) {
	switch {
	case value[0] != '"':
		w.fault(value, message{kind: wrongType, want: "string", got: value}, "")
	case len(value) == 2:
		w.fault(value, message{kind: tooShort, number: 1}, "")
	}
}

// boolean checks true or false.
func boolean(w *walk, value []byte) {
	if value[0] != 't' && value[0] != 'f' {
		w.fault(value, message{kind: wrongType, want: "boolean", got: value}, "")
	}
}

// anyObject checks an object with any members.
func anyObject(w *walk, value []byte) {
	if value[0] != '{' {
		w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
	}
}

// oneOf checks a string that is one of a few.
func oneOf(values ...string) rule {
	return func(w *walk, value []byte) {
		if value[0] != '"' {
			w.fault(value, message{kind: wrongType, want: "string", got: value}, "")
			return
		}
		s := inside(value)
		for _, v := range values {
			if string(s) == v {
				return
			}
		}
		w.fault(value, message{kind: notOneOf, text: shown(s), values: values}, "")
	}
}

// whole number of least or more; most 0 is without a limit.
func integer(least, most int64) rule {
	return func(w *walk, value []byte) {
		if !isNumber(value) {
			w.fault(value, message{kind: wrongType, want: "integer", got: value}, "")
			return
		}
		n, ok := wholeNumber(value)
		switch {
		case !ok && bytes.ContainsAny(value, ".eE"):
			w.fault(value, message{kind: fraction, got: value}, "")
		case !ok && value[0] != '-':
			n = int64(^uint64(0) >> 1)
			fallthrough
		case ok && most > 0 && n > most:
			w.fault(value, message{kind: tooLarge, number: most, got: value}, "")
		case !ok, n < least:
			w.fault(value, message{kind: tooSmall, number: least, got: value}, "")
		}
	}
}

// number checks a number of least to most, both included.
func number(least, most float64) rule {
	return func(w *walk, value []byte) {
		if !isNumber(value) {
			w.fault(value, message{kind: wrongType, want: "number", got: value}, "")
			return
		}
		if f, err := strconv.ParseFloat(string(value), 64); err != nil || f < least || f > most {
			w.fault(value, message{kind: outOfRange, least: least, most: most, got: value}, "")
		}
	}
}

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// wholeNumber reads a whole number, also one that is written as 16.0 or 1e3.
func wholeNumber(value []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f != float64(int64(f)) || f > 1<<53 || f < -(1<<53) {
		return 0, false
	}
	return int64(f), true
}

func float(value []byte) (float64, bool) {
	if value == nil || !isNumber(value) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return f, err == nil
}

// inside gives what a string says, without a copy where it has no escapes; nil for another kind of value.
func inside(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	b := value[1 : len(value)-1]
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	return jsonl.Unescape(nil, b)
}

// said gives the text of a string; "" for another kind of value.
func said(value []byte) string { return string(inside(value)) }

// blank reports whether a string has nothing but white space. It looks no further than the first character that is none.
func blank(value []byte) bool {
	b := value[1 : len(value)-1]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == ' ':
		case c == '\\' && i+1 < len(b) && strings.IndexByte("ntrf", b[i+1]) >= 0:
			i++
		case c == '\\' && i+1 < len(b) && b[i+1] == 'u', c >= 0x80:
			// White space beyond ASCII, or written as a number: rare enough to decode.
			return strings.TrimFunc(string(jsonl.Unescape(nil, b[i:])), unicode.IsSpace) == ""
		default:
			return false
		}
	}
	return true
}

// endsBlank reports whether a string ends with white space.
func endsBlank(value []byte) bool {
	tail := value[max(1, len(value)-64) : len(value)-1]
	// The cut may go through an escape; what decides is the last character.
	decoded := string(jsonl.Unescape(nil, tail))
	trimmed := strings.TrimRightFunc(decoded, unicode.IsSpace)
	return len(trimmed) < len(decoded)
}

// encoded checks base64 of something. The bytes are counted and looked at, not decoded.
func encoded(w *walk, value []byte) {
	switch {
	case value[0] != '"':
		w.fault(value, message{kind: wrongType, want: "string", got: value}, "")
	case len(value) == 2:
		w.fault(value, message{kind: tooShort, number: 1}, "")
	case !isBase64(value[1 : len(value)-1]):
		w.fault(value, message{kind: whole, text: "Invalid base64 data"}, "encode the bytes as base64 with padding and without line breaks")
	}
}

func isBase64(b []byte) bool {
	if bytes.IndexByte(b, '\\') >= 0 {
		b = jsonl.Unescape(nil, b)
	}
	if len(b)%4 != 0 {
		return false
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("=")), []byte("="))
	for _, c := range b {
		if !base64Letter[c] {
			return false
		}
	}
	return true
}

var base64Letter = func() (t [256]bool) {
	for c := range len(t) {
		t[c] = c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
	}
	return t
}()

// mediaTypeOf tells the type of an image from its first bytes, or "".
func mediaTypeOf(value []byte) string {
	b := value[1 : len(value)-1]
	head, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(b[:min(len(b), 40)&^3]), `\`, ""))
	if err != nil {
		return ""
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(head, []byte("GIF8")):
		return "image/gif"
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}
