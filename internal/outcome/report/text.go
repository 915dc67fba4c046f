package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"quarry"
)

// unknown is what the page says of a number that no one knows.
const unknown = "unknown"

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
