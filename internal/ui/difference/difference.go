// Package difference finds what two texts have in common, for people who look at both.
//
// It owns the comparison by words and nothing of the texts. What always holds: the spans of a text, one after another, are the text; the
// spans that are the same in both follow one another alike; time and memory are bounded by the lengths of the texts.
package difference

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a piece of a text.
type Span struct {
	Text string
	Same bool // the other text has it too
}

// MaxBytes is the longest pair of texts that is compared. Longer ones are one span each that is not the same.
const MaxBytes = 4 << 20

// Of compares two texts by words, and by characters in scripts that write no blanks.
func Of(a, b string) (inA, inB []Span) {
	if a == b {
		return spans([]string{a}, []bool{true}), spans([]string{b}, []bool{true})
	}
	if len(a)+len(b) > MaxBytes {
		return spans([]string{a}, []bool{false}), spans([]string{b}, []bool{false})
	}
	c := comparison{a: tokens(a), b: tokens(b)}
	c.sameA, c.sameB = make([]bool, len(c.a)), make([]bool, len(c.b))
	c.between(0, len(c.a), 0, len(c.b), 0)
	return spans(c.a, c.sameA), spans(c.b, c.sameB)
}

// spans joins tokens that are alike in being the same or not.
func spans(tokens []string, same []bool) (list []Span) {
	var b strings.Builder
	for i, t := range tokens {
		b.WriteString(t)
		if i+1 == len(tokens) || same[i+1] != same[i] {
			if b.Len() > 0 {
				list = append(list, Span{b.String(), same[i]})
			}
			b.Reset()
		}
	}
	return list
}

// tokens cuts a text into words, blanks between them, and characters of other kinds.
func tokens(text string) (list []string) {
	kind := func(r rune) int {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			return 0
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			return 1
		case unicode.IsSpace(r):
			return 2
		}
		return 0
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		k := kind(r)
		for k != 0 && size < len(text) {
			next, n := utf8.DecodeRuneInString(text[size:])
			if kind(next) != k {
				break
			}
			size += n
		}
		list = append(list, text[:size])
		text = text[size:]
	}
	return list
}

type comparison struct {
	a, b         []string
	sameA, sameB []bool
}

// mostCells bounds the table of one stretch: longer ones are cut at what both texts have once.
const mostCells = 1 << 18

// deepest is how often a stretch is cut again: what is left after that is different.
const deepest = 8

// between compares a stretch of each text.
func (c *comparison) between(a0, a1, b0, b1, depth int) {
	for a0 < a1 && b0 < b1 && c.a[a0] == c.b[b0] {
		c.sameA[a0], c.sameB[b0] = true, true
		a0, b0 = a0+1, b0+1
	}
	for a0 < a1 && b0 < b1 && c.a[a1-1] == c.b[b1-1] {
		a1, b1 = a1-1, b1-1
		c.sameA[a1], c.sameB[b1] = true, true
	}
	switch {
	case a0 == a1 || b0 == b1:
	case (a1-a0)*(b1-b0) <= mostCells:
		c.table(a0, a1, b0, b1)
	case depth < deepest:
		for _, width := range []int{8, 3, 1} {
			if pairs := c.anchors(a0, a1, b0, b1, width); len(pairs) > 0 {
				for _, p := range append(pairs, [2]int{a1, b1}) {
					c.between(a0, p[0], b0, p[1], depth+1)
					a0, b0 = p[0], p[1]
				}
				return
			}
		}
	}
}

// anchors are places of runs of so many tokens that each stretch has once, in an order that both have.
func (c *comparison) anchors(a0, a1, b0, b1, width int) (pairs [][2]int) {
	if a1-a0 < width || b1-b0 < width {
		return nil
	}
	inB := once(c.b[b0:b1], width)
	for run, i := range once(c.a[a0:a1], width) {
		if j, ok := inB[run]; ok && i >= 0 && j >= 0 {
			pairs = append(pairs, [2]int{a0 + i, b0 + j})
		}
	}
	slices.SortFunc(pairs, func(x, y [2]int) int { return x[0] - y[0] })
	pairs = rising(pairs)
	// A pair at the beginning of both stretches would leave them as they are.
	if len(pairs) > 0 && pairs[0] == [2]int{a0, b0} {
		pairs = pairs[1:]
	}
	return pairs
}

// once maps each run of tokens to its place; -1: it comes more than once.
func once(tokens []string, width int) map[string]int {
	places := map[string]int{}
	for i := 0; i+width <= len(tokens); i++ {
		run := strings.Join(tokens[i:i+width], "\x00")
		if _, ok := places[run]; ok {
			places[run] = -1
		} else {
			places[run] = i
		}
	}
	return places
}

// rising takes the most pairs whose second numbers rise, of pairs whose first ones do.
func rising(pairs [][2]int) [][2]int {
	var ends []int // of the best row of each length, the index of its last pair
	before := make([]int, len(pairs))
	for i, p := range pairs {
		at, _ := slices.BinarySearchFunc(ends, p[1], func(e, second int) int { return pairs[e][1] - second })
		before[i] = -1
		if at > 0 {
			before[i] = ends[at-1]
		}
		if at == len(ends) {
			ends = append(ends, i)
		} else {
			ends[at] = i
		}
	}
	if len(ends) == 0 {
		return nil
	}
	var out [][2]int
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		out = append(out, pairs[i])
	}
	slices.Reverse(out)
	return out
}

// table finds the longest common row of tokens of two short stretches. Of several, blanks count less than words.
func (c *comparison) table(a0, a1, b0, b1 int) {
	width := b1 - b0 + 1
	best := make([]int32, (a1-a0+1)*width)
	for i := a1 - 1; i >= a0; i-- {
		for j := b1 - 1; j >= b0; j-- {
			at := (i-a0)*width + j - b0
			best[at] = max(best[at+width], best[at+1])
			if c.a[i] == c.b[j] {
				best[at] = max(best[at], best[at+width+1]+weight(c.a[i]))
			}
		}
	}
	for i, j := a0, b0; i < a1 && j < b1; {
		at := (i-a0)*width + j - b0
		switch {
		case c.a[i] == c.b[j] && best[at] == best[at+width+1]+weight(c.a[i]):
			c.sameA[i], c.sameB[j] = true, true
			i, j = i+1, j+1
		case best[at] == best[at+width]:
			i++
		default:
			j++
		}
	}
}

func weight(token string) int32 {
	if strings.TrimSpace(token) == "" {
		return 1
	}
	return 4
}
