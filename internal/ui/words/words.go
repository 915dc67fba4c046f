// Package words takes texts and queries apart into the words that an index of full texts holds.
//
// It owns what a word is, how words are spelled alike, and the form of a query in SQLite's FTS5. It does not own the index. What always
// holds: a text and a query are taken apart by the same rules, so a query finds exactly the texts that have its words one after another;
// whatever a query contains, it is quoted, so no operator of FTS5 can be in it.
//
// Letters, digits and marks that follow one another are a word, in lower case and in Unicode's form NFKC. Scripts that do not put blanks
// between words (Chinese, Japanese, Korean, Thai and their neighbours) are indexed as pairs of neighbouring characters, and the last
// character of such a run once more by itself. A symbol, such as an emoji, is a word. Everything else separates words.
package words

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Tokenizer is the tokenizer of FTS5 that takes the words apart again: characters beyond ASCII are parts of words to it, so nothing but
// the blanks between words separates them.
const Tokenizer = "ascii"

// maxWord is how many characters of a word count: what is longer is data in some encoding.
const maxWord = 64

// unspaced are the scripts that do not put blanks between words, or, as Korean, put endings right after them.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// kind is what a character is to the scanner.
type kind int

const (
	gap    kind = iota // separates words
	letter             // part of a word
	pair               // of a script without blanks
	symbol             // a word by itself
	none               // left out: the characters around it are neighbours
	mark               // belongs to the character before it
)

func kindOf(r rune) kind {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' {
			return letter
		}
		return gap
	case r == 'ー' || r == '々' || r == '〆' || r == '〇':
		return pair
	case r >= 0xFE00 && r <= 0xFE0F: // how the character before it is drawn
		return none
	case unicode.IsMark(r):
		return mark
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		if unicode.In(r, unspaced...) {
			return pair
		}
		return letter
	case r != '\u200B' && unicode.Is(unicode.Cf, r): // joiners, soft hyphens
		return none
	case unicode.IsSymbol(r):
		return symbol
	}
	return gap
}

// Append appends the words of a text to dst, each followed by a blank.
func Append(dst []byte, text string) []byte {
	s := scanner{dst: dst}
	s.scan(text)
	s.end(true)
	return s.dst
}

// scanner writes the words of a text.
type scanner struct {
	dst   []byte
	was   kind // of what is at hand: letter, pair or gap
	chars int  // of the word at hand
	last  rune // of the run of pairs at hand
	run   int  // characters of it
}

func (s *scanner) scan(text string) {
	if !isASCII(text) {
		text = norm.NFKC.String(text)
	}
	for _, r := range text {
		k := kindOf(r)
		if k == mark {
			if k = s.was; k != pair {
				k = letter
			}
		}
		switch k {
		case none:
		case letter:
			if s.was != letter {
				s.end(true)
				s.was = letter
			}
			if s.chars++; s.chars <= maxWord {
				s.dst = utf8.AppendRune(s.dst, unicode.ToLower(r))
			}
		case pair:
			if s.was != pair {
				s.end(true)
				s.was = pair
			}
			if s.run > 0 {
				s.dst = append(utf8.AppendRune(utf8.AppendRune(s.dst, s.last), r), ' ')
			}
			s.last, s.run = r, s.run+1
		case symbol:
			s.end(true)
			s.dst = append(utf8.AppendRune(s.dst, r), ' ')
		default:
			s.end(true)
		}
	}
}

// end ends what is at hand. alone says that the last character of a run of pairs is written by itself.
func (s *scanner) end(alone bool) {
	switch {
	case s.was == letter:
		s.dst = append(s.dst, ' ')
	case s.was == pair && alone:
		s.dst = append(utf8.AppendRune(s.dst, s.last), ' ')
	}
	s.was, s.chars, s.run = gap, 0, 0
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Phrase is words that follow one another in a text.
type Phrase struct {
	Words []string
	Open  bool // of the last word, only the beginning is known
}

// Phrases takes a query apart. Every phrase has to be in a text. What is between quotation marks is one phrase, and so is each of the
// other pieces between blanks. ignored are characters at the end of a piece that are not searched: a single one of a script with few
// characters, such as a kana, begins so many words that the index takes too long to find them.
func Phrases(query string) (list []Phrase, ignored []string) {
	add := func(piece string) {
		// What separates words after the last one says nothing of how its characters continue in a text.
		piece = strings.TrimRightFunc(norm.NFKC.String(piece), func(r rune) bool { return kindOf(r) == gap || kindOf(r) == none })
		s := scanner{}
		s.scan(piece)
		single := s.was == pair && s.run == 1
		p := Phrase{Open: single && unicode.In(s.last, unicode.Han, unicode.Hangul)}
		if single && !p.Open {
			ignored = append(ignored, string(s.last))
		}
		s.end(p.Open)
		if p.Words = strings.Fields(string(s.dst)); len(p.Words) > 0 {
			list = append(list, p)
		}
	}
	for i, part := range strings.Split(query, `"`) {
		if i%2 == 1 {
			add(part)
			continue
		}
		for piece := range strings.FieldsSeq(part) {
			add(piece)
		}
	}
	return list, ignored
}

// Open reports whether only the beginning of a word is known.
func Open(phrases []Phrase) bool {
	return slices.ContainsFunc(phrases, func(p Phrase) bool { return p.Open })
}

// Match is the expression of FTS5 that finds the texts with all phrases.
func Match(phrases []Phrase) string {
	var b strings.Builder
	for i, p := range phrases {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(`"` + strings.Join(p.Words, " ") + `"`)
		if p.Open {
			b.WriteString("*")
		}
	}
	return b.String()
}
