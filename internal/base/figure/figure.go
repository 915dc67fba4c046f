// Package figure writes numbers for people.
package figure

import (
	"strconv"
	"strings"
)

// whole are the types that counts have.
type whole interface{ ~int | ~int32 | ~int64 }

// Thousands writes 14208 as 14,208.
func Thousands[N whole](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count writes a number with its noun: "1 record", "14,208 records", "2 passes", "3 tries". The plural is the noun with an s, with es
// where it ends in one, and with ies in the place of ry.
func Count[N whole](n N, noun string) string {
	if stem, ok := strings.CutSuffix(noun, "ry"); ok && n != 1 {
		noun = stem + "rie"
	}
	if n != 1 && strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	if n != 1 {
		noun += "s"
	}
	return Thousands(n) + " " + noun
}

// Agree writes a number and what is said of it, which agrees with it: "1 is open", "14,208 are open".
func Agree[N whole](n N, one, many string) string {
	if n == 1 {
		many = one
	}
	return Thousands(n) + " " + many
}

// Clause writes a number with its noun and its verb: "1 record is", "14,208 records are".
func Clause[N whole](n N, noun, one, many string) string {
	verb := many
	if n == 1 {
		verb = one
	}
	return Count(n, noun) + " " + verb
}
