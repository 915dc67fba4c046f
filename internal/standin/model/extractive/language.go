package extractive

import (
	"strings"
	"unicode"
)

// language tells the article's language from its prose, then from all its text. A Japanese title decides for a text that is mostly names
// and addresses, if there is any Japanese in it.
func language(d document, title string) string {
	var words, all strings.Builder
	for _, b := range d.blocks {
		if b.kind == prose && words.Len() < langWindow {
			words.WriteString(b.text)
			words.WriteByte('\n')
		}
		if all.Len() < langWindow {
			all.WriteString(b.text)
			all.WriteByte('\n')
		}
	}
	text := words.String()
	if len(text) < minProse { // a few words of prose, say a caption, do not outweigh lists and headings
		text = all.String()
	}
	lang := Language(text)
	if lang != "ja" && Language(title) == "ja" && 30*japaneseRunes(text) >= runes(text) {
		return "ja"
	}
	if lang == "" {
		lang = Language(all.String())
	}
	if lang == "" {
		lang = Language(title)
	}
	return lang
}

func japaneseRunes(text string) int {
	n := 0
	for _, r := range text {
		if r >= 0x3041 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff {
			n++
		}
	}
	return n
}

// langWindow is how much text the language is detected from.
const langWindow = 20_000

// minProse is how many bytes of prose are enough to tell the language by.
const minProse = 400

// Language tells the language of a text by its scripts: kana and kanji together at least a tenth of the letters, and some kana, is
// Japanese; kanji without kana is Chinese. Latin text goes by its function words, and is English where they do not speak against it.
// The answer is an ISO 639-1 code, "" for a text without letters.
func Language(text string) string {
	var kana, han, latin, hangul, cyrillic, other int
	word, name := 0, false // the Latin letters of the running word, and whether it is an address or an identifier
	for _, r := range text {
		if r < 0x80 {
			switch {
			case r|0x20 >= 'a' && r|0x20 <= 'z':
				word++
			case r == ' ' || r == '\n':
				if !name {
					latin += word
				}
				word, name = 0, false
			case strings.ContainsRune("/_:=<>@#%&", r):
				name = true
			}
			continue
		}
		switch {
		case r >= 0x3041 && r <= 0x30ff && r != '・', r >= 0xff66 && r <= 0xff9f:
			kana++
		case r >= 0x3400 && r <= 0x9fff || r >= 0x20000 && r <= 0x3ffff:
			han++
		case r >= 0xac00 && r <= 0xd7a3:
			hangul++
		case r >= 0x400 && r <= 0x52f:
			cyrillic++
		case unicode.IsLetter(r):
			if r < 0x250 {
				latin++
			} else {
				other++
			}
		}
	}
	if !name {
		latin += word
	}
	letters := kana + han + latin + hangul + cyrillic + other
	switch {
	case letters == 0:
		return ""
	case (kana+han)*10 >= letters && kana*50 >= letters && kana*20 >= han:
		return "ja"
	case han*5 >= letters:
		return "zh"
	case hangul*5 >= letters:
		return "ko"
	case cyrillic*3 >= letters:
		return "ru"
	case latin*2 >= letters:
		return latinLanguage(text)
	}
	return ""
}

// functionWords are frequent words that few other languages of the list share.
var functionWords = map[string]string{
	"the": "en", "of": "en", "and": "en", "to": "en", "is": "en", "that": "en", "for": "en", "with": "en", "this": "en", "are": "en", "you": "en", "it": "en",
	"der": "de", "und": "de", "ist": "de", "nicht": "de", "mit": "de", "ein": "de", "eine": "de", "das": "de", "auf": "de", "für": "de", "werden": "de",
	"les": "fr", "des": "fr", "est": "fr", "une": "fr", "dans": "fr", "pour": "fr", "vous": "fr", "sur": "fr", "avec": "fr", "qui": "fr", "pas": "fr",
	"los": "es", "las": "es", "una": "es", "para": "es", "por": "es", "como": "es", "más": "es", "está": "es", "del": "es", "con": "es",
	"não": "pt", "uma": "pt", "dos": "pt", "em": "pt", "são": "pt", "você": "pt", "ao": "pt", "mais": "pt",
	"che": "it", "della": "it", "per": "it", "sono": "it", "gli": "it", "nel": "it", "più": "it", "questo": "it",
	"het": "nl", "een": "nl", "van": "nl", "niet": "nl", "zijn": "nl", "voor": "nl", "wordt": "nl",
}

func latinLanguage(text string) string {
	votes := map[string]int{}
	total := 0
	for word := range strings.FieldsSeq(text) {
		if len(word) > 8 {
			continue
		}
		if lang, ok := functionWords[strings.ToLower(strings.Trim(word, ".,;:!?()\"'"))]; ok {
			votes[lang]++
			total++
		}
	}
	best := "en"
	for _, lang := range []string{"de", "fr", "es", "pt", "it", "nl"} {
		if votes[lang] > votes[best] && votes[lang] >= 5 {
			best = lang
		}
	}
	return best
}
