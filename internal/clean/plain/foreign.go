package plain

import "quarry"

// Tokenizers are made from much English and little else: an Italian or Indonesian letter takes half again to twice the
// tokens of an English one. Letters with marks tell some languages apart, and their short words tell all of them.

// looked is how much of a text is read to find its language.
const looked = 2048

// foreign reports whether most of a text is written in Latin letters and its short words are those of another language than
// English. A text without short words, such as code or a list of names, is not.
func foreign(text []byte, c *quarry.CharClasses) bool {
	if 2*c.Letters < Chars(*c) || c.Letters < 20 {
		return false
	}
	text = text[:min(len(text), looked)]
	var words, own, others int
	for i := 0; i < len(text); {
		if !inWordByte(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && inWordByte(text[i]) {
			i++
		}
		words++
		if i-start > longestShort {
			continue
		}
		switch shortWords[lowered(text[start:i])] {
		case english:
			own++
		case notEnglish:
			others++
		}
	}
	return others > own && 25*others >= words
}

func inWordByte(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0xC3 }

// longestShort is the length of the longest of the short words, in bytes.
const longestShort = 6

// lowered is a short word as it is looked up: of bytes from U+0080 on, only whole words of the list match.
func lowered(word []byte) (key [longestShort]byte) {
	for i, b := range word {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		key[i] = b
	}
	return key
}

const (
	english    = 1
	notEnglish = 2
)

// shortWords are frequent words of English, and of other languages that are written in Latin letters, each without those
// that are words of both.
var shortWords = func() map[[longestShort]byte]uint8 {
	m := map[[longestShort]byte]uint8{}
	add := func(mark uint8, words ...string) {
		for _, w := range words {
			m[lowered([]byte(w))] = mark
		}
	}
	add(notEnglish, "der", "und", "das", "ist", "von", "mit", "den", "nicht", "ein", "eine", "auf", "sich", "zu", "dem")  // German
	add(notEnglish, "het", "een", "van", "dat", "voor", "niet", "zijn", "ook", "bij", "wordt", "op", "en")                // Dutch
	add(notEnglish, "och", "att", "det", "som", "til", "av", "af", "ikke", "inte", "den", "og", "er", "med", "har")       // Swedish, Danish, Norwegian
	add(notEnglish, "ja", "ei", "oli", "ett", "tai", "mutta", "kuin", "sen", "kun", "jolla")                              // Finnish, Estonian
	add(notEnglish, "de", "la", "le", "les", "des", "du", "est", "dans", "pour", "une", "qui", "que", "au", "par", "sur") // French
	add(notEnglish, "el", "los", "las", "del", "una", "con", "por", "para", "es", "se", "su", "y", "lo")                  // Spanish
	add(notEnglish, "da", "dos", "das", "ao", "um", "uma", "os", "na", "pelo", "mas", "seu")                              // Portuguese
	add(notEnglish, "di", "che", "il", "della", "per", "gli", "dei", "nel", "alla", "sono", "ed", "ad", "ogni")           // Italian
	add(notEnglish, "si", "din", "pe", "cu", "sau", "este", "care", "lui", "orice")                                       // Romanian
	add(notEnglish, "nie", "jest", "oraz", "jego", "lub", "przez", "jak", "dla", "od", "ze", "tym", "nad")                // Polish
	add(notEnglish, "je", "ve", "pro", "nebo", "jako", "aby", "ale", "po", "jsou", "sa", "za", "ili", "koji", "svoje")    // Czech, Slovak, Croatian
	add(notEnglish, "az", "egy", "hogy", "nem", "van", "vagy", "minden", "meg", "ezt", "csak")                            // Hungarian
	add(notEnglish, "bir", "ve", "bu", "ile", "veya", "olan", "her", "gibi", "daha", "ama", "ancak")                      // Turkish
	add(notEnglish, "yang", "dan", "di", "dari", "untuk", "ini", "itu", "dengan", "tidak", "pada", "atau", "hak")         // Indonesian, Malay
	add(notEnglish, "ya", "wa", "kwa", "katika", "ni", "au", "cha", "haki", "kila", "mtu", "yake", "watu")                // Swahili
	add(notEnglish, "ang", "ng", "mga", "sa", "ay", "kung", "hindi", "ito")                                               // Tagalog
	add(notEnglish, "ir", "kad", "yra", "un", "ar", "tas", "kas", "bet", "dhe", "nga", "me")                              // Lithuanian, Latvian, Albanian
	for _, w := range []string{
		"the", "of", "and", "to", "that", "with", "are", "this", "you", "it", "be", "but", "by", "not", "from", "or", "have", "has",
		"how", "which", "we", "is", "for", "on", "as", "was", "at", "in", "an", "can", "will", "your", "what", "when", "her", "his", "me",
	} {
		m[lowered([]byte(w))] = english
	}
	return m
}()
