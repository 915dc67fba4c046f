package clean

import (
	"bytes"

	"quarry"
	"quarry/internal/prepare/clean/htmltext"
)

// mode says how a body is to be read: as its format says, or, when that is not said, as its content looks.
func (c *Cleaner) mode(f quarry.Format, body []byte) string {
	if c.cfg.Format != quarry.FormatUnknown {
		f = c.cfg.Format
	}
	switch f {
	case quarry.FormatMarked:
		if !isPage(body) && isMarkdown(body) {
			return ModeMarkdown
		}
		return c.mode(quarry.FormatHTML, body)
	case quarry.FormatMarkdown:
		return ModeMarkdown
	case quarry.FormatText:
		return ModeText
	case quarry.FormatHTML:
		if c.cfg.As == AsPage || c.cfg.As != AsBody && isPage(body) {
			return ModePage
		}
		return ModeHTML
	case quarry.FormatPage:
		if c.cfg.As == AsBody {
			return ModeHTML
		}
		return ModePage
	}
	if isPage(body) {
		if c.cfg.As == AsBody {
			return ModeHTML
		}
		return ModePage
	}
	switch m := sniff(body); {
	case m == ModeHTML && c.cfg.As == AsPage:
		return ModePage
	default:
		return m
	}
}

// isPage reports whether HTML is a whole page: it begins with a doctype, <html>, <head> or <body>.
func isPage(b []byte) bool {
	for {
		b = bytes.TrimLeft(b, " \t\r\n\f")
		if !bytes.HasPrefix(b, []byte("<!--")) && !bytes.HasPrefix(b, []byte("<?xml")) {
			break
		}
		n := bytes.IndexByte(b, '>')
		if bytes.HasPrefix(b, []byte("<!--")) {
			if n = bytes.Index(b, []byte("-->")); n >= 0 {
				n += 2
			}
		}
		if n < 0 {
			return false
		}
		b = b[n+1:]
	}
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<body"} {
		if len(b) > len(tag) && bytes.EqualFold(b[:len(tag)], []byte(tag)) && (b[len(tag)] == '>' || b[len(tag)] <= ' ') {
			return true
		}
	}
	return false
}

// sniffLength is how much of a body is looked at to tell its format.
const sniffLength = 64 << 10

// certainMarks are as many marks as a body of HTML without paragraphs and headings does not have.
const certainMarks = 8

// sniff tells HTML, Markdown and text apart by their marks. Code is full of both, so fenced code does not count, and an
// end tag of a block weighs more than any other mark.
func sniff(body []byte) string {
	body = body[:min(len(body), sniffLength)]
	if frontMatterMark(body) {
		return ModeMarkdown
	}
	if bytes.Contains(body, []byte("<!-- wp:")) {
		return ModeHTML
	}
	tags, marks, _ := evidence(body)
	switch {
	case tags > 0 && tags >= marks && (tagged(body) || marks < certainMarks):
		return ModeHTML
	case marks > 0:
		return ModeMarkdown
	}
	return ModeText
}

// tagged reports whether a body has the tags of paragraphs or headings. Markdown holds HTML, figures and tables of it; but
// these it would not write as tags.
func tagged(body []byte) bool {
	return bytes.Contains(body, []byte("</p>")) || bytes.Contains(body, []byte("</h"))
}

// isMarkdown reports whether a body that its source takes for HTML is Markdown: it has marks that do not occur in HTML
// (a heading, a fence with its end, a link or an image), and more marks than tags.
func isMarkdown(body []byte) bool {
	body = body[:min(len(body), sniffLength)]
	if bytes.Contains(body, []byte("<!-- wp:")) {
		return false
	}
	if frontMatterMark(body) {
		return true
	}
	tags, marks, sure := evidence(body)
	if !tagged(body) {
		return sure > 0 && 3*marks > tags // lists, figures and tables as HTML, between paragraphs that are none
	}
	return sure > 0 && marks > tags
}

func frontMatterMark(body []byte) bool {
	return bytes.HasPrefix(body, []byte("---\n")) || bytes.HasPrefix(body, []byte("+++\n")) || bytes.HasPrefix(body, []byte("---\r\n"))
}

// evidence counts the tags of a body and its marks of Markdown, and how many of the marks leave no doubt. What is in fences
// and in elements of code does not count.
func evidence(body []byte) (tags, marks, sure int) {
	fence, inCode := byte(0), false
	for line := range bytes.Lines(body) {
		line = bytes.TrimSpace(line)
		if !inCode && (bytes.HasPrefix(line, []byte("```")) || bytes.HasPrefix(line, []byte("~~~"))) {
			switch fence {
			case 0:
				fence = line[0]
			case line[0]:
				fence = 0
				sure++
			}
			marks += 3
			continue
		}
		if fence != 0 {
			continue
		}
		if inCode {
			if inCode = !codeTag(line, "</"); inCode {
				continue
			}
		}
		tags += tagsIn(line) + referencesIn(line)
		if codeTag(line, "<") {
			inCode = !codeTag(line, "</")
			continue
		}
		n := marksIn(line)
		if codes := htmltext.ShortcodesIn(line); codes > 0 {
			tags += 2 * codes
			n -= bytes.Count(line, []byte("][")) // they follow one another directly
		}
		marks += n
		if len(line) > 4 && line[0] == '|' && len(bytes.Trim(line, "|-: ")) == 0 { // below a table's header
			sure++
		}
		if n >= headingMarks && line[0] == '#' || bytes.Contains(line, []byte("](http")) || n > 0 && line[0] == '[' && bytes.Contains(line, []byte("]: http")) || bytes.Contains(line, []byte("![")) && bytes.Contains(line, []byte("](")) {
			sure++
		}
	}
	return tags, marks, sure
}

// codeTag reports whether a line begins (or, with "</", ends) an element whose text is code.
func codeTag(line []byte, open string) bool {
	for _, name := range [...]string{"pre", "textarea", "script", "style"} {
		if n := bytes.Index(line, []byte(open+name)); n >= 0 {
			if rest := line[n+len(open)+len(name):]; len(rest) == 0 || rest[0] == '>' || rest[0] == ' ' {
				return true
			}
		}
	}
	return false
}

// headingMarks is for how many marks a heading counts.
const headingMarks = 5

// blockTag reports whether an element is one of those that every body of HTML is made of, and Markdown has marks for.
func blockTag(name []byte) bool {
	switch string(name) {
	case "p", "P", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol", "blockquote", "pre":
		return true
	}
	return false
}

// tagsIn counts the tags of HTML that a line of prose would not hold. The end tag of a block counts for three.
func tagsIn(line []byte) int {
	n := 0
	for {
		at := bytes.IndexByte(line, '<')
		if at < 0 || at+2 >= len(line) {
			return n
		}
		if at > 0 && line[at-1] == '`' {
			line = line[at+1:]
			continue
		}
		line = line[at+1:]
		if bytes.HasPrefix(line, []byte("!--")) {
			n++
			continue
		}
		end := line[0] == '/'
		name := line
		if end {
			name = line[1:]
		}
		length := 0
		for length < len(name) && (name[length]|0x20 >= 'a' && name[length]|0x20 <= 'z' || name[length] >= '0' && name[length] <= '9') {
			length++
		}
		if length == 0 || length >= len(name) || name[length] != '>' && name[length] != ' ' && name[length] != '/' {
			continue
		}
		switch {
		case !htmltext.Known(name[:length]):
		case end && blockTag(name[:length]):
			n += 3
		default:
			n++
		}
	}
}

// referencesIn counts the character references that only HTML would need: in Markdown, people type the characters.
func referencesIn(line []byte) int {
	n := 0
	for _, ref := range [...]string{"&nbsp;", "&amp;", "&quot;", "&#8217;", "&#8211;", "&#8230;", "&rsquo;", "&hellip;", "&lt;"} {
		if bytes.Contains(line, []byte(ref)) {
			n++
		}
	}
	return n
}

// marksIn counts the marks of Markdown in a line.
func marksIn(line []byte) int {
	n := 0
	switch {
	case len(line) == 0:
		return 0
	case line[0] == '#':
		if h := bytes.TrimLeft(line, "#"); len(line)-len(h) <= 6 && len(h) > 0 && h[0] == ' ' {
			n += headingMarks
		}
	case len(line) > 2 && (line[0] == '-' || line[0] == '*' || line[0] == '+') && line[1] == ' ':
		n++
	case line[0] == '>' && len(line) > 1 && line[1] == ' ':
		n++
	case line[0] == '|' && line[len(line)-1] == '|':
		n++
	}
	for _, mark := range [...]string{"](", "][", "]: http", "**", "`"} {
		n += bytes.Count(line, []byte(mark))
	}
	return n
}
