package plain

import "quarry"

// Tokenizers are made from much English and little else: an Italian or Indonesian letter takes half again to twice the
// tokens of an English one. Letters with marks tell some languages apart, and their short words tell all of them.

// A long text is read in three places to find its language, each of so many bytes: at its beginning, in its middle and at its end.
// A glance is enough for most English.
const glance, sampled = 160, 384

// foreign reports whether most of a text is written in Latin letters and its short words are those of another language than
// English. A text without short words, such as code or a list of names, is not.
func foreign(text []byte, c *quarry.CharClasses) bool {
	if 2*c.Letters < Chars(*c) || c.Letters < 20 {
		return false
	}
	n := wordsOf(text, glance)
	if n.own >= 6+3*n.others {
		return false
	}
	n = wordsOf(text, sampled)
	return n.others > n.own && 25*n.others >= n.words
}

// wordsOf counts the words in the three places.
func wordsOf(text []byte, size int) (n wordCounts) {
	last := len(text) - size
	if last < 2*size {
		n.add(text)
		return n
	}
	n.add(text[:size])
	n.add(text[last/2:][:size])
	n.add(text[last:])
	return n
}

// wordCounts counts words, and of them the short ones of English and of other languages.
type wordCounts struct{ words, own, others int }

func (n *wordCounts) add(text []byte) {
	for i := 0; i < len(text); i++ {
		if wordBytes[text[i]] == 0 {
			continue
		}
		start, word := i, uint64(0)
		for ; i < len(text) && wordBytes[text[i]] != 0; i++ {
			word = word<<8 | uint64(wordBytes[text[i]])
		}
		n.words++
		if i-start > longestShort {
			continue
		}
		switch shortWords.find(word) {
		case english:
			n.own++
		case notEnglish:
			n.others++
		}
	}
}

// wordBytes gives a byte of a word as words are compared, ASCII in lower case, and 0 for a byte between words. The bytes below
// 0xC3, which begin no letter, end a word: a word with a mark is read as two, and neither is in the list.
var wordBytes = func() (t [256]byte) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c&^0x20] = c, c
	}
	for c := 0xC3; c < len(t); c++ {
		t[c] = byte(c)
	}
	return t
}()

// longestShort is the length of the longest of the short words, in bytes.
const longestShort = 6

// wordTable finds a short word by its bytes, packed into one number. A word is followed by its mark in the upper 16 bits;
// an empty place is 0. It is four times as large as the list, so that most words take one look.
type wordTable [1024]uint64

func (t *wordTable) find(word uint64) uint8 {
	for at := hashWord(word); ; at++ {
		e := t[at%len(t)]
		if e == 0 || e<<16 == word<<16 {
			return uint8(e >> 48)
		}
	}
}

func (t *wordTable) add(mark uint8, words ...string) {
	for _, w := range words {
		word := uint64(0)
		for _, b := range []byte(w) {
			word = word<<8 | uint64(wordBytes[b])
		}
		at := hashWord(word)
		for t[at%len(t)] != 0 && t[at%len(t)]<<16 != word<<16 {
			at++
		}
		t[at%len(t)] = uint64(mark)<<48 | word
	}
}

// hashWord takes the upper bits of a product with 2^64 divided by the golden ratio.
func hashWord(word uint64) int { return int(word * 0x9E3779B97F4A7C15 >> 54) }

const (
	english    = 1
	notEnglish = 2
)

// shortWords are frequent words of English, and of other languages that are written in Latin letters, each without those
// that are words of both.
var shortWords = func() (t wordTable) {
	t.add(notEnglish, "der", "und", "das", "ist", "von", "mit", "den", "nicht", "ein", "eine", "auf", "sich", "zu", "dem")  // German
	t.add(notEnglish, "het", "een", "van", "dat", "voor", "niet", "zijn", "ook", "bij", "wordt", "op", "en")                // Dutch
	t.add(notEnglish, "och", "att", "det", "som", "til", "av", "af", "ikke", "inte", "den", "og", "er", "med", "har")       // Swedish, Danish, Norwegian
	t.add(notEnglish, "ja", "ei", "oli", "ett", "tai", "mutta", "kuin", "sen", "kun", "jolla")                              // Finnish, Estonian
	t.add(notEnglish, "de", "la", "le", "les", "des", "du", "est", "dans", "pour", "une", "qui", "que", "au", "par", "sur") // French
	t.add(notEnglish, "el", "los", "las", "del", "una", "con", "por", "para", "es", "se", "su", "y", "lo")                  // Spanish
	t.add(notEnglish, "da", "dos", "das", "ao", "um", "uma", "os", "na", "pelo", "mas", "seu")                              // Portuguese
	t.add(notEnglish, "di", "che", "il", "della", "per", "gli", "dei", "nel", "alla", "sono", "ed", "ad", "ogni")           // Italian
	t.add(notEnglish, "si", "din", "pe", "cu", "sau", "este", "care", "lui", "orice")                                       // Romanian
	t.add(notEnglish, "nie", "jest", "oraz", "jego", "lub", "przez", "jak", "dla", "od", "ze", "tym", "nad")                // Polish
	t.add(notEnglish, "je", "ve", "pro", "nebo", "jako", "aby", "ale", "po", "jsou", "sa", "za", "ili", "koji", "svoje")    // Czech, Slovak, Croatian
	t.add(notEnglish, "az", "egy", "hogy", "nem", "van", "vagy", "minden", "meg", "ezt", "csak")                            // Hungarian
	t.add(notEnglish, "bir", "ve", "bu", "ile", "veya", "olan", "her", "gibi", "daha", "ama", "ancak")                      // Turkish
	t.add(notEnglish, "yang", "dan", "di", "dari", "untuk", "ini", "itu", "dengan", "tidak", "pada", "atau", "hak")         // Indonesian, Malay
	t.add(notEnglish, "ya", "wa", "kwa", "katika", "ni", "au", "cha", "haki", "kila", "mtu", "yake", "watu")                // Swahili
	t.add(notEnglish, "ang", "ng", "mga", "sa", "ay", "kung", "hindi", "ito")                                               // Tagalog
	t.add(notEnglish, "ir", "kad", "yra", "un", "ar", "tas", "kas", "bet", "dhe", "nga", "me")                              // Lithuanian, Latvian, Albanian
	t.add(english, "the", "of", "and", "to", "that", "with", "are", "this", "you", "it", "be", "but", "by", "not", "from", "or", "have", "has",
		"how", "which", "we", "is", "for", "on", "as", "was", "at", "in", "an", "can", "will", "your", "what", "when", "her", "his", "me")
	return t
}()
