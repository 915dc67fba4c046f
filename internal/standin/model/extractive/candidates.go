package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// candidate is a sentence that may be chosen.
type candidate struct {
	text    string
	index   int     // place among all candidates
	lead    bool    // first of its paragraph
	section int     // headings seen before it
	penalty float64 // what its form costs
}

// level says how choosy the collection is.
type level uint8

const (
	strict   level = iota // whole sentences of prose
	fragment              // any prose with words
	listed                // list items too
	anything              // whatever has a letter
)

// candidates collects the sentences of a document that are good enough for the level.
func candidates(d document, lang string, l level) []candidate {
	var out []candidate
	seen := map[string]bool{}
	section := 0
	for _, b := range d.blocks {
		switch {
		case b.kind == heading && l < anything:
			section++
			continue
		case b.kind == item && l < listed, b.kind == table && l < anything:
			continue
		}
		if len(out) >= maxCandidates {
			break
		}
		for i, s := range sentencesOf(b.text, lang) {
			if seen[s] {
				continue
			}
			penalty, ok := judge(s, lang, l)
			if !ok {
				continue
			}
			seen[s] = true
			out = append(out, candidate{text: s, index: len(out), lead: i == 0, section: section, penalty: penalty})
		}
	}
	return out
}

// maxCandidates bounds the work for an article of any length; the sentences of a summary come from far fewer candidates.
const maxCandidates = 600

// judge says whether a sentence may be in a summary, and gives its penalty.
func judge(s, lang string, l level) (penalty float64, ok bool) {
	letters, symbols, digits, wide, kana, spaces := 0, 0, 0, 0, 0, 0
	for _, r := range s {
		switch {
		case r == ' ':
			spaces++
		case r >= '0' && r <= '9':
			digits++
		case r < 0x80:
			if r|0x20 >= 'a' && r|0x20 <= 'z' {
				letters++
			} else if !strings.ContainsRune(".,'\"-?!:()", r) {
				symbols++
			}
		case unicode.IsLetter(r):
			letters++
			if r >= 0x2e80 {
				wide++
			}
			if r >= 0x3041 && r <= 0x30ff {
				kana++
			}
		}
	}
	if l == anything {
		return 0, letters > 0
	}
	total := letters + symbols + digits
	japanese := lang == "ja" || lang == "zh"
	if letters < 6 || symbols*5 > total || digits*2 > total {
		return 0, false
	}
	if l < listed && boilerplate(s, japanese) {
		return 0, false
	}
	penalty, ok = judgeSentence(s, lang, symbols*9 > total, wide, kana, letters, spaces)
	if ok || l == strict {
		return penalty, ok
	}
	if strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：") || strings.Count(s, "://") > 1 {
		return 0, false
	}
	return costFragment, japanese && letters >= 8 || spaces >= 2
}

// boilerplate reports whether a sentence is one that pages contain whatever they are about.
func boilerplate(s string, japanese bool) bool {
	list := enBoilerplate
	if japanese {
		list = jaBoilerplate
	} else {
		s = strings.ToLower(s)
	}
	for _, bad := range list {
		if strings.Contains(s, bad) {
			return true
		}
	}
	return false
}

// costFragment ranks a fragment below every sentence.
const costFragment = 2

func judgeSentence(s, lang string, coded bool, wide, kana, letters, spaces int) (float64, bool) {
	if coded || !ended(s) {
		return 0, false
	}
	if lang == "ja" || lang == "zh" {
		return judgeJapanese(s, lang, runes(s), wide, kana, letters)
	}
	return judgeLatin(s, spaces+1, wide, letters)
}

// ended tells whether the sentence has a mark at its end that is not a colon's promise.
func ended(s string) bool {
	t := strings.TrimRight(s, closers)
	r, _ := utf8.DecodeLastRuneInString(t)
	return strings.ContainsRune("。！？.!?．｡", r) && !strings.HasSuffix(t, "...") && !strings.HasSuffix(t, "。。")
}

func judgeJapanese(s, lang string, n, wide, kana, letters int) (float64, bool) {
	if n < 14 || n > 260 || wide*3 < letters || lang == "ja" && kana < 3 {
		return 0, false
	}
	penalty := 0.0
	if n < 22 {
		penalty += 0.25
	}
	if n > 130 {
		penalty += 0.002 * float64(n-130)
	}
	penalty += jaOpenings.cost(s)
	for _, promise := range []string{"次のよう", "次のとおり", "次の通り", "次のコ", "次の例", "以下の", "以下に示", "以下は", "下記"} {
		if strings.Contains(s, promise) {
			penalty += 0.5
			break
		}
	}
	if strings.HasSuffix(s, "？") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "！") || strings.HasSuffix(s, "か。") {
		penalty += 0.35
	}
	if s[0] == '(' || strings.HasPrefix(s, "（") || strings.HasPrefix(s, "※") {
		penalty += 0.5
	}
	return penalty, true
}

func judgeLatin(s string, words, wide, letters int) (float64, bool) {
	if words < 5 || words > 70 || wide*4 > letters {
		return 0, false
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, "\"'“‘("))
	if unicode.IsLower(first) && !strings.Contains(strings.SplitN(s, " ", 2)[0], ".") && words < 8 {
		return 0, false
	}
	lower := strings.ToLower(s)
	penalty := 0.0
	if words < 8 {
		penalty += 0.25
	}
	if words > 38 {
		penalty += 0.015 * float64(words-38)
	}
	penalty += enOpenings.cost(lower)
	if strings.Contains(lower, "following") || strings.Contains(lower, " below") || strings.Contains(lower, "shown above") {
		penalty += 0.5
	}
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		penalty += 0.35
	}
	if s[0] == '(' || s[0] == '"' || s[0] == '[' || unicode.IsLower(first) {
		penalty += 0.4
	}
	return penalty, true
}
