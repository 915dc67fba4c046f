package family

import (
	"unicode"
	"unicode/utf8"
)

// Tokens estimates how many tokens a text has: one for each CJK rune (Han, kana, Hangul, full-width forms) and one for every four other
// runes, rounded up. It is no model's tokenizer; its counts are estimates and are used only if the answer has no counts of its own.
func Tokens(text string) int64 {
	wide, other := runesOf(text)
	return wide + (other+3)/4
}

// runesOf counts the CJK runes and the others.
func runesOf(text string) (wide, other int64) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			other++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if isWide(r) {
			wide++
		} else {
			other++
		}
		i += size
	}
	return wide, other
}

// CutTokens is the longest prefix of text that Tokens counts at most limit, and whether that is less than all of it.
func CutTokens(text string, limit int64) (prefix string, cut bool) {
	wide, other := int64(0), int64(0)
	for i, r := range text {
		if isWide(r) {
			wide++
		} else {
			other++
		}
		if wide+(other+3)/4 > limit {
			return text[:i], true
		}
	}
	return text, false
}

// imageTokens is what an image is taken to cost; providers count by pixels, which needs decoding.
const imageTokens = 1500

// InputTokens estimates the tokens of the whole prompt: its texts by Tokens, four for the frame of each turn, and a flat sum for an image.
func (p *Prompt) InputTokens() int64 {
	n := 4 * int64(len(p.Turns))
	p.eachText(func(s string) { n += Tokens(s) })
	for _, t := range p.Turns {
		for _, part := range t.Parts {
			if part.Kind == Image {
				n += imageTokens
			}
		}
	}
	return n
}

// LeanTokens estimates the prompt's text for the tokenizers that need fewest tokens: those with a large vocabulary, such as Gemma's, take
// about half a token for a Japanese rune, so CJK runes count three quarters here.
func (p *Prompt) LeanTokens() int64 {
	var wide, other int64
	p.eachText(func(s string) {
		w, o := runesOf(s)
		wide, other = wide+w, other+o
	})
	return wide*3/4 + other/4
}

func (p *Prompt) eachText(yield func(string)) {
	yield(p.System)
	for _, t := range p.Turns {
		for _, part := range t.Parts {
			yield(part.Text)
			yield(string(part.Input))
		}
	}
	for _, t := range p.Tools {
		yield(t.Name)
		yield(t.Description)
		yield(string(t.Schema))
	}
}

func isWide(r rune) bool {
	if r < 0x1100 {
		return false
	}
	return r >= 0x3000 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3 || r >= 0xff00 && r <= 0xffef || r >= 0xf900 && r <= 0xfaff ||
		r >= 0x20000 && r <= 0x3ffff || r >= 0x1100 && r <= 0x11ff && unicode.Is(unicode.Hangul, r)
}
