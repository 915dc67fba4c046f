package plain

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// ProseSample is how many bytes of a text are enough to tell prose from code.
const ProseSample = 8 << 10

// tally counts the words of a text by what they look like.
type tally struct {
	words    int // letters and the marks around them
	code     int // words that hold what only code has in a word: `=`, `;`, `f(x)`, `a_b`
	small    int // words such as "the", of which no sentence has none
	marks    int // words that end as a sentence or a part of one does
	foreign  int // characters outside of Latin letters, a word each three
	lines    int
	codeEnds int // lines that end as those of code do
}

// Prose reports whether text that is where code mostly does is read as prose: a poem, a mail, an RFC. It has words, few of
// which look like code, few lines that do, and either the small words of a language, or another script.
func Prose(b []byte) bool {
	var t tally
	for line := range bytes.Lines(sample(b)) {
		t.line(bytes.TrimSpace(line))
	}
	words := t.words + t.foreign/3
	if words < 4 && t.foreign < 6 || 4*t.code > words || 8*t.codeEnds > t.lines {
		return false
	}
	return t.foreign > 2*t.words || 8*t.small >= words || 16*t.marks >= words && 25*t.small >= words
}

// LooksLikeCode reports whether text has the marks of code, rather than none of prose: two words without any mark are neither.
func LooksLikeCode(b []byte) bool {
	var t tally
	for line := range bytes.Lines(sample(b)) {
		line = bytes.TrimSpace(line)
		if len(line) > 1 && (line[0] == '$' || line[0] == '>') && line[1] == ' ' { // a prompt
			return true
		}
		t.line(line)
	}
	return t.words+t.foreign == 0 || 3*t.code > t.words+t.foreign/3 || 3*t.codeEnds > t.lines
}

func sample(b []byte) []byte {
	if len(b) <= ProseSample {
		return b
	}
	b = b[:ProseSample]
	for n := 0; n < utf8.UTFMax && !utf8.RuneStart(b[len(b)-1]); n++ {
		b = b[:len(b)-1]
	}
	return b[:len(b)-1]
}

// line counts a line without blanks at its ends. A line of a comment says nothing: it is prose inside of code.
func (t *tally) line(line []byte) {
	if len(line) == 0 {
		return
	}
	for len(line) > 0 && line[0] == '>' { // a quotation in a mail
		line = bytes.TrimLeft(line[1:], " \t")
	}
	if len(line) == 0 {
		return
	}
	t.lines++
	if bytes.HasPrefix(line, []byte("//")) || bytes.HasPrefix(line, []byte("/*")) || bytes.HasPrefix(line, []byte("# ")) {
		return
	}
	if codeLine(line) {
		t.codeEnds++
		return
	}
	before := *t
	for word := range bytes.FieldsSeq(line) {
		t.word(word)
	}
	t.end(line, before)
}

// end looks at the end of a line, whose words were counted. Poets end lines with a semicolon too.
func (t *tally) end(line []byte, before tally) {
	switch line[len(line)-1] {
	case '{', '}', '[', '(', '\\':
		t.codeEnds++
	case ';':
		if t.code > before.code || t.words-before.words < 3 && t.foreign == before.foreign {
			t.codeEnds++
		}
	}
}

// codeLine reports whether a line begins as only one of code does: a prompt, a statement, a name with a value.
func codeLine(line []byte) bool {
	first, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return false
	}
	rest = bytes.TrimLeft(rest, " ")
	switch string(first) {
	case "$", "%", ">>>", "#!", "def", "import", "export", "const", "function", "func", "package", "public", "private", "static", "void", "struct",
		"#include", "@Override", "SELECT", "INSERT", "UPDATE", "CREATE", "--":
		return true
	case "class", "return", "from", "let", "var", "if", "for", "while", "create", "select":
		return bytes.ContainsAny(rest, "(){}[]=;:")
	}
	if first[len(first)-1] == ':' && first[0] >= 'a' && len(rest) > 0 { // in lower case: a mail has Subject: [list]
		switch rest[0] {
		case '\'', '"', '`', '[', '{', '|':
			return true
		}
	}
	return false
}

func (t *tally) word(word []byte) {
	end := word[len(word)-1]
	core := bytes.Trim(word, `.,;:!?"'()[]*_-`+"`")
	if len(core) == 0 {
		return // a number's dots, a dash, quotes
	}
	if word[0] == '-' && core[0]|0x20 >= 'a' && core[0]|0x20 <= 'z' { // an option
		t.code++
		return
	}
	letters, other, foreign := 0, 0, 0
	for i, c := range core {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
			if i > 0 && c < 'a' && core[i-1] >= 'a' && core[i-1] <= 'z' {
				other++ // camelCase
			}
		case c >= 0x80:
			if r, _ := utf8.DecodeRune(core[i:]); utf8.RuneStart(c) && unicode.IsLetter(r) { // and no line of a drawing
				foreign++
			}
		case c == '\'' || c == '-' || c == '/' || c == '&' || c == '%' || c == '$' && i == 0 || c >= '0' && c <= '9':
		case (c == '.' || c == ':' || c == ',') && i > 0 && i+1 < len(core) && (core[i-1] <= '9' || core[i+1] <= '9'):
		default:
			other++
		}
	}
	switch {
	case other > 0 && isAddress(core):
	case other > 0, len(word) > 2 && (end == ';' && bytes.IndexByte(word, ')') >= 0 || end == ')' && bytes.IndexByte(word, '(') > 0):
		t.code++
	case letters+foreign == 0:
	case foreign > letters:
		t.foreign += foreign
		if r, _ := utf8.DecodeLastRune(word); r == '。' || r == '、' || r == '！' || r == '？' {
			t.marks++
		}
	default:
		t.words++
		if end == '.' || end == ',' || end == '!' || end == '?' {
			t.marks++
		}
		if small(core) {
			t.small++
		}
	}
}

// isAddress reports whether a word is a mail's or a page's address, which prose has as code does.
func isAddress(word []byte) bool {
	return bytes.Contains(word, []byte("://")) || bytes.IndexByte(word, '@') > 0 && bytes.IndexByte(word, '(') < 0
}

// small reports whether a word is one of those that sentences are made with. Words that are also names or keywords in
// programs ("in", "is", "and" of SQL in capitals) count as they are written in prose.
func small(word []byte) bool {
	if len(word) > 4 {
		return false
	}
	first := word[0]
	if first >= 'A' && first <= 'Z' {
		if len(word) > 1 && word[1] < 'a' {
			return false
		}
		first |= 0x20
	}
	var lower [4]byte
	lower[0] = first
	copy(lower[1:], word[1:])
	switch string(lower[:len(word)]) {
	case "the", "a", "an", "of", "and", "to", "that", "i", "you", "he", "she", "it", "we", "they", "his", "her", "my", "was", "are", "be", "with", "this", "but",
		"der", "die", "das", "und", "ist", "ein", "den", "mit", "zu", "le", "la", "les", "et", "des", "une", "que", "est", "el", "los", "y", "una", "se",
		"il", "di", "che", "e", "o", "um", "uma", "het", "een", "van", "en", "och", "att", "som", "og", "nie", "na", "ve", "bir", "bu", "ja", "yang", "dan":
		return true
	}
	return false
}
