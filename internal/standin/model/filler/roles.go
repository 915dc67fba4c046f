package filler

import (
	"slices"
	"strings"
	"unicode"
)

// role is what a key wants.
type role int

const (
	asUnknown role = iota
	asTitle
	asSummary
	asPoints
	asKeywords
	asLanguage
)

var roleWords = map[string]role{
	"title": asTitle, "headline": asTitle, "heading": asTitle, "subject": asTitle, "タイトル": asTitle, "題名": asTitle, "見出し": asTitle, "表題": asTitle,
	"summary": asSummary, "summaries": asSummary, "abstract": asSummary, "description": asSummary, "desc": asSummary, "tldr": asSummary,
	"overview": asSummary, "excerpt": asSummary, "digest": asSummary, "synopsis": asSummary, "gist": asSummary, "summarization": asSummary,
	"answer": asSummary, "text": asSummary, "result": asSummary, "要約": asSummary, "概要": asSummary, "説明": asSummary, "まとめ": asSummary,
	"points": asPoints, "highlights": asPoints, "sentences": asPoints, "takeaways": asPoints, "bullets": asPoints, "要点": asPoints,
	"keywords": asKeywords, "keyword": asKeywords, "tags": asKeywords, "tag": asKeywords, "topics": asKeywords, "terms": asKeywords,
	"キーワード": asKeywords, "タグ": asKeywords,
	"language": asLanguage, "lang": asLanguage, "locale": asLanguage, "言語": asLanguage,
}

// languageNames are the words by which keys name a language.
var languageNames = map[string]string{
	"en": "en", "eng": "en", "english": "en", "英語": "en", "ja": "ja", "jp": "ja", "jpn": "ja", "jap": "ja", "japanese": "ja", "日本語": "ja",
	"zh": "zh", "cn": "zh", "chinese": "zh", "中国語": "zh", "ko": "ko", "kr": "ko", "korean": "ko", "韓国語": "ko", "de": "de", "german": "de",
	"fr": "fr", "french": "fr", "es": "es", "spanish": "es", "it": "it", "italian": "it", "pt": "pt", "portuguese": "pt", "nl": "nl", "dutch": "nl",
	"ru": "ru", "russian": "ru", "vi": "vi", "th": "th", "id": "id", "ar": "ar", "hi": "hi", "pl": "pl", "tr": "tr", "sv": "sv", "uk": "uk",
}

// meaning reads a key such as summary_ja, titleEn, english.summary or 要約: what it wants and in which language. A key that is a
// language alone means the summary in it.
func meaning(key string) (role, string) {
	what, lang := asUnknown, ""
	for _, w := range keyWords(key) {
		if r, ok := roleWords[w]; ok {
			what = r
		} else if l, ok := languageNames[w]; ok {
			lang = l
		}
	}
	if what == asUnknown {
		for _, w := range japaneseRoles {
			if strings.Contains(key, w) {
				what = roleWords[w]
				break
			}
		}
	}
	if lang == "" {
		for _, w := range []string{"日本語", "英語", "中国語", "韓国語"} {
			if strings.Contains(key, w) {
				lang = languageNames[w]
			}
		}
	}
	if what == asUnknown && lang != "" && slices.Equal(keyWords(key), []string{strings.ToLower(key)}) && key != "id" {
		what = asSummary
	}
	return what, lang
}

var japaneseRoles = []string{"タイトル", "題名", "見出し", "表題", "要約", "概要", "まとめ", "要点", "キーワード", "言語"}

// keyWords cuts a key at marks and capitals and lowers it.
func keyWords(key string) []string {
	var out []string
	start := 0
	var last rune
	cut := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(key[start:end]))
		}
		start = end
	}
	for i, r := range key {
		switch {
		case r == '_' || r == '-' || r == '.' || r == ' ':
			cut(i)
			start = i + 1
		case unicode.IsUpper(r) && unicode.IsLower(last):
			cut(i)
		}
		last = r
	}
	cut(len(key))
	return out
}
