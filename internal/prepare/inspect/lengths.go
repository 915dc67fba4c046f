package inspect

import (
	"math/bits"
	"unicode"
)

// Lengths describe how a number is distributed. Median and P95 are exact below 64 and within 2 % above.
type Lengths struct {
	Count  int64 `json:"count"`
	Min    int64 `json:"min"`
	Median int64 `json:"median"`
	P95    int64 `json:"p95"`
	Max    int64 `json:"max"`
}

// histogram counts numbers in buckets: one for each number below 64, then 32 for each power of two.
type histogram struct {
	n, min, max int64
	buckets     map[int]int64 // at most 64 + 57·32
}

func (h *histogram) add(v int64) {
	if h.buckets == nil {
		h.buckets = map[int]int64{}
	}
	if h.n == 0 || v < h.min {
		h.min = v
	}
	h.max = max(h.max, v)
	h.n++
	h.buckets[bucket(v)]++
}

func bucket(v int64) int {
	if v < 64 {
		return int(v)
	}
	power := bits.Len64(uint64(v)) - 1 // ≥ 6
	return 64 + (power-6)*32 + int(v>>(power-5))&31
}

// middle is the number in the middle of a bucket.
func middle(b int) int64 {
	if b < 64 {
		return int64(b)
	}
	power, part := (b-64)/32+6, int64((b-64)%32)
	width := int64(1) << (power - 5)
	return (32+part)*width + width/2
}

func (h *histogram) lengths() Lengths {
	return Lengths{Count: h.n, Min: h.min, Median: h.at(h.n / 2), P95: h.at(h.n * 95 / 100), Max: h.max}
}

// at gives the number at a rank, from 0.
func (h *histogram) at(rank int64) int64 {
	seen := int64(0)
	for b := 0; seen <= rank && b < 64+58*32; b++ {
		if seen += h.buckets[b]; seen > rank {
			return min(max(middle(b), h.min), h.max)
		}
	}
	return h.max
}

// scripts are what letters are counted by, in the order in which a tie is decided.
var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"Latin", unicode.Latin},
	{"Cyrillic", unicode.Cyrillic},
	{"Greek", unicode.Greek},
	{"Arabic", unicode.Arabic},
	{"Hebrew", unicode.Hebrew},
	{"Devanagari", unicode.Devanagari},
	{"Thai", unicode.Thai},
	{"Korean (Hangul)", unicode.Hangul},
	{"Japanese (kana and kanji)", unicode.Hiragana},
	{"Japanese (kana and kanji)", unicode.Katakana},
	{"Chinese (Han)", unicode.Han},
}

// script names the script of most letters among the first 2,000 characters. A text with kana is Japanese.
func script(text string) string {
	counts := make([]int, len(scripts))
	letters, seen := 0, 0
	for _, r := range text {
		if seen++; seen > 2000 {
			break
		}
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		for i := range scripts {
			if unicode.Is(scripts[i].table, r) {
				counts[i]++
				break
			}
		}
	}
	const hiragana, katakana, han = 8, 9, 10
	if kana := counts[hiragana] + counts[katakana]; kana > 0 && 4*(kana+counts[han]) > letters {
		return scripts[hiragana].name
	}
	best := -1
	for i, n := range counts {
		if n > 0 && (best < 0 || n > counts[best]) {
			best = i
		}
	}
	if best < 0 {
		return "no letters of a known script"
	}
	return scripts[best].name
}
