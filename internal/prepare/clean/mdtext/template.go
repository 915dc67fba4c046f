package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// startTemplate passes over a line that is nothing but template marks: `{% include x %}`, `{{< note >}}`, `{#id}`. A mark
// that is not closed on its line may continue over the next ones.
func (p *Parser) startTemplate(matched *int, start, at int) bool {
	line := p.src[at:p.eol]
	if len(line) < 3 || p.Settings.KeepTemplates {
		return false
	}
	rest := line
	for len(rest) > 0 && rest[0] == '{' {
		end := p.markOnly(rest)
		if end == 0 {
			break
		}
		rest = trimLeft(rest[end:])
	}
	if len(rest) > 0 {
		return p.startLongTemplate(matched, start, rest)
	}
	p.begin(matched, start)
	p.touch()
	p.countMarks(line, at)
	if p.endsOfBodies(line, start); p.leaf.kind == noLeaf {
		p.captionLines(at, p.eol)
	}
	p.consume()
	return false
}

// endsOfBodies ends the block for a line of marks. `{% comment %}` and `{% highlight %}` open a body that goes with them.
func (p *Parser) endsOfBodies(line []byte, start int) {
	if n := bodyOf(line); n >= 0 && p.findBody(n, start) {
		word := bodyWords[n]
		p.leaf = leaf{kind: templateBody, from: len(p.lines), begin: start, end: word}
		if bytes.Contains(line, []byte(word)) {
			p.closeLeaf(p.eol)
		}
		return
	}
	p.Counts.Note(rule.Template, len(line))
	p.ops = append(p.ops, op{kind: opBreak})
}

// bodyWords end the bodies of marks whose bodies are no text.
var bodyWords = [...]string{"endcomment", "/comment", "endhighlight", "/highlight", "endcodeblock", "endcapture", ":/comment}", "%%"}

// findBody reports whether the word that ends a body is after a place. Where it was found is remembered, so that a
// flood of marks costs one search.
func (p *Parser) findBody(n, start int) bool {
	if p.bodies[n] < 0 || p.bodies[n] > start {
		return p.bodies[n] > start
	}
	at := bytes.Index(p.src[start:], []byte(bodyWords[n]))
	if at < 0 {
		p.bodies[n] = -1
		return false
	}
	p.bodies[n] = start + at
	return true
}

// bodyOf is the number of the word that ends the body which a line of marks begins, or -1.
func bodyOf(line []byte) int {
	double := bytes.HasPrefix(line, []byte("{{"))
	switch inner := bytes.TrimSpace(bytes.TrimLeft(line, "{%<-")); {
	case bytes.HasPrefix(inner, []byte("comment")) && double:
		return 1
	case bytes.HasPrefix(inner, []byte("comment")):
		return 0
	case bytes.HasPrefix(inner, []byte("highlight")) && double:
		return 3
	case bytes.HasPrefix(inner, []byte("highlight")):
		return 2
	case bytes.HasPrefix(inner, []byte("codeblock")):
		return 4
	case bytes.HasPrefix(inner, []byte("capture ")):
		return 5
	case bytes.HasPrefix(inner, []byte("::comment}")):
		return 6
	}
	return -1
}

// startLongTemplate begins a mark over several lines.
func (p *Parser) startLongTemplate(matched *int, start int, rest []byte) bool {
	end := ""
	switch {
	case len(rest) < 2:
	case bytes.HasPrefix(rest, []byte("{%")):
		end = "%}"
	case bytes.HasPrefix(rest, []byte("{{<")):
		end = ">}}"
	case bytes.HasPrefix(rest, []byte("{{%")):
		end = "%}}"
	case bytes.HasPrefix(rest, []byte("{#")) && (len(rest) == 2 || rest[2] == ' '):
		end = "#}"
	}
	if end == "" || bytes.Contains(rest[2:], []byte(end)) {
		return false // text follows the mark on its line, or there is no mark
	}
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: template, from: len(p.lines), begin: start, end: end}
	p.addLine(p.pos, p.eol)
	p.consume()
	return false
}

// markOnly returns the length of the template mark at the start of b when it leaves no text but a title; 0 otherwise.
func (p *Parser) markOnly(b []byte) int {
	end := braceMarkEnd(b, 0)
	if end == 0 {
		return 0
	}
	if from, to := braceText(b[:end]); from < to {
		return 0
	}
	return end
}

// brace reads '{': a template mark, a JSX comment, attributes, or text.
func (p *Parser) brace(b []byte, from, i int) int {
	if p.Settings.KeepTemplates {
		return i
	}
	if end := p.role(b, from, i); end > i {
		return end
	}
	end := braceMarkEnd(b, i)
	if end == 0 {
		return i
	}
	if isBranch(b[i:end]) {
		p.cut(from, i)
		p.add(tokBlank, i, i)
		p.drop(i, end, rule.Template)
		return end
	}
	end = bodyMarkEnd(b, i, end)
	p.cut(from, i)
	if keepFrom, keepTo := braceText(b[i:end]); keepFrom < keepTo {
		p.add(tokText, i+keepFrom, i+keepTo)
		return end
	}
	if p.captions(b, i, end) {
		return end
	}
	p.drop(i, end, rule.Template)
	return end
}

// isBranch reports whether a mark begins another branch of a condition, whose words are apart from those of the branch before.
func isBranch(mark []byte) bool {
	inner := bytes.TrimLeft(mark, "{%<- ")
	return hasWord(inner, "else") || hasWord(inner, "elsif") || hasWord(inner, "elif") || hasWord(inner, "when")
}

// hasWord reports whether b begins with a word that something else follows.
func hasWord(b []byte, word string) bool {
	rest, ok := bytes.CutPrefix(b, []byte(word))
	return ok && len(rest) > 0 && (rest[0] == '%' || !isASCIIWord(rest[0]))
}

// bodyMarkEnd returns where the body ends that a mark inside of a sentence begins and that is no text, such as
// `{% comment %}not {% endcomment %}`; the end of the mark itself where it begins none.
func bodyMarkEnd(b []byte, i, end int) int {
	n := bodyOf(b[i:end])
	if n < 0 {
		return end
	}
	rest := b[end:min(len(b), end+2*maxMark)]
	at := bytes.Index(rest, []byte(bodyWords[n]))
	if at < 0 {
		return end
	}
	stop := bytes.IndexByte(rest[at:], '}')
	if stop < 0 {
		return end
	}
	for end += at + stop + 1; end < len(b) && b[end] == '}'; end++ {
	}
	return end
}

// percent reads a comment of Obsidian, `%%not for readers%%`.
func (p *Parser) percent(b []byte, from, i int) int {
	if i+3 >= len(b) || b[i+1] != '%' || p.Settings.KeepTemplates {
		return i
	}
	n := bytes.Index(b[i+2:min(len(b), i+maxMark)], []byte("%%"))
	if n < 1 || i > 0 && b[i-1] > ' ' && isASCIIWord(b[i-1]) {
		return i
	}
	p.cut(from, i)
	p.drop(i, i+n+4, rule.Template)
	return i + n + 4
}

func isASCIIWord(c byte) bool { return isAlpha(c) || c >= '0' && c <= '9' || c == '%' }

// startPercent passes over a comment of Obsidian over several lines, between two lines of `%%`.
func (p *Parser) startPercent(matched *int, start, at int) bool {
	if p.Settings.KeepTemplates || string(trimRight(p.src[at:p.eol])) != "%%" || !p.findBody(len(bodyWords)-1, p.eol) {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: templateBody, from: len(p.lines), begin: start, end: "%%"}
	p.consume()
	return false
}

// maxMark bounds a template mark.
const maxMark = 2048

// braceMarkEnd returns where the template mark at i ends; 0 when what is there is text.
func braceMarkEnd(b []byte, i int) int {
	if i+2 >= len(b) {
		return 0
	}
	switch b[i+1] {
	case '`':
		return closeMark(b, i, "`}") // code in a component of JSX
	case '%':
		return closeMark(b, i, "%}")
	case '{':
		switch b[i+2] {
		case '<':
			return closeMark(b, i, ">}}")
		case '%':
			return closeMark(b, i, "%}}")
		}
		if end := closeMark(b, i, "}}"); end > 0 && templateCode(b[i+2:end-2]) {
			return end
		}
		return 0
	case '/':
		if b[i+2] == '*' {
			return closeMark(b, i, "*/}")
		}
	case ':':
		if end := closeMark(b, i, "}"); end > 0 && (i == 0 || b[i+2] == '/' || b[i+2] == ':' || b[i-1] <= ' ' || bytes.IndexByte([]byte(")*`_]\""), b[i-1]) >= 0) {
			return end
		}
	case '#':
		end := closeMark(b, i, "#}")
		if b[i+2] == ' ' || b[i+2] == '-' || b[i+2] == '\n' || end > 0 && bytes.IndexByte(b[i:end-1], '}') < 0 {
			return end
		}
		return nameEnd(b, i)
	}
	return 0
}

// nameEnd returns where the attributes end that name what ends with them, at the end of a line: `{#eq-x .class}`.
func nameEnd(b []byte, i int) int {
	line := b[i:min(len(b), i+128)]
	n := bytes.IndexByte(line, '}')
	if n < 3 || !isAlpha(b[i+2]) || bytes.IndexByte(line[:n], '\n') >= 0 || i > 0 && b[i-1] > ' ' {
		return 0
	}
	if end := i + n + 1; end == len(b) || b[end] == '\n' {
		return end
	}
	return 0
}

func closeMark(b []byte, i int, end string) int {
	n := bytes.Index(b[i+2:min(len(b), i+maxMark)], []byte(end))
	if n < 0 {
		return 0
	}
	return i + 2 + n + len(end)
}

// templateCode reports whether what is in double braces is a macro or a statement, rather than a word that the author
// may mean as it is (`{{ message }}`).
func templateCode(inner []byte) bool {
	inner = bytes.TrimSpace(bytes.Trim(inner, "-"))
	if bytes.HasPrefix(inner, []byte("/*")) {
		return true
	}
	if len(inner) == 0 || bytes.IndexByte(inner, '\n') >= 0 && bytes.IndexByte(inner, '(') < 0 {
		return false
	}
	word := inner
	for n, c := range inner {
		if !isAlpha(c) && c != '_' && c != '-' && (c < '0' || c > '9') {
			word = inner[:n]
			break
		}
	}
	if len(word) == 0 {
		return inner[0] == '/' || inner[0] == '$'
	}
	rest := bytes.TrimSpace(inner[len(word):])
	if len(rest) > 0 && rest[0] == '(' && rest[len(rest)-1] == ')' {
		return true // KumaScript, Nunjucks
	}
	switch string(word) {
	case "raw", "end", "endraw", "else", "endif", "endfor":
		return true
	case "if", "range", "define", "template", "with", "block", "code", "video", "image", "play", "include", "partial", "iframe", "backquote", "figure":
		return len(rest) > 0
	case "site", "page", "include_cached":
		return len(rest) > 0 && rest[0] == '.'
	}
	return false
}

// braceText finds the words that a template mark stands for: the name in a cross reference (`{{domxref("Window")}}`).
func braceText(mark []byte) (from, to int) {
	if !bytes.HasPrefix(mark, []byte("{{")) {
		return 0, 0
	}
	if mark[2] == '<' || mark[2] == '%' {
		return 0, 0
	}
	open := bytes.IndexByte(mark, '(')
	if open < 0 || !crossReference(bytes.TrimSpace(mark[2:open])) {
		return 0, 0
	}
	// The second argument, where there is one, is the text of the link.
	for n, i := 0, open+1; n < 2; n++ {
		q := bytes.IndexAny(mark[i:], `"'`)
		if q < 0 {
			break
		}
		i += q
		end := bytes.IndexByte(mark[i+1:], mark[i])
		if end < 0 {
			break
		}
		if end > 0 {
			from, to = i+1, i+1+end
		}
		i += end + 2
	}
	return from, to
}

func crossReference(name []byte) bool {
	var buf [16]byte
	if len(name) > len(buf) {
		return false
	}
	lower := buf[:len(name)]
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	if bytes.HasSuffix(lower, []byte("xref")) {
		return true
	}
	switch string(lower) {
	case "htmlelement", "svgelement", "mathmlelement", "glossary", "httpheader", "httpmethod", "httpstatus", "svgattr",
		"htmlattrdef", "event", "interface", "bug", "rfc", "webextapiref", "csp":
		return true
	}
	return false
}

// startColon reads `:::` marks, the containers of VitePress, Zenn, Docs and Docusaurus, and definitions.
func (p *Parser) startColon(matched *int, start, at int) bool {
	line := p.src[at:p.eol]
	n := run(line, ':')
	if n == 1 && p.startTableCaption(matched, start, at) {
		return false
	}
	if n < 3 {
		return p.startDefinition(matched, start, at, n)
	}
	if p.Settings.KeepTemplates {
		return false
	}
	p.begin(matched, start)
	p.touch()
	name, argument := directive(line[n:])
	if name != nil && isCodeDirective(name) {
		p.leaf = leaf{kind: fence, from: len(p.lines), begin: start, mark: ':', length: n}
		return false
	}
	p.Counts.Note(rule.Template, len(line))
	p.ops = append(p.ops, op{kind: opBreak})
	switch {
	case name == nil:
		from, to := containerTitle(line[n:])
		p.titleLine(at+n+from, at+n+to)
	case isProse(name) && hasTitle(name):
		p.titleLine(at+n+argument, at+len(trimRight(line)))
	}
	p.options = name != nil
	p.consume()
	return false
}

// containerTitle finds the title in what follows `:::`: the words after the container's kind.
func containerTitle(rest []byte) (from, to int) {
	if n := bytes.Index(rest, []byte(` title="`)); n >= 0 && bytes.IndexByte(rest, '{') >= 0 { // Quarto's callouts
		from = n + len(` title="`)
		if n := bytes.IndexByte(rest[from:], '"'); n > 0 {
			return from, from + n
		}
	}
	if bytes.HasSuffix(trim(rest), []byte(":::")) || bytes.IndexByte(rest, '=') >= 0 {
		return 0, 0
	}
	i := len(rest) - len(trimLeft(rest))
	for i < len(rest) && rest[i] != ' ' && rest[i] != '\t' && rest[i] != '[' && rest[i] != '{' {
		i++
	}
	title := trim(rest[i:])
	if n := bytes.IndexByte(title, '{'); n >= 0 {
		title = trim(title[:n])
	}
	if len(title) > 1 && title[0] == '[' && title[len(title)-1] == ']' {
		title = title[1 : len(title)-1]
	}
	if len(title) == 0 || string(title) == "alert" {
		return 0, 0
	}
	from = i + bytes.Index(rest[i:], title)
	return from, from + len(title)
}

// startDefinition begins the text of a definition list's entry, `: text`, below its term.
func (p *Parser) startDefinition(matched *int, start, at, colons int) bool {
	if colons != 1 || p.leaf.kind != paragraph || *matched < len(p.stack) || p.started {
		return false
	}
	line := p.src[at:p.eol]
	if len(line) < 3 || line[1] != ' ' && line[1] != '\t' {
		return false
	}
	p.begin(matched, start)
	p.pos = at + 1
	p.leaf = leaf{kind: paragraph, from: len(p.lines), begin: start}
	_, text := p.indent()
	p.addLine(text, p.eol)
	p.consume()
	return false
}
