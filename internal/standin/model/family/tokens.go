package family

import (
	"unicode"
	"unicode/utf8"
)

// Tokens estimates how many tokens a text has: one for each CJK rune (Han, kana, Hangul, full-width forms) and one for every four other
// runes, rounded up. It is no model's tokenizer; counts made by it are estimates and are used only where nobody else counted.
func Tokens(text string) int64 {
	wide, other := int64(0), int64(0)
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
	return wide + (other+3)/4
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

// InputTokens estimates the tokens of the whole prompt: its text, and a flat sum for each image.
func (p *Prompt) InputTokens() int64 {
	n := p.TextTokens()
	for _, t := range p.Turns {
		for _, part := range t.Parts {
			if part.Kind == Image {
				n += imageTokens
			}
		}
	}
	return n
}

// TextTokens estimates the tokens of the prompt's text by Tokens, with four for the frame of each turn.
func (p *Prompt) TextTokens() int64 {
	n := Tokens(p.System)
	for _, t := range p.Turns {
		n += 4
		for _, part := range t.Parts {
			n += Tokens(part.Text) + Tokens(string(part.Input))
		}
	}
	for _, t := range p.Tools {
		n += Tokens(t.Name) + Tokens(t.Description) + Tokens(string(t.Schema))
	}
	return n
}

func isWide(r rune) bool {
	if r < 0x1100 {
		return false
	}
	return r >= 0x3000 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3 || r >= 0xff00 && r <= 0xffef || r >= 0xf900 && r <= 0xfaff ||
		r >= 0x20000 && r <= 0x3ffff || r >= 0x1100 && r <= 0x11ff && unicode.Is(unicode.Hangul, r)
}
