package plain

import (
	"unicode/utf8"

	"quarry"
)

// Classes counts the characters of a finished text by class, as the [Writer] does while it writes: Words are runs of
// Latin letters, Letters those letters, Digits 0-9, Punctuation that of any script, Kana and Han the Japanese and
// Chinese ones, Spaces blanks and line ends, Other the rest. All but Words add up to the number of characters.
func Classes(text []byte) quarry.CharClasses {
	var c quarry.CharClasses
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
			addPacked(&c, packed)
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
		inWord = count(&c, classify(r), inWord)
		i += size
	}
	return c
}

// count adds one character from U+0080 on and returns whether a word now goes on.
func count(c *quarry.CharClasses, k kind, inWord uint64) uint64 {
	switch k {
	case letter:
		c.Words += int64(1 &^ inWord)
		c.Letters++
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
	}
	return 0
}

// Chars is the number of characters in a text with these counts.
func Chars(c quarry.CharClasses) int64 {
	return c.Letters + c.Digits + c.Punctuation + c.Kana + c.Han + c.Other + c.Spaces
}
