package stream

import (
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// guess tells old encodings apart by what their bytes would spell; nil says that none of them is likely. Japanese texts
// are full of kana, which Shift_JIS and EUC-JP keep in places of their own. Cyrillic, Greek, Hebrew and Arabic fill whole
// words with high bytes, and which letters are frequent tells the page. The Latin pages have single letters among ASCII.
func guess(b []byte) encoding.Encoding {
	sjis, euc := shiftJIS(b), eucJP(b)
	switch {
	case euc.ok && 8*euc.kana > euc.chars && (euc.kana >= sjis.kana || !sjis.ok):
		return japanese.EUCJP
	case sjis.ok && 8*sjis.kana > sjis.chars:
		return japanese.ShiftJIS
	case sjis.ok && 3*sjis.kanji >= sjis.chars:
		return japanese.ShiftJIS // without kana: the first bytes of its common kanji are no letters in other encodings
	}
	return byLetters(b[:min(len(b), headSize)])
}

// alphabet is what a language writes with bytes beyond ASCII: its letters, the most frequent first.
type alphabet struct {
	page    *charmap.Charmap
	prior   float64 // how often such files are met, next to the Western page: few letters prove little
	letters string
}

var alphabets = append([]alphabet{
	{charmap.Windows1252, 1, "éáóíüäöèàçñêåøæßãôâúõîûëïùœòìšžðþýÿ"}, // several languages in one file
	{charmap.Windows1252, 1, "éïöèñçêàü"},                           // English: café, naïve
	{charmap.Windows1252, 1, "éèàêçôîâûùœëïæ"},
	{charmap.Windows1252, 1, "üäöß"},
	{charmap.Windows1252, 1, "óíáéñúü"},
	{charmap.Windows1252, 1, "ãçáéíóêõâúàô"},
	{charmap.Windows1252, 1, "åäöøæé"},
	{charmap.Windows1252, 1, "èàùòìé"},
	{charmap.Windows1252, 0.5, "íáðéóþúýæö"},
	{charmap.Windows1251, 0.1, "оаеинтсрвлкмдпуяыьгзбчйхжшюцщэіїфєґъё"},
	{charmap.KOI8R, 0.02, "оаеинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"},
	{charmap.Windows1253, 0.02, "αοιετνσηυρπκςμλίόάγδέωήθφχύβξώζψϊϋ"},
	{charmap.Windows1254, 0.02, "ıüşçğöİâî"},
	{charmap.Windows1255, 0.02, "יוהלאתרבמשנדכעחפקםצגטזסןךףץ"},
	{charmap.Windows1256, 0.02, "اليمنوتربةعدسفهكقأحجىشصطخضذثزغئءظإؤآ"},
	{charmap.Windows1257, 0.001, "ėšųžįąūčę"},
	{charmap.Windows1257, 0.001, "āīēšņļžūčķģ"},
}, append(centralEurope(charmap.Windows1250, 0.02), centralEurope(charmap.ISO8859_2, 0.01)...)...)

func centralEurope(page *charmap.Charmap, prior float64) []alphabet {
	return []alphabet{
		{page, prior, "áéíóöüłąęśżćńźěščřžýůúťďňőűăâîşţđäëôľ"},
		{page, prior, "łążęśóćńź"},
		{page, prior, "íáéžěčřšýůúťďňó"},
		{page, prior, "áéöóőüíúű"},
		{page, prior, "ăîâşţ"},
		{page, prior, "čšžćđ"},
	}
}

const (
	unlikely = 0.0005 // a byte that is no letter of the language, or a capital inside of a word of small letters
	capital  = 0.1    // a capital, next to its small letter
	likely   = -3.9   // the mean logarithm below which no language is taken: texts are above -3.2, other encodings below -4.5
)

// likelihoods gives the logarithms of how likely each byte is in a text of each language, at the beginning of a word and
// after another letter beyond ASCII. A letter's share follows from its rank by the law of the broken stick, which fits
// alphabets well.
var likelihoods = sync.OnceValue(func() [][2][256]float64 {
	all := make([][2][256]float64, len(alphabets))
	for i, a := range alphabets {
		for c := range 256 {
			all[i][0][c], all[i][1][c] = math.Log(unlikely), math.Log(unlikely)
		}
		letters := []rune(a.letters)
		latin := unicode.Is(unicode.Latin, letters[0])
		share := 0.0
		for r := len(letters) - 1; r >= 0; r-- {
			share += 1 / float64(r+1)
			p := share / float64(len(letters))
			if c, ok := a.page.EncodeRune(letters[r]); ok {
				all[i][0][c], all[i][1][c] = math.Log(p), math.Log(p)
			}
			if upper := unicode.ToUpper(letters[r]); upper != letters[r] {
				if c, ok := a.page.EncodeRune(upper); ok {
					all[i][0][c] = math.Log(p * capital)
					if latin { // among the capitals of ASCII
						all[i][1][c] = all[i][0][c]
					}
				}
			}
		}
	}
	return all
})

// mark is what a byte is that is no letter in a page.
type mark uint8

const (
	aLetter mark = iota
	free         // a quotation mark, a dash, a blank: they are anywhere and say nothing
	end          // another sign, such as © or ½: it does not precede a letter
	none         // not there, or a control character
)

func marksOf(page *charmap.Charmap) (marks [256]mark) {
	for c := 0x80; c < 0x100; c++ {
		switch r := page.DecodeByte(byte(c)); {
		case r == utf8.RuneError || unicode.IsControl(r):
			marks[c] = none
		case unicode.IsLetter(r) && r != 'ª' && r != 'º' && r != 'µ' && r != 'ˇ' || unicode.IsMark(r):
		case unicode.IsPunct(r) || c >= 0xA0 && (r == 0xA0 || r == '°' || r == 'µ' || r == '£'):
			marks[c] = free
		default:
			marks[c] = end
		}
	}
	return marks
}

// byLetters gives the page in which a text's bytes are the most likely letters, or nil.
func byLetters(b []byte) encoding.Encoding {
	var best encoding.Encoding = charmap.Windows1252 // where there are marks alone
	most, mean, letters, latin := math.Inf(-1), 0.0, 0, true
	for k, likelihood := range likelihoods() {
		a := &alphabets[k]
		marks := marksOf(a.page)
		isLatin := unicode.Is(unicode.Latin, []rune(a.letters)[0])
		sum, n, inside := math.Log(a.prior), 0, 0
		for i, c := range b {
			switch {
			case c < 0x80 || marks[c] == free || marks[c] == end && (i+1 == len(b) || b[i+1] < 0x80 && !letter(b[i+1])):
				inside = 0
				continue
			case marks[c] == none, !isLatin && (i > 0 && letter(b[i-1]) || i+1 < len(b) && letter(b[i+1])): // two scripts in a word
				sum += math.Log(unlikely)
			}
			sum += likelihood[inside][c]
			inside = 1
			n++
		}
		if sum > most {
			best, most, mean, letters = a.page, sum, sum/float64(max(n, 1)), n
			latin = isLatin
		}
	}
	few := letters < 8 && best == charmap.Windows1252
	if mean < likely && !few || latin && !likeLatin(b) {
		return nil
	}
	return best
}

// punctuation is what Latin pages have next to letters: quotation marks, dashes, blanks, signs.
const punctuation = "\x80\x82\x84\x85\x91\x92\x93\x94\x95\x96\x97\x99\xa0\xa1\xa3\xa7\xa9\xaa\xab\xad\xae\xb0\xb1\xb2\xb3\xb4\xb5\xb7\xba\xbb\xbc\xbd\xbe\xbf"

// likeLatin reports whether the bytes beyond ASCII are as those of a Latin text do: letters near to a letter of ASCII,
// and usual marks. Pairs of bytes, of which Chinese and Korean encodings are made, do not.
func likeLatin(b []byte) bool {
	high, odd := 0, 0
	for i, c := range b {
		if c < 0x80 {
			continue
		}
		high++
		before, after := near(b, i, -1), near(b, i, 1)
		if !before && !after && strings.IndexByte(punctuation, c) < 0 {
			odd++
		}
	}
	return 3*odd <= high
}

// near reports whether a letter of ASCII is next to a byte, or after one more that is beyond ASCII.
func near(b []byte, i, step int) bool {
	for range 2 {
		if i += step; i < 0 || i >= len(b) || b[i] < 0x80 {
			break
		}
	}
	return i >= 0 && i < len(b) && letter(b[i])
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// spelled is what bytes would spell in a Japanese encoding.
type spelled struct {
	ok                 bool // they can be that encoding
	chars, kana, kanji int  // characters beyond ASCII; those that are kana, and kanji that are recognized by their first byte
}

// shiftJIS reads bytes as Shift_JIS.
func shiftJIS(b []byte) (s spelled) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c < 0x80 {
			continue
		}
		s.chars++
		if c >= 0xA1 && c <= 0xDF { // half-width kana, which other encodings have for letters
			continue
		}
		if c == 0x80 || c == 0xA0 || c > 0xFC {
			return s
		}
		if i++; i == len(b) {
			break
		}
		d := b[i]
		if d < 0x40 || d == 0x7F || d > 0xFC {
			return s
		}
		switch {
		case c == 0x82 && d >= 0x9F && d <= 0xF1, c == 0x83 && d >= 0x40 && d <= 0x96:
			s.kana++
		case c >= 0x87 && c <= 0x9F && (d >= 0x80 || i+1 < len(b) && b[i+1] >= 0x80): // not a quotation mark before a letter
			s.kanji++
		}
	}
	s.ok = true
	return s
}

// eucJP reads bytes as EUC-JP.
func eucJP(b []byte) (s spelled) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c < 0x80 {
			continue
		}
		s.chars++
		if c == 0x8F { // a third plane: two more bytes
			if i++; i == len(b) {
				break
			}
		} else if c != 0x8E && (c < 0xA1 || c == 0xFF) {
			return s
		}
		if i++; i == len(b) {
			break
		}
		if d := b[i]; d < 0xA1 || d == 0xFF {
			return s
		}
		if c == 0xA4 || c == 0xA5 {
			s.kana++
		}
	}
	s.ok = true
	return s
}
