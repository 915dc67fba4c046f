package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"quarry"
)

// unknown is what the page says of a number that no one knows.
const unknown = "unknown"

// clean takes a foreign text for one line of the page: no control, format or bidi characters, broken UTF-8 marked, and at
// most limit characters. Markup is escaped by the template, not here.
func clean(s string, limit int) string { return tidy(s, limit, false) }

// cleanLines is clean for a text whose line breaks are part of it.
func cleanLines(s string, limit int) string { return tidy(s, limit, true) }

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

// number writes 14208 as 14,208.
func number(n int64) string { return separate(strconv.FormatInt(n, 10)) }

// separate puts commas between the thousands of a decimal number.
func separate(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, broken := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if broken {
		rest = "." + rest
	}
	return sign + whole + rest
}

// money writes dollars; a sum that is not known is said to be so.
func money(u *quarry.USD) string {
	if u == nil {
		return unknown
	}
	switch {
	case *u > 0 && *u < 1e6:
		return "less than $0.000001"
	case *u < 0:
		positive := *u
		if positive == math.MinInt64 {
			positive++
		}
		positive = -positive
		return "-" + money(&positive)
	}
	return "$" + separate(strings.TrimPrefix(u.String(), "$"))
}

// share writes n of total in percent. Only nothing is 0 %, and only all of it is 100 %.
func share(n, total int64) string {
	if total <= 0 || n <= 0 {
		return "0%"
	}
	if n >= total {
		return "100%"
	}
	p := 100 * float64(n) / float64(total)
	switch {
	case p < 0.1:
		return "<0.1%"
	case p > 99.9:
		return ">99.9%"
	}
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + "%"
}

// span writes seconds the way people say them.
func span(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds < 0:
		return unknown
	case seconds == 0:
		return "0 s"
	case seconds < 0.1:
		return "<0.1 s"
	case seconds < 9.95:
		return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
	case seconds < 99.5:
		return strconv.FormatFloat(seconds, 'f', 0, 64) + " s"
	case seconds > 1e10:
		return unknown
	}
	s := int64(math.Round(seconds))
	switch {
	case s < 3600:
		return pair(s/60, "min", s%60, "s")
	case s < 86400:
		return pair(s/3600, "h", s%3600/60, "min")
	}
	return pair(s/86400, "d", s%86400/3600, "h")
}

func pair(big int64, bigUnit string, small int64, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%s %s", number(big), bigUnit)
	}
	return fmt.Sprintf("%s %s %d %s", number(big), bigUnit, small, smallUnit)
}

// moment writes a time for people: local, with its offset.
func moment(t time.Time) string {
	if t.IsZero() {
		return unknown
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// plural picks the form of a noun: "1 job", "2 jobs".
func plural(n int64, one, many string) string {
	if n == 1 {
		return number(n) + " " + one
	}
	return number(n) + " " + many
}

// webAddress gives a document's address where it is one that a browser may be sent to, else nothing.
func webAddress(s string) string {
	if s != clean(s, 4000) || !utf8.ValidString(s) {
		return ""
	}
	if lower := strings.ToLower(s); strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://") {
		return s
	}
	return ""
}
