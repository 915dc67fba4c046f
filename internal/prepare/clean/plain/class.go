package plain

import "quarry"

// A kind says what the writer does with a character that is not plain ASCII.
type kind uint8

const (
	drop       kind = iota // no text: control, bidi, tag, private use, byte order mark
	space                  // any blank
	line                   // a line or paragraph separator
	letter                 // Latin letters without marks
	accented               // of Latin-1
	extended               // of Latin Extended-A and -B
	vietnamese             // of Latin Extended Additional
	punct                  // punctuation of any script
	kana                   // hiragana, katakana, half-width kana
	han                    // ideographs
	other                  // scripts that have no class of their own
	cyrillic               // that Russian has
	slavic                 // Cyrillic that Russian does not have
	greek                  // and Coptic
	arabic                 //
	hebrew                 //
	hangul                 //
	thai                   //
	devanagari             //
	indic                  // Bengali to Sinhala
	symbol                 // emoji, arrows, mathematics, boxes
	selector               // variation selectors, kept only where they can select something
)

// classify sorts the characters from U+0080 on. It follows Unicode's general categories closely enough to predict
// tokens, and exactly where characters are dropped.
func classify(r rune) kind {
	if r < lowEnd {
		return low[r]
	}
	switch {
	case r < 0x2070:
		return generalPunctuation(r)
	case r <= 0x20CF, r >= 0x2100 && r < 0x2C00:
		return symbol
	case r >= 0x2DE0 && r <= 0x2DFF:
		return slavic
	case r < 0x3000:
		return other
	case r < 0x3400:
		return cjkSymbol(r)
	case r <= 0x9FFF:
		return han
	case r >= 0xA640 && r <= 0xA69F:
		return slavic
	case r >= 0xA8E0 && r <= 0xA8FF:
		return devanagari
	case r >= 0xA960 && r <= 0xA97F, r >= 0xAC00 && r <= 0xD7FF:
		return hangul
	case r < 0xE000:
		return other
	}
	return high(r)
}

// lowEnd is where the table of the scripts with letters of one or two bytes, and of the first ones with three, ends.
const lowEnd = 0x2000

var low = func() (t [lowEnd]kind) {
	for r := range rune(lowEnd) {
		t[r] = lowKind(r)
	}
	return t
}()

func lowKind(r rune) kind {
	switch {
	case r < 0x100:
		return latin1(r)
	case r == 0x01A0 || r == 0x01A1 || r == 0x01AF || r == 0x01B0 || r >= 0x1E00 && r <= 0x1EFF: // ơ, ư
		return vietnamese
	case r <= 0x024F:
		return extended
	case r == 0x034F || r == 0x061C || r == 0x180E: // grapheme joiner, Arabic letter mark, Mongolian vowel separator: invisible
		return drop
	case r == 0x1680:
		return space
	case r >= 0x0370 && r <= 0x03FF || r >= 0x1F00:
		return greek
	case r >= 0x0410 && r <= 0x044F || r == 0x0401 || r == 0x0451:
		return cyrillic
	case r >= 0x0400 && r <= 0x052F || r >= 0x1C80 && r <= 0x1C8F:
		return slavic
	case r >= 0x0590 && r <= 0x05FF:
		return hebrew
	case r >= 0x0600 && r <= 0x06FF || r >= 0x0750 && r <= 0x077F || r >= 0x0870 && r <= 0x08FF:
		return arabic
	case r >= 0x0900 && r <= 0x097F:
		return devanagari
	case r >= 0x0980 && r <= 0x0DFF:
		return indic
	case r >= 0x0E00 && r <= 0x0E7F:
		return thai
	case r >= 0x1100 && r <= 0x11FF:
		return hangul
	}
	return other
}

func latin1(r rune) kind {
	switch {
	case r == 0x85: // next line, the only control character of Latin-1 that separates
		return line
	case r < 0xA0 || r == 0xAD:
		return drop
	case r == 0xA0:
		return space
	case r >= 0xC0 && r != 0xD7 && r != 0xF7, r == 0xAA, r == 0xBA, r == 0xB5:
		return accented
	}
	return punct
}

func generalPunctuation(r rune) kind {
	switch {
	case r <= 0x200A || r == 0x202F || r == 0x205F:
		return space
	case r == 0x200C || r == 0x200D: // joiners shape Persian and Indic words and join emoji
		return symbol
	case r == 0x2028 || r == 0x2029:
		return line
	case r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060:
		return drop
	}
	return punct
}

func cjkSymbol(r rune) kind {
	switch {
	case r == 0x3000:
		return space
	case r >= 0x3005 && r <= 0x3007:
		return han
	case r <= 0x3020 || r == 0x3030 || r == 0x303D || r == 0x30A0 || r == 0x30FB:
		return punct
	case r == 0x3164: // Hangul filler, invisible
		return drop
	case r >= 0x3041 && r <= 0x30FF || r >= 0x31F0 && r <= 0x31FF:
		return kana
	case r >= 0x3130 && r <= 0x318F:
		return hangul
	}
	return other
}

func high(r rune) kind {
	switch {
	case r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 || r&0xFFFE == 0xFFFE:
		return drop // private use and noncharacters
	case r >= 0xF900 && r <= 0xFAFF || r >= 0x20000 && r <= 0x3FFFF:
		return han
	case r >= 0xFDD0 && r <= 0xFDEF || r == 0xFEFF || r == 0xFFA0 || r >= 0xFFF0 && r <= 0xFFFC:
		return drop
	case r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF:
		return selector
	case r >= 0xE0000 && r <= 0xE0FFF || r >= 0x1D173 && r <= 0x1D17A:
		return drop // tags, and the invisible marks of musical notation
	case r >= 0xFF66 && r <= 0xFF9F:
		return kana
	case r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF01 && r <= 0xFF0F, r >= 0xFF1A && r <= 0xFF20,
		r >= 0xFF3B && r <= 0xFF40, r >= 0xFF5B && r <= 0xFF65:
		return punct
	case r >= 0xFB1D && r <= 0xFB4F:
		return hebrew
	case r >= 0xFB50 && r <= 0xFDFF, r >= 0xFE70 && r <= 0xFEFE:
		return arabic
	case r >= 0x1F000 && r <= 0x1FBFF:
		return symbol
	}
	return other
}

// wide reports whether a line break next to the character is no blank: East Asian width wide, full-width or half-width,
// and not Hangul (CSS Text 3, segment break transformation rules).
func wide(r rune) bool {
	switch {
	case r < 0x2E80:
		return false
	case r <= 0x303E, r >= 0x3041 && r <= 0x3130, r >= 0x3190 && r <= 0x33FF, r >= 0x3400 && r <= 0xA4CF:
		return true
	case r >= 0xF900 && r <= 0xFAFF, r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF01 && r <= 0xFF9F, r >= 0xFFE0 && r <= 0xFFE6:
		return true
	case r >= 0x1F300 && r <= 0x1FAFF, r >= 0x20000 && r <= 0x3FFFD:
		return true
	}
	return false
}

// composed reports whether the character is its own NFC form and never joins with what is before it. It may answer
// no for a character of which that is true; then the text is looked at by package norm.
func composed(r rune) bool {
	switch {
	case r < 0x0300:
		return true
	case r >= 0x2002 && r <= 0x20CF, r >= 0x2100 && r <= 0x2125, r >= 0x212C && r <= 0x2328, r >= 0x232B && r <= 0x2ADB:
		return true
	case r >= 0x3001 && r <= 0x3029, r >= 0x3030 && r <= 0x3098, r >= 0x309B && r <= 0x33FF, r >= 0x3400 && r <= 0x9FFF:
		return true
	case r >= 0xAC00 && r <= 0xD7A3, r >= 0xFE00 && r <= 0xFE0F, r >= 0xFE30 && r <= 0xFFEF, r == 0xFFFD:
		return true
	case r >= 0x1F000 && r <= 0x1FAFF, r >= 0x20000 && r <= 0x2F7FF, r >= 0xE0100 && r <= 0xE01EF:
		return true
	}
	return false
}

// The ASCII table: how a byte counts, packed so that one addition counts it, and whether it ends a plain run.
const (
	oneLetter uint64 = 1
	oneDigit  uint64 = 1 << 16
	onePunct  uint64 = 1 << 32
	oneSpace  uint64 = 1 << 48
	stop      uint64 = 1 << 63
	// maxRun keeps every packed counter below 1<<15.
	maxRun = 1<<15 - 1
)

var ascii = func() (t [256]uint64) {
	for c := range t {
		switch {
		case c == ' ':
			t[c] = oneSpace
		case c < ' ' || c >= 0x7F || c == '<' || c == '&': // where markup may begin, HTML wants to look
			t[c] = stop
		case c >= '0' && c <= '9':
			t[c] = oneDigit
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			t[c] = oneLetter
		default:
			t[c] = onePunct
		}
	}
	return t
}()

func addPacked(c *quarry.CharClasses, packed uint64) {
	c.Letters += int64(packed & 0xFFFF)
	c.Digits += int64(packed >> 16 & 0xFFFF)
	c.Punctuation += int64(packed >> 32 & 0xFFFF)
	c.Spaces += int64(packed >> 48 & 0x7FFF)
}

// The table of characters of three bytes, U+2000 to U+FFFF, which are nearly all of Japanese and Chinese and the
// typographic signs of other languages. The first two bytes find a page, the third one in it how the character counts,
// packed so that one addition counts it, or that it needs a closer look.
const (
	firstLead = 0xE2
	firstWide = 0x2000
	lastLead  = 0xEF // FoldWidth changes characters that begin with it

	laneBits         = 10
	lane             = 1<<laneBits - 1
	oneKana   uint64 = 1
	oneHan    uint64 = 1 << laneBits
	oneSign   uint64 = 1 << (2 * laneBits) // punctuation
	oneHangul uint64 = 1 << (3 * laneBits)
	oneSymbol uint64 = 1 << (4 * laneBits)
	oneOther  uint64 = 1 << (5 * laneBits)
	// maxWide keeps every packed counter of characters below 1<<laneBits; it is in bytes.
	maxWide = 3 * lane
)

type page [64]uint64

type pageTable struct {
	index [16 * 64]uint8 // by the lower bits of the first two bytes
	pages [256]page
}

// count counts the characters at the start of s up to the first that is not of three bytes, begins with more than the last lead,
// or needs a closer look.
func (t *pageTable) count(s []byte, last byte) (n int, packed uint64) {
	for n = 0; n < len(s)-2; n += 3 {
		first, second, third := s[n], s[n+1], s[n+2]
		if first < 0xE0 || first > last {
			break
		}
		v := t.pages[t.index[int(first&0xF)<<6|int(second&0x3F)]][third&0x3F]
		if v == stop {
			break
		}
		packed += v
	}
	return n, packed
}

var threeBytes = func() *pageTable {
	t := &pageTable{}
	numbers := map[page]int{}
	for i := range t.index {
		p := pageFrom(rune(i << 6))
		if i > 0 && p == t.pages[t.index[i-1]] { // as most pages are
			t.index[i] = t.index[i-1]
			continue
		}
		n, ok := numbers[p]
		if !ok {
			n = len(numbers)
			numbers[p], t.pages[n] = n, p
		}
		t.index[i] = uint8(n)
	}
	return t
}()

// Each page between these is of one kind: the ideographs and the Hangul syllables are here, which are most of the table.
const firstUniform, endUniform = 0x3400, 0xD780

// pageFrom is the page of the 64 characters from r on.
func pageFrom(r rune) (p page) {
	entry := packed(r)
	for third := range p {
		if r < firstUniform || r >= endUniform {
			entry = packed(r + rune(third))
		}
		p[third] = entry
	}
	return p
}

// packed is a character's entry in the table.
func packed(r rune) uint64 {
	if r < firstWide || !composed(r) || r >= 0xD800 && r <= 0xDFFF {
		return stop
	}
	switch classify(r) {
	case kana:
		return oneKana
	case han:
		return oneHan
	case punct:
		return oneSign
	case hangul:
		return oneHangul
	case symbol:
		return oneSymbol
	case other:
		return oneOther
	}
	return stop
}

func addPackedWide(c *quarry.CharClasses, packed uint64) {
	c.Kana += int64(packed & lane)
	c.Han += int64(packed >> laneBits & lane)
	c.Punctuation += int64(packed >> (2 * laneBits) & lane)
	syllables, symbols := int64(packed>>(3*laneBits)&lane), int64(packed>>(4*laneBits)&lane)
	c.Hangul += syllables
	c.Symbols += symbols
	c.Other += syllables + symbols + int64(packed>>(5*laneBits)&lane)
}
