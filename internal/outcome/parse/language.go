package parse

import (
	"slices"
	"strings"
	"unicode"
)

// languages are the languages that can be known, each with its rule: it gives what is wrong with a text, or "".
var languages = map[string]func(letters) string{
	"ja": func(l letters) string {
		switch {
		// Technical prose in Japanese has a third and more of its characters and words in Japanese. The line is lower,
		// and what is above it passes: to refuse a good answer costs its document, to take a poor one a summary.
		case l.kana > 0 && 5*(l.kana+l.han+l.stops) >= l.all():
			return ""
		// A short one without kana may still be Japanese (概要, 株式会社日立製作所); a long one is Chinese.
		case l.kana == 0 && l.han > 0 && l.han <= 20 && l.han >= l.latin+l.other:
			return ""
		}
		return "is not in Japanese"
	},
	"en": func(l letters) string {
		// A name may stay in its own script, and a name in kanji weighs less than a sentence in kana.
		foreign := 2*(l.kana+l.han) + 2*l.other
		if l.kana == 0 {
			foreign -= l.han
		}
		if foreign > 2*l.latin {
			return "is not in English"
		}
		return ""
	},
}

// languageOf tells a member's language by its name.
func languageOf(member string) string {
	switch {
	case strings.HasSuffix(member, "_ja"):
		return "ja"
	case strings.HasSuffix(member, "_en"):
		return "en"
	}
	return ""
}

// checkLanguages gives what is wrong with the languages of an answer, "" where nothing is.
func (c *Checker) checkLanguages(v any, model string) string {
	object, ok := v.(map[string]any)
	if !ok || c.any || model == echoModel {
		return ""
	}
	var wrong []string
	for name, v := range object {
		lang := c.langs[name]
		if c.langs == nil {
			lang = languageOf(name)
		}
		rule, ok := languages[lang]
		if !ok {
			continue
		}
		switch v := v.(type) {
		case nil:
			if model != extractiveModel {
				wrong = append(wrong, name+": is null")
			}
		case string:
			if strings.TrimSpace(v) == "" {
				wrong = append(wrong, name+": is empty")
			} else if fault := rule(count(v)); fault != "" {
				wrong = append(wrong, name+": "+fault)
			}
		}
	}
	slices.Sort(wrong)
	return clip(strings.Join(wrong, "; "))
}

// letters counts a text by script. Japanese writes no spaces, so its characters are compared with the words of others.
type letters struct {
	kana, han    int // characters
	stops        int // 、 and 。, which tell a list of foreign names in a Japanese sentence
	latin, other int // words
}

func (l letters) all() int { return l.kana + l.han + l.stops + l.latin + l.other }

func count(s string) letters {
	var l letters
	var word script
	for _, r := range s {
		k := scriptOf(r)
		switch k {
		case joiner:
			continue
		case kana:
			l.kana++
		case han:
			l.han++
		case stop:
			l.stops++
		case latin:
			if word != latin {
				l.latin++
			}
		case other:
			if word != other {
				l.other++
			}
		}
		word = k
	}
	return l
}

type script int

const (
	none   script = iota
	joiner        // part of whatever it is in: digits, apostrophes, marks
	kana
	han
	stop
	latin
	other
)

func scriptOf(r rune) script {
	switch {
	case r < 0x80:
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return latin
		case '0' <= r && r <= '9', r == '\'', r == '_', r == '-':
			return joiner
		}
		return none
	case 0x3041 <= r && r <= 0x3096, 0x30a1 <= r && r <= 0x30fa, 0xff66 <= r && r <= 0xff9d && r != 0xff70:
		return kana
	case r == 0x30fc, r == 0xff70, r == 0x2019: // the long vowel mark says nothing alone
		return joiner
	case r == '、', r == '。':
		return stop
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.IsLetter(r):
		return other
	case unicode.IsDigit(r), unicode.IsMark(r):
		return joiner
	}
	return none
}
