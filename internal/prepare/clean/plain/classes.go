package plain

import (
	"unicode/utf8"

	"quarry"
)

// Classes counts the characters of a finished text by class, as the [Writer] does: Words are runs of Latin letters,
// Letters those letters, Digits 0-9, Punctuation that of any script, Kana and Han the Japanese and Chinese ones, Spaces
// blanks and line ends, Other the rest; these but Words add up to the number of characters. The other counts are parts of
// these. Foreign, Chinese and Figures are decided for the text as a whole.
func Classes(text []byte) quarry.CharClasses {
	var c quarry.CharClasses
	addClasses(&c, text)
	judge(text, &c)
	return c
}

// judge counts again what counts otherwise in a text of its kind: letters of another language than English, ideographs
// without kana, digits among digits.
func judge(text []byte, c *quarry.CharClasses) {
	c.Foreign, c.Chinese, c.Figures = 0, 0, 0
	if foreign(text, c) {
		c.Foreign = c.Letters
	}
	if 20*c.Kana < c.Han {
		c.Chinese = c.Han
	}
	if 3*c.Digits > Chars(*c) {
		c.Figures = c.Digits
	}
}

// addClasses adds the counts of a text that add up when texts are joined or cut.
func addClasses(c *quarry.CharClasses, text []byte) {
	inWord := uint64(0)
	for i := 0; i < len(text); {
		if ascii[text[i]] != stop {
			var packed uint64
			for end := min(len(text), i+maxRun); i < end && ascii[text[i]] != stop; i++ {
				v := ascii[text[i]]
				packed += v
				c.Words += int64(v &^ inWord & oneLetter)
				inWord = v & oneLetter
			}
			addPacked(c, packed)
			continue
		}
		if text[i] < utf8.RuneSelf {
			if text[i] > ' ' {
				c.Punctuation++
			} else {
				c.Spaces++
			}
			inWord = 0
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		inWord = count(c, classify(r), inWord)
		i += size
	}
}

// count adds one character from U+0080 on and returns whether a word now continues.
func count(c *quarry.CharClasses, k kind, inWord uint64) uint64 {
	switch k {
	case letter, accented, extended, vietnamese:
		c.Words += int64(1 &^ inWord)
		c.Letters++
		switch k {
		case accented:
			c.Accented++
		case extended:
			c.Extended++
		case vietnamese:
			c.Vietnamese++
		}
		return 1
	case punct:
		c.Punctuation++
	case kana:
		c.Kana++
	case han:
		c.Han++
	case space, line:
		c.Spaces++
	default:
		c.Other++
		countOther(c, k)
	}
	return 0
}

// countOther counts a character among the parts of Other.
func countOther(c *quarry.CharClasses, k kind) {
	switch k {
	case cyrillic:
		c.Cyrillic++
	case slavic:
		c.Cyrillic++
		c.Slavic++
	case greek:
		c.Greek++
	case arabic:
		c.Arabic++
	case hebrew:
		c.Hebrew++
	case hangul:
		c.Hangul++
	case thai:
		c.Thai++
	case devanagari:
		c.Devanagari++
	case indic:
		c.Indic++
	case symbol, selector:
		c.Symbols++
	}
}

// Chars is the number of characters in a text with these counts.
func Chars(c quarry.CharClasses) int64 {
	return c.Letters + c.Digits + c.Punctuation + c.Kana + c.Han + c.Other + c.Spaces
}
