package dedupe

import (
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// bins is the number of minima in a signature.
const bins = 128

// shingle is how many tokens one shingle has: words, or single characters of Chinese, Japanese and Korean.
const shingle = 4

// minShingles is how many a text must have to be compared: of fewer a signature says little.
const minShingles = 16

// Signature is a sketch of a text by the method of one-permutation hashing: the shingles are thrown into bins, and of
// each bin the smallest hash is kept, of which a byte is here (Li, Owen, Zhang, "One Permutation Hashing", 2012;
// bins that stay empty borrow from others: Shrivastava, "Optimal Densification", 2017).
type Signature [bins]byte

// Sign makes the signature of a text; ok is false where it has too few words. Letters and digits count, in lower case;
// white space, punctuation and marks do not.
func Sign(text []byte) (s Signature, ok bool) {
	var minima [bins]uint64
	for i := range minima {
		minima[i] = ^uint64(0)
	}
	var last [shingle]uint64 // hashes of the last tokens
	tokens, count := 0, 0
	token := func(h uint64) {
		last[tokens%shingle] = h
		tokens++
		if tokens < shingle {
			return
		}
		var mixed uint64
		for i := range shingle {
			mixed = bits.RotateLeft64(mixed, 17)*0x9e3779b97f4a7c15 + last[(tokens+i)%shingle]
		}
		mixed ^= mixed >> 32
		mixed *= 0xd6e8feb86659fd93
		mixed ^= mixed >> 32
		count++
		if bin := mixed >> 57; mixed<<7 < minima[bin] {
			minima[bin] = mixed << 7
		}
	}
	var buf [64]byte
	word := buf[:0]
	flush := func() {
		if len(word) > 0 {
			token(xxh3.Hash(word))
			word = word[:0]
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
				word = append(word, c)
			case 'A' <= c && c <= 'Z':
				word = append(word, c+'a'-'A')
			default:
				flush()
			}
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case ideographic(r):
			flush()
			token(xxh3.Hash(text[i : i+size]))
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			word = utf8.AppendRune(word, unicode.ToLower(r))
		case unicode.IsMark(r): // belongs to its letter, and says little
		default:
			flush()
		}
		i += size
	}
	flush()
	if count < minShingles {
		return s, false
	}
	for i := range minima {
		from := i
		for attempt := uint64(1); minima[from] == ^uint64(0); attempt++ {
			// The same empty bin of two texts must look in the same places.
			h := (uint64(i)<<32 | attempt) * 0x9e3779b97f4a7c15
			from = int((h ^ h>>29) * 0xbf58476d1ce4e5b9 >> 57)
		}
		s[i] = byte(minima[from] >> 7)
	}
	return s, true
}

// ideographic reports whether a character is a token of its own: these scripts put no space between words.
func ideographic(r rune) bool {
	return r >= 0x2e80 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー')
}

// Similarity estimates which share of their shingles two texts have in common, from 0 to 1. Its standard error is about
// 0.03 where texts are alike.
func (s *Signature) Similarity(o *Signature) float64 {
	same := 0
	for i := range s {
		if s[i] == o[i] {
			same++
		}
	}
	const chance = 1.0 / 256 // that two bytes are equal though the hashes are not
	return max(0, (float64(same)/bins-chance)/(1-chance))
}
