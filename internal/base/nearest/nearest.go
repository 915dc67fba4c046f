// Package nearest finds the name that was probably meant by a misspelled one.
//
// It owns the distance between names and nothing else. What always holds: a name that resembles none of the candidates
// has no suggestion.
package nearest

import "strings"

// Of gives the candidate nearest to a word, or "" where none is near: at most a third of its letters differ, upper and
// lower case, - and _ being equal. Two letters in the wrong order, or
// a word that is the beginning of the candidate, count as one difference. Of equally near candidates the
// first is given.
func Of(word string, candidates []string) string {
	best, least := "", 1+len([]rune(word))/3
	if least < 2 {
		least = 2 // one difference, whatever the length
	}
	w := fold(word)
	for _, c := range candidates {
		name := fold(c)
		d := distance(w, name)
		if len(w) >= 3 && strings.HasPrefix(string(name), string(w)) {
			d = min(d, 1)
		}
		if d < least && d < max(len(w), len(name)) {
			best, least = c, d
		}
	}
	return best
}

func fold(s string) []rune { return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_")) }

// distance is the number of letters to insert, remove, replace or swap with their neighbour.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
