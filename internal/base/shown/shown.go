// Package shown makes foreign texts fit for a page of HTML: texts of documents, of models and of providers are hostile.
//
// It owns which characters of such a text a reader gets to see, which addresses become links, and how a value is escaped. It knows no
// page. What always holds: what HTML gives is safe as the text of an element and as the value of an attribute in quotes, and nowhere else.
package shown

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line takes a foreign text for one line of a page: no control, format or bidi characters, broken UTF-8 marked, and at
// most limit characters. Markup is escaped by HTML, not here.
func Line(s string, limit int) string { return tidy(s, limit, false) }

// Lines is Line for a text whose line breaks are part of it.
func Lines(s string, limit int) string { return tidy(s, limit, true) }

// Piece is Lines for a piece of a text whose other pieces come before and after it.
func Piece(s string) string {
	text := tidy(s, len(s), true)
	head := s[:len(s)-len(strings.TrimLeft(s, "\n"))]
	if len(head) == len(s) {
		return s
	}
	return head + text + s[len(strings.TrimRight(s, "\n")):]
}

// maxMarks bounds the marks above and below one character: no script stacks more, and a tower of them covers other lines.
const maxMarks = 4

func tidy(s string, limit int, lines bool) string {
	var b strings.Builder
	n, marks := 0, 0
	for _, r := range s {
		switch {
		case r == '\n' && lines:
		case r == '\t', r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			r = ' '
		case !readable(r):
			continue
		}
		if !unicode.Is(unicode.Mn, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			continue
		}
		if n == limit {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		n++
	}
	if lines {
		return strings.Trim(b.String(), "\n")
	}
	return strings.TrimSpace(b.String())
}

// readable tells characters that a reader sees from those that only steer what is seen. The joiners stay: Persian and
// emoji need them.
func readable(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return true
	case '\u034f', '\u115f', '\u1160', '\u3164', '\uffa0': // letters and marks without a shape
		return false
	}
	return !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Co, unicode.Noncharacter_Code_Point)
}

// Address gives a document's address where it is one that a browser may be sent to, else nothing.
func Address(s string) string {
	if s != Line(s, 4000) || !utf8.ValidString(s) {
		return ""
	}
	if lower := strings.ToLower(s); strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://") {
		return s
	}
	return ""
}

// HTML is a value as text of HTML, or as the value of an attribute in quotes: a page may have values in no other place. An address in
// href must be one that Address let through, or one that the page made.
func HTML(v any) (string, error) { return html.EscapeString(fmt.Sprint(v)), nil }
