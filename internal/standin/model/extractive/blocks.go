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
	code
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

// parseBlocks cuts a text into blocks. HTML is brought to the marked form first.
func parseBlocks(text string) document {
	if looksHTML(text) {
		text = htmlToText(text)
	}
	p := blockParser{markdown: looksMarkdown(text), spaced: strings.Contains(text, "\n\n") || strings.Contains(text, "\n\r\n")}
	p.lines(strings.Split(text, "\n"))
	return document{blocks: p.blocks}
}

func (p *blockParser) lines(lines []string) {
	for i := 0; i < len(lines); i++ {
		if p.fence(lines, &i) || p.html(lines, &i) {
			continue
		}
		next := ""
		if i+1 < len(lines) {
			next = lines[i+1]
		}
		if p.line(lines[i], next) {
			i++ // a setext heading takes its underline along
		}
	}
	p.flush()
}

type blockParser struct {
	markdown bool // inline marks are taken off; cleaned text keeps its characters as they are
	spaced   bool // blank lines separate the paragraphs
	comment  bool // inside <!-- -->
	blocks   []block
	open     blockKind
	buf      strings.Builder
	blank    bool // the last line was blank
	inList   bool
	closed   bool            // the last line of prose ended a sentence
	unclosed string          // a fence mark that nothing closes
	unended  map[string]bool // elements of HTML that nothing ends
}

func (p *blockParser) flush() {
	if p.buf.Len() == 0 {
		return
	}
	text := p.buf.String()
	p.buf.Reset()
	if p.markdown && p.open != code {
		text = stripInline(text)
	}
	if text = fold(text); text != "" {
		p.blocks = append(p.blocks, block{kind: p.open, text: text})
	}
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

// fence passes over a fenced block. A fence that is never closed is a line like any other.
func (p *blockParser) fence(lines []string, i *int) bool {
	mark := fenceMark(lines[*i])
	if mark == "" || p.unclosed != "" && strings.HasPrefix(mark, p.unclosed) {
		return false
	}
	for j := *i + 1; j < len(lines); j++ {
		if t := strings.TrimSpace(lines[j]); strings.HasPrefix(t, mark) && strings.Trim(t, mark[:1]) == "" {
			if j > *i+1 {
				p.whole(code, strings.Join(lines[*i+1:min(j, *i+6)], "\n"))
			}
			*i, p.blank = j, true
			return true
		}
	}
	p.unclosed = mark // no later fence of this kind can close either
	return false
}

func fenceMark(line string) string {
	t := strings.TrimLeft(line, " \t>")
	for _, c := range []string{"`", "~"} {
		if n := len(t) - len(strings.TrimLeft(t, c)); n >= 3 && !strings.Contains(t[n:], c) {
			return t[:n]
		}
	}
	return ""
}

// line takes one line; it tells whether it used up the next one too.
func (p *blockParser) line(line, next string) bool {
	trimmed := strings.TrimSpace(line)
	wasBlank := p.blank
	p.blank = trimmed == ""
	if p.blank {
		p.flush()
		return false
	}
	if p.comment || p.markdown && strings.HasPrefix(trimmed, "<!--") {
		p.comment = !strings.Contains(trimmed, "-->")
		return false
	}
	indent := indentation(line)
	start := wasBlank || len(p.blocks) == 0 && p.buf.Len() == 0 || !p.spaced
	if p.markdown && indent >= 4 && start && !p.inList && p.buf.Len() == 0 {
		p.add(code, trimmed)
		return false
	}
	if p.open == code && p.buf.Len() > 0 {
		if indent >= 4 {
			return false
		}
		p.flush()
	}
	if p.markdown && (markup(trimmed) || tagsOnly(trimmed)) {
		p.flush()
		return false
	}
	for p.markdown && strings.HasPrefix(trimmed, ">") {
		trimmed = strings.TrimSpace(trimmed[1:])
	}
	switch {
	case trimmed == "", p.markdown && markup(trimmed):
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
	case rule(trimmed):
		p.flush()
	case p.buf.Len() == 0 && underline(next):
		p.whole(heading, trimmed)
		p.inList = false
		return true
	case p.open == item && p.buf.Len() > 0 && p.spaced, p.inList && indent >= 2 && p.markdown:
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

// label tells a short line without an end, like Note or the term of a definition, that heads the line below it. A wrapped sentence goes on
// in lower case, or was broken at a comma.
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

// bullets are the marks that begin a list item. Those after the third need no space behind them.
var bullets = []string{"- ", "* ", "+ ", "•", "・", "‣", "◦", "●", "■", "○", "◆", "▪", "※ "}

func isItem(t string) bool { return itemText(t) != "" }

// itemText is the text behind the bullet or number, "" when there is none.
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

func rule(t string) bool {
	return len(t) >= 3 && (strings.Trim(t, "- ") == "" || strings.Trim(t, "* ") == "" || strings.Trim(t, "_ ") == "" || strings.Trim(t, "= ") == "")
}

func underline(next string) bool {
	t := strings.TrimSpace(next)
	return len(t) >= 3 && (strings.Trim(t, "=") == "" || strings.Trim(t, "-") == "")
}

// markup tells lines that only steer a site generator or define a link.
func markup(t string) bool {
	switch {
	case strings.HasPrefix(t, ":::"), strings.HasPrefix(t, "{%") && strings.HasSuffix(t, "}"), strings.HasPrefix(t, "{{") && strings.HasSuffix(t, "}"),
		strings.HasPrefix(t, "[!") && strings.HasSuffix(t, "]"), strings.HasPrefix(t, "{:"), strings.HasPrefix(t, "import ") && strings.Contains(t, " from "),
		strings.HasPrefix(t, "+++"):
		return true
	}
	if strings.HasPrefix(t, "[") {
		if i := strings.Index(t, "]:"); i > 0 {
			return true
		}
	}
	return false
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
