package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type blockKind uint8

const (
	prose blockKind = iota
	heading
	item
	table
)

type block struct {
	kind blockKind
	text string // white space folded
}

type document struct {
	blocks []block
}

func (d document) firstHeading() string {
	for _, b := range d.blocks {
		if b.kind == heading {
			return b.text
		}
	}
	return ""
}

// parseBlocks cuts a plain text into blocks.
func parseBlocks(text string) document {
	p := blockParser{spaced: strings.Contains(text, "\n\n") || strings.Contains(text, "\n\r\n")}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		next := ""
		if i+1 < len(lines) {
			next = lines[i+1]
		}
		if p.line(lines[i], next) {
			i++ // a setext heading takes its underline along
		}
	}
	p.flush()
	return document{blocks: p.blocks}
}

type blockParser struct {
	spaced bool // blank lines separate the paragraphs
	blocks []block
	open   blockKind
	buf    strings.Builder
	inList bool
	closed bool // the last line of prose ended a sentence
}

func (p *blockParser) flush() {
	if text := fold(p.buf.String()); text != "" {
		p.blocks = append(p.blocks, block{kind: p.open, text: text})
	}
	p.buf.Reset()
}

func (p *blockParser) add(kind blockKind, text string) {
	if p.buf.Len() > 0 && p.open != kind {
		p.flush()
	}
	p.open = kind
	if p.buf.Len() > 0 {
		p.buf.WriteByte('\n')
	}
	p.buf.WriteString(text)
}

func (p *blockParser) whole(kind blockKind, text string) {
	p.flush()
	p.add(kind, text)
	p.flush()
}

// line takes one line; it tells whether it used up the next one too.
func (p *blockParser) line(line, next string) bool {
	trimmed := strings.TrimSpace(line)
	indent := indentation(line)
	switch {
	case trimmed == "":
		p.flush()
	case headingLevel(trimmed) > 0:
		p.whole(heading, strings.TrimRight(strings.TrimLeft(trimmed, "# "), "# "))
		p.inList = false
	case isItem(trimmed):
		p.flush()
		p.add(item, itemText(trimmed))
		p.inList = true
	case isTable(trimmed):
		p.whole(table, trimmed)
	case isRule(trimmed):
		p.flush()
	case p.buf.Len() == 0 && underline(next):
		p.whole(heading, trimmed)
		p.inList = false
		return true
	case p.open == item && p.buf.Len() > 0 && p.spaced:
		p.add(item, trimmed)
	default:
		p.inList = p.inList && indent >= 2
		if !p.spaced && p.closed {
			p.flush() // no paragraph is marked, so the end of a sentence ends one
		}
		p.closed = ended(trimmed)
		if p.buf.Len() == 0 && label(trimmed, next) {
			p.whole(prose, trimmed)
			break
		}
		p.add(prose, trimmed)
	}
	return false
}

// label reports whether t is a short line without an end mark, like Note or the term of a definition, that heads the next line. The next
// line of a wrapped sentence begins in lower case, or t ends with a comma.
func label(t, next string) bool {
	if len(t) > 72 || ended(t) || strings.HasSuffix(t, ",") || strings.HasSuffix(t, "、") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimSpace(next))
	if unicode.IsLower(first) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(t)
	if last >= 0x2e80 {
		return runes(t) <= 24
	}
	return len(t) <= 40 && strings.Count(t, " ") <= 4
}

func indentation(line string) int {
	n := 0
	for _, r := range line {
		switch r {
		case ' ':
			n++
		case '\t':
			n += 4
		default:
			return n
		}
	}
	return n
}

func headingLevel(t string) int {
	n := len(t) - len(strings.TrimLeft(t, "#"))
	if n == 0 || n > 6 || n == len(t) || t[n] != ' ' && t[n] != '\t' {
		return 0
	}
	return n
}

func isTable(t string) bool {
	return strings.HasPrefix(t, "|") || strings.Contains(t, " | ") || strings.HasSuffix(t, " |")
}

// bullets are the marks that begin a list item. Those after the third need no space after them.
var bullets = []string{"- ", "* ", "+ ", "•", "・", "‣", "◦", "●", "■", "○", "◆", "▪", "※ "}

func isItem(t string) bool { return itemText(t) != "" }

// itemText is the text after the bullet or number, "" when there is none.
func itemText(t string) string {
	for _, b := range bullets {
		if rest, ok := strings.CutPrefix(t, b); ok {
			return strings.TrimSpace(rest)
		}
	}
	n := 0
	for n < len(t) && n < 3 && t[n] >= '0' && t[n] <= '9' {
		n++
	}
	if n == 0 && len(t) > 2 && (t[0] >= 'a' && t[0] <= 'z') {
		n = 1
		if t[1] != ')' {
			return ""
		}
	}
	if n > 0 && n+1 < len(t) && (t[n] == '.' || t[n] == ')') && t[n+1] == ' ' {
		return strings.TrimSpace(t[n+2:])
	}
	if rest := strings.TrimLeft(t, "0123456789０１２３４５６７８９"); len(rest) < len(t) && len(t)-len(rest) <= 9 {
		for _, mark := range []string{"）", "．", "、"} {
			if after, ok := strings.CutPrefix(rest, mark); ok {
				return strings.TrimSpace(after)
			}
		}
	}
	if r, size := utf8.DecodeRuneInString(t); r >= '①' && r <= '⑳' {
		return strings.TrimSpace(t[size:])
	}
	return ""
}

func isRule(t string) bool {
	return len(t) >= 3 && (strings.Trim(t, "- ") == "" || strings.Trim(t, "* ") == "" || strings.Trim(t, "_ ") == "" || strings.Trim(t, "= ") == "")
}

func underline(next string) bool {
	t := strings.TrimSpace(next)
	return len(t) >= 3 && (strings.Trim(t, "=") == "" || strings.Trim(t, "-") == "")
}

// fold joins the fields of a text by single spaces.
func fold(s string) string {
	s = strings.TrimSpace(s)
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\n' || c == '\t' || c == '\r' || c == ' ' && s[i-1] == ' ' || c >= utf8.RuneSelf || c < ' ' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

func runes(s string) int { return utf8.RuneCountInString(s) }

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// cutBytes cuts at a rune's beginning.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
