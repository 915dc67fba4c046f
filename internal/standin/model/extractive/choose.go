package extractive

import (
	"math"
	"slices"
	"strings"
)

const (
	maxSentences = 3
	// The weights of the parts of a sentence's score, and of its likeness to what is already chosen.
	weightPosition = 0.9
	weightTitle    = 0.5
	weightRepeat   = 0.6
	// A third sentence must score at least this share of the best and keep the summary below these runes.
	thirdShare = 0.45
	thirdRunes = 420
)

// choose picks the sentences of the summary, in the article's order. It lowers its demands until it finds two.
func choose(d document, lang, title string) []string {
	var found []candidate
	l := strict
	for ; l <= anything; l++ {
		found = candidates(d, lang, l)
		if len(found) >= 2 || len(found) == 1 && l >= fragment {
			break
		}
	}
	if len(found) == 0 {
		// Only headings are left, and they are the article's words too.
		for _, b := range d.blocks {
			if len(found) < 2 && b.text != "" && lettersIn(b.text) > 0 {
				found = append(found, candidate{text: b.text, index: len(found)})
			}
		}
	}
	if len(found) <= 1 {
		return texts(found)
	}
	v := newVectors(found, d, lang, title)
	score := v.scores(found)
	if l < listed {
		if chosen := pick(found, score, v, d.marked()); len(chosen) > 0 {
			return texts(chosen)
		}
	}
	return texts(pick(found, score, v, nil))
}

// marked are the texts that are not prose. A sentence that is also in one of them, say a heading that the text repeats, is not prose either.
func (d document) marked() []string {
	var out []string
	for _, b := range d.blocks {
		if b.kind != prose {
			out = append(out, b.text)
		}
	}
	return out
}

func texts(cs []candidate) []string {
	out := make([]string, 0, len(cs))
	for _, c := range cs {
		out = append(out, cutRunes(c.text, maxSentence))
	}
	return out
}

// maxSentence bounds what a text without sentences may give.
const maxSentence = 600

// pick takes the best sentence, then those that say something else (maximal marginal relevance).
func pick(found []candidate, score []float64, v *vectors, marked []string) []candidate {
	var chosen []int
	barred := make([]bool, len(found))
	best := 0.0
	length := 0
	for len(chosen) < maxSentences {
		at, top := -1, math.Inf(-1)
		for i := range found {
			if barred[i] {
				continue
			}
			repeat := 0.0
			for _, c := range chosen {
				repeat = max(repeat, v.cosine(i, c))
			}
			if s := score[i] - weightRepeat*repeat; s > top && repeat < 0.75 {
				at, top = i, s
			}
		}
		if at < 0 {
			break
		}
		barred[at] = true
		if slices.ContainsFunc(marked, func(other string) bool { return strings.Contains(other, found[at].text) }) {
			continue
		}
		n := runes(found[at].text)
		if len(chosen) == 0 {
			best = top
		} else if len(chosen) == 2 && (top < thirdShare*best || length+n > thirdRunes) {
			break
		}
		length += n
		chosen = append(chosen, at)
	}
	slices.Sort(chosen)
	out := make([]candidate, 0, len(chosen))
	for _, i := range chosen {
		out = append(out, found[i])
	}
	return out
}

// term is one word of a sentence with its weight.
type term struct {
	id     int32
	weight float64
}

// vectors holds the sentences as weighted words, sorted by id, each of length one.
type vectors struct {
	rows     [][]term
	centroid []float64
	title    []bool
	lang     string
}

func newVectors(found []candidate, d document, lang, title string) *vectors {
	v := &vectors{lang: lang, rows: make([][]term, len(found))}
	ids := make(map[string]int32, 16*len(found))
	var df []int
	id := func(w string) int32 {
		n, ok := ids[w]
		if !ok {
			n = int32(len(df))
			ids[w] = n
			df = append(df, 0)
		}
		return n
	}
	var scratch []int32
	for i, c := range found {
		scratch = scratch[:0]
		tokensOf(c.text, lang, func(w string) { scratch = append(scratch, id(w)) })
		slices.Sort(scratch)
		for j := 0; j < len(scratch); {
			k := j
			for k < len(scratch) && scratch[k] == scratch[j] {
				k++
			}
			v.rows[i] = append(v.rows[i], term{scratch[j], 1 + math.Log(float64(k-j))})
			df[scratch[j]]++
			j = k
		}
	}
	if title == "" {
		title = d.firstHeading()
	}
	v.title = make([]bool, len(df))
	tokensOf(title, lang, func(w string) {
		if n, ok := ids[w]; ok {
			v.title[n] = true
		}
	})
	v.weigh(df)
	return v
}

// weigh turns counts into tf-idf, and sums them to the centroid. The logarithm keeps words of one sentence from outweighing the theme.
func (v *vectors) weigh(df []int) {
	n := float64(len(v.rows))
	v.centroid = make([]float64, len(df))
	for i, row := range v.rows {
		sum := 0.0
		for j := range row {
			row[j].weight *= math.Log(1 + n/float64(df[row[j].id]))
			sum += row[j].weight * row[j].weight
		}
		if sum == 0 {
			continue
		}
		norm := 1 / math.Sqrt(sum)
		for j := range row {
			row[j].weight *= norm
			v.centroid[row[j].id] += row[j].weight
		}
		v.rows[i] = row
	}
	sum := 0.0
	for _, w := range v.centroid {
		sum += w * w
	}
	if sum > 0 {
		norm := 1 / math.Sqrt(sum)
		for i := range v.centroid {
			v.centroid[i] *= norm
		}
	}
}

// scores joins nearness to the centroid, place, the title's words and the cost of form.
func (v *vectors) scores(found []candidate) []float64 {
	out := make([]float64, len(found))
	top := 0.0
	for i, row := range v.rows {
		for _, t := range row {
			out[i] += t.weight * v.centroid[t.id]
		}
		top = max(top, out[i])
	}
	titleWords := 0
	for _, is := range v.title {
		if is {
			titleWords++
		}
	}
	for i, c := range found {
		if top > 0 {
			out[i] /= top
		}
		place := 1 / (1 + 0.22*float64(c.index))
		if c.lead {
			place += 0.12
		}
		out[i] += weightPosition*place - c.penalty
		if titleWords > 0 {
			hits := 0
			for _, t := range v.rows[i] {
				if v.title[t.id] {
					hits++
				}
			}
			out[i] += weightTitle * float64(hits) / float64(titleWords)
		}
		if len(v.rows[i]) < 3 {
			out[i] -= 0.5
		}
	}
	return out
}

// cosine of two sentences; both rows are sorted by id.
func (v *vectors) cosine(a, b int) float64 {
	x, y := v.rows[a], v.rows[b]
	sum := 0.0
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i].id < y[j].id:
			i++
		case x[i].id > y[j].id:
			j++
		default:
			sum += x[i].weight * y[j].weight
			i++
			j++
		}
	}
	return sum
}

func lettersIn(s string) int {
	n := 0
	for _, r := range s {
		if r|0x20 >= 'a' && r|0x20 <= 'z' || r >= 0xc0 {
			n++
		}
	}
	return n
}
