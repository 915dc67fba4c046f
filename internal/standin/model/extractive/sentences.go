package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"

	uax "github.com/clipperhouse/uax29/v2/sentences"
)

// sentencesOf cuts a paragraph, white space folded, into sentences.
func sentencesOf(paragraph, lang string) []string {
	if lang == "ja" || lang == "zh" {
		return cjkSentences(paragraph)
	}
	return latinSentences(paragraph)
}

// closers may follow the mark that ends a sentence and belong to it.
const closers = "」』）】〉》〕］”’\")]"

// brackets maps what opens to what closes. A full stop inside of them does not end the sentence around.
var brackets = map[rune]rune{'「': '」', '『': '』', '（': '）', '【': '】', '(': ')', '［': '］', '〈': '〉', '《': '》'}

// maxBracket is how many runes a bracket is believed to be open; then it was never meant to close.
const maxBracket = 200

// cjkSentences cuts after 。！？ and their half-width forms, outside of brackets.
func cjkSentences(text string) []string {
	var out []string
	start, depth, opened := 0, 0, 0
	n := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		n++
		if _, ok := brackets[r]; ok {
			if depth == 0 {
				opened = n
			}
			depth++
			continue
		}
		if depth > 0 {
			if strings.ContainsRune("」』）】)］〉》", r) {
				depth--
			} else if n-opened > maxBracket {
				depth = 0
			} else {
				continue
			}
		}
		if !endsCJK(r, text[:i-size], text[i:]) {
			continue
		}
		for i < len(text) {
			next, size := utf8.DecodeRuneInString(text[i:])
			if !strings.ContainsRune("。！？!?．", next) && !strings.ContainsRune(closers, next) {
				break
			}
			i += size
			n++
		}
		if s := strings.TrimSpace(text[start:i]); s != "" {
			out = append(out, s)
		}
		start = i
	}
	if s := strings.TrimSpace(text[start:]); s != "" {
		out = append(out, s)
	}
	return out
}

func endsCJK(r rune, before, after string) bool {
	switch r {
	case '。', '！', '？', '｡':
		return true
	case '．':
		return after == "" || after[0] == ' ' || after[0] >= 0x80
	case '!', '?':
		last, _ := utf8.DecodeLastRuneInString(before)
		return last > 0x3000 && (after == "" || after[0] == ' ' || after[0] >= 0x80)
	case '.':
		// An English sentence inside a Japanese paragraph.
		if after == "" {
			return true
		}
		last, _ := utf8.DecodeLastRuneInString(before)
		next, _ := utf8.DecodeRuneInString(strings.TrimPrefix(after, " "))
		return after[0] == ' ' && (last > 0x3000 || next > 0x3000 || unicode.IsUpper(next) && unicode.IsLower(last))
	}
	return false
}

// abbreviations end in a full stop that ends no sentence.
var abbreviations = []string{
	"e.g.", "i.e.", "etc.", "vs.", "cf.", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St.", "Fig.", "fig.", "No.", "no.", "Sec.", "sec.", "Inc.", "Ltd.", "Corp.",
	"approx.", "esp.", "resp.", "al.", "Jr.", "Sr.", "U.S.", "a.k.a.", "incl.", "Vol.", "vol.", "Eq.", "eq.", "ver.", "dept.", "est.",
}

// latinSentences cuts at Unicode's sentence boundaries, except those after abbreviations and initials.
func latinSentences(text string) []string {
	var out []string
	open := ""
	start, end := 0, 0
	it := uax.FromString(text)
	for it.Next() {
		end += len(it.Value())
		open = strings.TrimSpace(text[start:end])
		if open == "" || unfinished(open, text[end:], text[end-1] == ' ') {
			continue
		}
		out = append(out, open)
		start = end
	}
	if rest := strings.TrimSpace(text[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// unfinished reports whether the boundary after s does not end a sentence: after an abbreviation, an initial, or inside a parenthesis.
func unfinished(s, after string, spaced bool) bool {
	if after == "" {
		return false
	}
	if !spaced {
		return true // no space after the mark: .NET, Node.js, a version
	}
	if strings.HasSuffix(s, ".") {
		word := s[strings.LastIndexByte(s, ' ')+1:]
		bare := strings.TrimLeft(word, "(\"'[“")
		for _, a := range abbreviations {
			// "etc." and company forms often do end a sentence; then a capital follows.
			if bare == a && (a != "etc." && a != "Inc." && a != "Ltd." && a != "Corp." && a != "al." || lowerNext(after)) {
				return !(a == "no." || a == "No.") || digitNext(after)
			}
		}
		if len(bare) == 2 && bare[0] >= 'A' && bare[0] <= 'Z' && bare[0] != 'I' {
			return true
		}
		if lowerNext(after) {
			return true
		}
	}
	return len(s) < 400 && strings.Count(s, "(") > strings.Count(s, ")") && strings.IndexByte(after[:min(len(after), 200)], ')') >= 0
}

func lowerNext(after string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, " "))
	return unicode.IsLower(r)
}

func digitNext(after string) bool {
	after = strings.TrimLeft(after, " ")
	return after != "" && after[0] >= '0' && after[0] <= '9'
}
