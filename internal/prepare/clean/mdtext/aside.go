package mdtext

import (
	"bytes"
	"slices"

	"quarry/internal/prepare/clean/rule"
)

// startIndented begins what MkDocs indents below a mark: an admonition (`!!! note "Title"`), details (`??? note`) or a tab
// (`=== "Linux"`). The mark goes, its title is text, and the body is what is indented by four columns more
// (https://python-markdown.github.io/extensions/admonition/).
func (p *Parser) startIndented(matched *int, start, indent, at int) bool {
	if p.Settings.KeepTemplates || len(p.stack) >= maxDepth {
		return false
	}
	line := p.src[at:p.eol]
	from, to, sure, ok := indentedMark(line)
	if !ok || !sure && !p.indentedBelow(p.col+indent+4) {
		return false
	}
	p.begin(matched, start)
	p.Counts.Note(rule.Template, len(line)-(to-from))
	p.ops = append(p.ops, op{kind: opBreak})
	p.titleLine(at+from, at+to)
	p.consume()
	p.push(container{kind: aside, indent: 4}, matched)
	return false
}

// titleLine makes a piece of the source a paragraph of its own.
func (p *Parser) titleLine(from, to int) {
	if from < to {
		p.addLine(from, to)
		p.ops = append(p.ops, op{kind: opParagraph, lines: span{len(p.lines) - 1, len(p.lines)}}, op{kind: opBreak})
	}
}

// indentedMark reads a mark of MkDocs: where its title is, and whether it can be nothing else.
func indentedMark(line []byte) (from, to int, sure, ok bool) {
	line = trimRight(line)
	i := run(line, line[0])
	if i != 3 || i == len(line) {
		return 0, 0, false, false
	}
	tab := line[0] == '='
	for i < len(line) && (line[0] == '?' && line[i] == '+' || tab && (line[i] == '+' || line[i] == '!')) {
		i++
	}
	if tab && (i == len(line) || line[i] != ' ') {
		return 0, 0, false, false
	}
	for i < len(line) && line[i] == ' ' {
		i++
	}
	kind := i
	for i < len(line) && !tab && (isAlpha(line[i]) || line[i] >= '0' && line[i] <= '9' || line[i] == '-' || line[i] == '_' || line[i] == ' ' && i > kind) {
		i++
	}
	if i == len(line) {
		return 0, 0, slices.Contains(admonitions[:], string(bytes.ToLower(line[kind:]))), !tab && i > kind
	}
	if q := line[i]; (q != '"' && q != '\'') || line[len(line)-1] != q || len(line)-1 == i || line[0] == '!' && i == kind {
		return 0, 0, false, false
	}
	return i + 1, len(line) - 1, true, true
}

// admonitions are the kinds that MkDocs' themes know (https://squidfunk.github.io/mkdocs-material/reference/admonitions/).
var admonitions = [...]string{
	"note", "abstract", "summary", "tldr", "info", "todo", "tip", "hint", "important", "success", "check", "done", "question", "help", "faq",
	"warning", "caution", "attention", "failure", "fail", "missing", "danger", "error", "bug", "example", "quote", "cite", "seealso",
}

// indentedBelow reports whether the next line that is not blank is indented by so many columns.
func (p *Parser) indentedBelow(columns int) bool {
	for i := p.eol; i < len(p.src); {
		if p.src[i] == '\n' || p.src[i] == '\r' {
			i++
			continue
		}
		col := 0
		for ; i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t' || p.src[i] == '>'); i++ {
			if p.src[i] == '\t' {
				col += 3 - col%4
			}
			col++
		}
		if i < len(p.src) && (p.src[i] == '\n' || p.src[i] == '\r') {
			continue
		}
		return col >= columns
	}
	return false
}

// startDirective begins a directive of MyST whose body is prose, fenced with backticks: "```{note}"
// (https://mystmd.org/guide/syntax-overview). It ends with a fence of that length.
func (p *Parser) startDirective(matched *int, start, length int, line []byte) bool {
	name, from := directive(line[length:])
	if name == nil || !isProse(name) || p.Settings.KeepTemplates || len(p.stack) >= maxDepth {
		return false
	}
	at := p.eol - len(line)
	p.begin(matched, start)
	p.Counts.Note(rule.Template, len(line))
	p.ops = append(p.ops, op{kind: opBreak})
	if hasTitle(name) {
		p.titleLine(at+length+from, at+len(trimRight(line)))
	}
	p.consume()
	p.push(container{kind: fenced, mark: line[0], indent: length}, matched)
	p.options = true
	return true
}

// directive reads `{name} argument` after a fence, and gives where the argument begins.
func directive(info []byte) (name []byte, argument int) {
	i := len(info) - len(trimLeft(info))
	if i >= len(info) || info[i] != '{' {
		return nil, 0
	}
	end := bytes.IndexByte(info[i:], '}')
	if end < 2 {
		return nil, 0
	}
	name = info[i+1 : i+end]
	for _, c := range name {
		if !isAlpha(c) && (c < '0' || c > '9') && c != '-' && c != '_' && c != ':' {
			return nil, 0
		}
	}
	argument = i + end + 1
	return name, argument + len(info[argument:]) - len(trimLeft(info[argument:]))
}

// isProse reports whether the body of a directive is text and not code or a list of files.
func isProse(name []byte) bool {
	switch string(name) {
	case "note", "warning", "tip", "important", "caution", "attention", "hint", "danger", "error", "seealso", "admonition", "todo",
		"dropdown", "details", "tab-set", "tab-item", "tabs", "tab", "group-tab", "card", "card-carousel", "grid", "grid-item", "grid-item-card",
		"margin", "sidebar", "aside", "topic", "rubric", "epigraph", "pull-quote", "highlights", "blockquote", "container", "div", "hlist", "centered",
		"versionadded", "versionchanged", "deprecated", "figure", "table", "list-table", "glossary", "exercise", "exercise-start", "solution",
		"solution-start", "definition", "theorem", "lemma", "remark", "example", "abstract", "compound", "only", "panels":
		return true
	}
	return bytes.HasPrefix(name, []byte("prf:")) || bytes.HasPrefix(name, []byte("proof:"))
}

// isCodeDirective reports whether the body of a directive is code.
func isCodeDirective(name []byte) bool {
	switch string(name) {
	case "code", "code-block", "code-cell", "sourcecode", "literalinclude", "parsed-literal", "math", "mermaid", "graphviz", "raw", "eval-rst", "prompt":
		return true
	}
	return false
}

// hasTitle reports whether the argument of a directive is text.
func hasTitle(name []byte) bool {
	switch string(name) {
	case "figure", "grid", "container", "div", "only", "hlist", "solution", "solution-start", "tab-set", "tabs", "panels":
		return false
	}
	return true
}

// option passes over a line of a directive's options: `:class: tip` below its first line, or YAML between two `---`.
func (p *Parser) option() bool {
	_, at := p.indent()
	line := trimRight(p.src[at:p.eol])
	switch {
	case p.yaml:
		p.yaml = string(line) != "---"
		p.options = p.yaml
		p.Counts.Note(rule.Template, len(line))
		return true
	case string(line) == "---":
		p.yaml = true
		return true
	}
	if len(line) > 2 && line[0] == ':' && isAlpha(line[1]) {
		if n := bytes.IndexByte(line[1:], ':'); n > 0 && (n+2 == len(line) || line[n+2] == ' ') && bytes.IndexByte(line[1:n+1], ' ') < 0 {
			p.Counts.Note(rule.Template, len(line))
			return true
		}
	}
	p.options = false
	return false
}

// closesFence reports whether the line ends a fenced container.
func (p *Parser) closesFence(c *container, indent, at int) bool {
	if indent > 3 || at >= p.eol || p.src[at] != c.mark {
		return false
	}
	n := run(p.src[at:p.eol], c.mark)
	return n >= c.indent && isBlankLine(p.src[at+n:p.eol])
}

// startSlashes reads the marks of a block of PyMdown, `/// note | Title` and `///`
// (https://facelessuser.github.io/pymdown-extensions/extensions/blocks/).
func (p *Parser) startSlashes(matched *int, start, at int) bool {
	line := trimRight(p.src[at:p.eol])
	n := run(line, '/')
	if n < 3 || p.Settings.KeepTemplates {
		return false
	}
	rest := line[n:]
	kind, title, titled := bytes.Cut(rest, []byte("|"))
	kind = trim(kind)
	if len(rest) > 0 && (rest[0] != ' ' || len(kind) == 0 || len(tagName(append([]byte{'<'}, kind...))) != len(kind)) {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.Counts.Note(rule.Template, n)
	p.ops = append(p.ops, op{kind: opBreak})
	if titled && string(kind) != "html" && string(kind) != "define" {
		title = trim(title)
		from := at + len(line) - len(trimLeft(line[len(line)-len(title):]))
		p.titleLine(from, from+len(title))
	}
	p.consume()
	return false
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
