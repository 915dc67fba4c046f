package extractive

import (
	"strings"
)

// looksMarkdown tells raw Markdown from text that was cleaned already, whose brackets and stars are the author's own.
func looksMarkdown(text string) bool {
	if strings.Contains(text, "\n```") || strings.HasPrefix(text, "```") || strings.Contains(text, "\n~~~") {
		return true
	}
	for _, mark := range []string{"](http", "](#", "](/", "](.", "](<", "][", "![", "<a name=", "\n> ", "{% ", "\\. ", "\\.\n", "`**", "**`", "<!--"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return strings.Count(text, "**") >= 4 || strings.Count(text, "`") >= 6
}

// tags are the HTML names that Markdown texts mix in; anything else between < and > is the author's, like vector<int>.
var tags = map[string]bool{
	"a": true, "abbr": true, "b": true, "br": true, "center": true, "code": true, "dd": true, "del": true, "details": true, "div": true, "dl": true,
	"dt": true, "em": true, "figcaption": true, "figure": true, "font": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true,
	"hr": true, "i": true, "iframe": true, "img": true, "ins": true, "kbd": true, "li": true, "mark": true, "ol": true, "p": true, "picture": true,
	"pre": true, "q": true, "s": true, "samp": true, "small": true, "source": true, "span": true, "strong": true, "sub": true, "summary": true,
	"sup": true, "table": true, "tbody": true, "td": true, "tfoot": true, "th": true, "thead": true, "tr": true, "tt": true, "u": true, "ul": true,
	"var": true, "video": true, "section": true, "aside": true, "article": true,
}

// tagEnd is the offset behind the tag at the beginning of s, 0 when there is no known one.
func tagEnd(s string) int {
	i := 1
	if i < len(s) && s[i] == '/' {
		i++
	}
	start := i
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] >= '1' && s[i] <= '6') {
		i++
	}
	if i == start || i >= len(s) || !tags[strings.ToLower(s[start:i])] {
		return 0
	}
	if c := s[i]; c != '>' && c != ' ' && c != '/' && c != '\n' {
		return 0
	}
	end := strings.IndexByte(s[i:min(len(s), i+2000)], '>')
	if end < 0 {
		return 0
	}
	return i + end + 1
}

// htmlBlocks are the elements that begin a block of HTML inside Markdown. One that is true runs to its end tag, the others to a blank line.
var htmlBlocks = map[string]bool{
	"table": true, "ul": true, "ol": true, "dl": true, "pre": true, "script": true, "style": true, "svg": true, "iframe": true, "figure": true,
	"p": false, "div": false, "h1": false, "h2": false, "h3": false, "h4": false, "h5": false, "h6": false, "center": false, "blockquote": false,
	"section": false, "article": false, "aside": false, "details": false, "summary": false, "nav": false, "header": false, "footer": false,
}

// htmlBlock is the name of the element that a line begins, if it begins a block of HTML.
func htmlBlock(line string) (name string, ok bool) {
	t := strings.TrimLeft(line, " \t")
	if !strings.HasPrefix(t, "<") {
		return "", false
	}
	end := 1
	for end < len(t) && end < 12 && wordByte(t[end]) {
		end++
	}
	name = strings.ToLower(t[1:end])
	_, ok = htmlBlocks[name]
	return name, ok
}

// html passes a block of HTML inside Markdown through the reader for HTML.
func (p *blockParser) html(lines []string, i *int) bool {
	if !p.markdown || p.buf.Len() > 0 {
		return false
	}
	name, ok := htmlBlock(lines[*i])
	if !ok {
		return false
	}
	last := *i
	if htmlBlocks[name] {
		for end := "</" + name; last < len(lines)-1 && last < *i+maxHTMLBlock && !p.unended[name] && !strings.Contains(strings.ToLower(lines[last]), end); {
			last++
		}
		if last == *i+maxHTMLBlock { // it never ends: believe this line only, and do not look again
			last = *i
			if p.unended == nil {
				p.unended = map[string]bool{}
			}
			p.unended[name] = true
		}
	} else {
		for last < len(lines)-1 && strings.TrimSpace(lines[last+1]) != "" && fenceMark(lines[last+1]) == "" {
			last++
		}
	}
	inner := blockParser{spaced: true}
	inner.lines(strings.Split(htmlToText(strings.Join(lines[*i:last+1], "\n")), "\n"))
	p.blocks = append(p.blocks, inner.blocks...)
	*i, p.blank = last, true
	return true
}

// maxHTMLBlock is how many lines a block without an end tag may have.
const maxHTMLBlock = 2000

// tagsOnly tells a line that is nothing but tags.
func tagsOnly(t string) bool {
	if !strings.HasPrefix(t, "<") {
		return false
	}
	for t != "" {
		n := 0
		if t[0] == '<' {
			n = tagEnd(t)
		}
		if n == 0 {
			return false
		}
		t = strings.TrimSpace(t[n:])
	}
	return true
}

// stripInline takes links, images, code ticks, emphasis, escapes and known tags off a Markdown paragraph and keeps its words.
func stripInline(s string) string {
	if !strings.ContainsAny(s, "[]`*_<\\{&~!") {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) && strings.IndexByte("\\`*_{}[]()#+-.!|<>~&:\"'/", s[i+1]) >= 0 {
				out.WriteByte(s[i+1])
				i += 2
				continue
			}
		case '`':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			if end := strings.Index(s[i+n:min(len(s), i+n+maxLink)], s[i:i+n]); end >= 0 {
				out.WriteString(strings.TrimSpace(s[i+n : i+n+end]))
				i += n + end + n
				continue
			}
			out.WriteString(s[i : i+n])
			i += n
			continue
		case '!':
			if i+1 < len(s) && s[i+1] == '[' {
				if _, end := link(s[i+1:]); end > 0 {
					i += 1 + end
					continue
				}
			}
		case '[':
			if strings.HasPrefix(s[i:], "[^") {
				if end := strings.IndexByte(s[i:min(len(s), i+20)], ']'); end > 0 {
					i += end + 1
					continue
				}
			}
			if label, end := link(s[i:]); end > 0 {
				out.WriteString(stripInline(label))
				i += end
				continue
			}
		case '*':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "*"))
			if n <= 3 && !(i > 0 && s[i-1] == ' ' && i+n < len(s) && s[i+n] == ' ') {
				i += n
				continue
			}
			out.WriteString(s[i : i+n])
			i += n
			continue
		case '_':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "_"))
			before := i == 0 || !wordByte(s[i-1])
			after := i+n >= len(s) || !wordByte(s[i+n])
			if n > 2 || before == after {
				out.WriteString(s[i : i+n])
			}
			i += n
			continue
		case '<':
			if strings.HasPrefix(s[i:], "<http") {
				if end := strings.IndexByte(s[i:min(len(s), i+maxLink)], '>'); end > 0 {
					out.WriteString(s[i+1 : i+end])
					i += end + 1
					continue
				}
			}
			if strings.HasPrefix(s[i:], "<!--") {
				if end := strings.Index(s[i:min(len(s), i+maxLink)], "-->"); end > 0 {
					i += end + 3
					continue
				}
			}
			if n := tagEnd(s[i:]); n > 0 {
				if strings.HasPrefix(s[i:], "<br") {
					out.WriteByte('\n')
				}
				i += n
				continue
			}
		case '{':
			if n := marker(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// marker is the length of a template mark ({{…}}, {%…%}, {#id}, {: .class}) at the beginning of s.
func marker(s string) int {
	for _, m := range [][2]string{{"{{", "}}"}, {"{%", "%}"}, {"{#", "}"}, {"{:", "}"}} {
		if strings.HasPrefix(s, m[0]) {
			if end := strings.Index(s[:min(len(s), 400)], m[1]); end > 0 {
				return end + len(m[1])
			}
		}
	}
	return 0
}

// maxLink bounds how far a link's parts are looked for, so that a text of brackets costs linear time.
const maxLink = 3000

// link reads [label](target), [label][ref] or [label] at the beginning of s; end is 0 when it is none. A bare [label] is one only when
// it does not look like an index: a[0] stays.
func link(s string) (label string, end int) {
	s = s[:min(len(s), maxLink)]
	depth, i := 0, 0
	for ; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		if s[i] == '[' {
			depth++
		} else if s[i] == ']' {
			if depth--; depth == 0 {
				break
			}
		}
		if depth > 8 {
			return "", 0
		}
	}
	if i >= len(s) {
		return "", 0
	}
	label, i = s[1:i], i+1
	if i < len(s) && s[i] == '(' {
		parens := 0
		for j := i; j < len(s); j++ {
			if s[j] == '(' {
				if parens++; parens > 8 {
					return "", 0
				}
			} else if s[j] == ')' {
				if parens--; parens == 0 {
					return label, j + 1
				}
			}
		}
		return "", 0
	}
	if i < len(s) && s[i] == '[' {
		if close := strings.IndexByte(s[i:], ']'); close > 0 {
			return label, i + close + 1
		}
	}
	return "", 0
}
