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
		case b.kind == item && l < listed, (b.kind == table || b.kind == code) && l < anything:
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

// maxCandidates bounds the work for an article of any length; what decides stands long before.
const maxCandidates = 600

// judge says whether a sentence may stand in a summary and what speaks against it.
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
	penalty, ok = judgeSentence(s, lang, symbols*9 > total, wide, kana, letters, spaces)
	if ok || l == strict {
		return penalty, ok
	}
	if strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：") || strings.Count(s, "://") > 1 {
		return 0, false
	}
	return costFragment, japanese && letters >= 8 || spaces >= 2
}

// costFragment puts what is no sentence behind every sentence.
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
	for _, bad := range jaBoilerplate {
		if strings.Contains(s, bad) {
			return 0, false
		}
	}
	penalty := 0.0
	if n < 22 {
		penalty += 0.25
	}
	if n > 130 {
		penalty += 0.002 * float64(n-130)
	}
	penalty += opening(s, jaOpenings)
	for _, promise := range []string{"次の", "以下", "下記"} {
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
	for _, bad := range enBoilerplate {
		if strings.Contains(lower, bad) {
			return 0, false
		}
	}
	penalty := 0.0
	if words < 8 {
		penalty += 0.25
	}
	if words > 38 {
		penalty += 0.015 * float64(words-38)
	}
	penalty += opening(lower, enOpenings)
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

// openings are words that lean on the sentence before, or greet.
type openingWord struct {
	word string
	cost float64
}

func opening(s string, list []openingWord) float64 {
	for _, o := range list {
		if strings.HasPrefix(s, o.word) {
			return o.cost
		}
	}
	return 0
}

var jaOpenings = []openingWord{
	{"こんにちは", 1.5},
	{"こんばんは", 1.5},
	{"お疲れ", 1.5},
	{"どうも", 1},
	{"はじめまして", 1.5},
	{"また、", 0.3},
	{"しかし", 0.4},
	{"ただし", 0.5},
	{"そのため", 0.4},
	{"そこで", 0.4},
	{"それ", 0.45},
	{"その", 0.4},
	{"これ", 0.35},
	{"この場合", 0.5},
	{"この例", 0.6},
	{"例えば", 0.5},
	{"たとえば", 0.5},
	{"なお", 0.45},
	{"さらに", 0.35},
	{"ですが", 0.5},
	{"だが", 0.45},
	{"でも", 0.45},
	{"そして", 0.4},
	{"つまり", 0.3},
	{"一方", 0.4},
	{"ここで", 0.4},
	{"ここ", 0.3},
	{"もちろん", 0.4},
	{"同様に", 0.5},
	{"次に", 0.5},
	{"まず", 0.4},
	{"最後に", 0.4},
	{"ちなみに", 0.6},
	{"あと", 0.5},
	{"ので", 0.6},
	{"上記", 0.5},
	{"前述", 0.5},
	{"注意", 0.3},
	{"注:", 0.5},
	{"注：", 0.5},
	{"こうした", 0.3},
	{"そう", 0.45},
	{"他にも", 0.4},
	{"したがって", 0.4},
	{"従って", 0.4},
	{"よって", 0.4},
	{"結果として", 0.3},
	{"後者", 0.5},
	{"前者", 0.5},
	{"詳しくは", 0.6},
	{"詳細", 0.5},
	{"同じ", 0.3},
	{"戻り値", 0.7},
	{"なぜなら", 0.5},
	{"すなわち", 0.4},
	{"どちらの", 0.4},
	{"こうすることで", 0.5},
	{"そんなわけで", 0.5},
	{"この中には", 0.5},
	{"これら", 0.4},
	{"このように", 0.4},
	{"この", 0.15},
	{"警告", 0.3},
	{"続いて", 0.5},
	{"では、", 0.5},
	{"とはいえ", 0.5},
	{"また", 0.3},
	{"加えて", 0.4},
	{"逆に", 0.5},
	{"まずは", 0.4},
}

var enOpenings = []openingWord{
	{"hi ", 1.5},
	{"hi,", 1.5},
	{"hello", 1.2},
	{"welcome to", 0.2},
	{"however", 0.45},
	{"but ", 0.45},
	{"and ", 0.45},
	{"so ", 0.45},
	{"so,", 0.45},
	{"then", 0.5},
	{"also", 0.45},
	{"this is ", 0.25},
	{"this example", 0.6},
	{"in this example", 0.6},
	{"this ", 0.2},
	{"these ", 0.3},
	{"that ", 0.4},
	{"those ", 0.45},
	{"it ", 0.4},
	{"it's ", 0.4},
	{"they ", 0.45},
	{"he ", 0.5},
	{"she ", 0.5},
	{"its ", 0.45},
	{"their ", 0.45},
	{"such ", 0.4},
	{"therefore", 0.45},
	{"thus", 0.45},
	{"hence", 0.45},
	{"for example", 0.6},
	{"for instance", 0.6},
	{"otherwise", 0.6},
	{"in addition", 0.4},
	{"additionally", 0.4},
	{"moreover", 0.4},
	{"furthermore", 0.4},
	{"similarly", 0.5},
	{"instead", 0.5},
	{"note that", 0.4},
	{"note:", 0.5},
	{"now ", 0.4},
	{"now,", 0.4},
	{"next", 0.5},
	{"finally", 0.4},
	{"first,", 0.4},
	{"second", 0.4},
	{"again", 0.5},
	{"or ", 0.5},
	{"here ", 0.4},
	{"here's", 0.4},
	{"see ", 0.6},
	{"for more information", 1},
	{"for details", 0.8},
	{"if you have", 0.3},
	{"in that case", 0.6},
	{"in this case", 0.6},
	{"as you can see", 0.7},
	{"as mentioned", 0.5},
	{"the above", 0.5},
	{"the previous", 0.4},
	{"warning:", 0.4},
	{"tip:", 0.5},
	{"both ", 0.3},
	{"ok", 0.6},
	{"well,", 0.6},
	{"yes", 0.6},
	{"no,", 0.6},
	{"let's", 0.4},
	{"thanks", 0.6},
	{"thank you", 0.8},
	{"updated", 0.5},
	{"published", 0.6},
	{"copyright", 2},
	{"returns ", 0.5},
	{"emitted when", 0.4},
	{"alert:", 0.4},
	{"since then", 0.6},
	{"for this reason", 0.5},
	{"because of this", 0.5},
	{"all others", 0.6},
	{"conversely", 0.6},
	{"that's why", 0.5},
	{"in this way", 0.5},
	{"keep in mind", 0.4},
	{"as a result", 0.5},
	{"on the other hand", 0.6},
	{"in other words", 0.4},
	{"after that", 0.5},
	{"after this", 0.5},
	{"at this point", 0.5},
	{"also,", 0.45},
	{"once you", 0.3},
	{"when you're done", 0.5},
	{"to do this", 0.5},
	{"to do so", 0.5},
	{"we'll", 0.2},
	{"you can also", 0.4},
	{"in particular", 0.4},
	{"the next", 0.4},
	{"another ", 0.35},
	{"the other", 0.4},
	{"the same", 0.3},
	{"likewise", 0.5},
	{"of course", 0.5},
	{"there are also", 0.4},
	{"in the above", 0.6},
	{"in the example", 0.6},
	{"the example", 0.5},
	{"the latter", 0.6},
	{"the former", 0.6},
	{"remember", 0.4},
	{"unfortunately", 0.3},
	{"fortunately", 0.35},
	{"by doing so", 0.6},
	{"more details", 0.8},
}

// jaBoilerplate and enBoilerplate are what pages carry whatever they are about.
var jaBoilerplate = []string{
	"無断転載", "All rights reserved", "目次", "ご覧ください", "こちらをクリック", "お問い合わせ", "フォローしてください", "訳注", "を参照してください",
	"を参照のこと", "をご参照", "この記事を書いた", "会員登録", "Copyright", "シェアしてください", "標準化のプロセスに乗っていません",
}

var enBoilerplate = []string{
	"all rights reserved", "click here", "subscribe to", "sign up for", "table of contents", "cookie", "follow us", "copyright ©", "copyright (c)",
	"back to top", "last updated", "last modified", "posted by", "posted on", "permalink", "edit this page", "skip to", "terms of service",
	"privacy policy", "for more information, see", "for details, see", "see also", "license", "please refer to", "share this",
	"not on a standards track", "not on a current w3c standards track",
}
