package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// startMark passes over a line that is nothing but a mark of MyST, MkDocs or Jekyll: a comment (`% not for readers`), a label
// (`(label)=`), the border of a cell (`+++ {…}`), a file to take in (`--8<-- "file"`), an abbreviation (`*[HTML]: …`), or the place for a table of
// contents (`* TOC` above `{:toc}`).
func (p *Parser) startMark(matched *int, start, at int, inParagraph bool) bool {
	if p.Settings.KeepTemplates {
		return false
	}
	why, ok := rule.Template, false
	switch line := trimRight(p.src[at:p.eol]); line[0] {
	case '%':
		ok = !inParagraph && len(line) > 1 && line[1] == ' ' && start > 0 // Pandoc's titles begin a document
	case '(':
		ok = isTarget(line)
	case '+':
		ok = string(line) == "+++" && !inParagraph && start > 0 || bytes.HasPrefix(line, []byte("+++ {")) && line[len(line)-1] == '}'
	case '-':
		ok = isSnippet(line)
	case '*':
		if ok = isAbbreviation(line); ok {
			why = rule.Definition
		} else {
			ok = p.isContents(line)
		}
	default:
		ok = p.isContents(line)
	}
	if !ok {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.Counts.Note(why, p.eol-at)
	p.ops = append(p.ops, op{kind: opBreak})
	p.consume()
	return true
}

// isTarget reports whether a line is a label of MyST, `(label)=`.
func isTarget(line []byte) bool {
	return len(line) > 3 && bytes.HasSuffix(line, []byte(")=")) && !bytes.ContainsAny(line[1:len(line)-2], " ()\t")
}

// isSnippet reports whether a line is a mark of PyMdown's snippets (https://facelessuser.github.io/pymdown-extensions/extensions/snippets/).
func isSnippet(line []byte) bool {
	n := run(line, '-')
	rest, ok := bytes.CutPrefix(line[n:], []byte("8<"))
	if !ok || n == 0 || len(rest) == 0 || rest[0] != '-' {
		return false
	}
	rest = trim(rest[run(rest, '-'):])
	return len(rest) == 0 || rest[0] == '"' || rest[0] == '\'' || rest[0] == '['
}

// isAbbreviation reports whether a line says what an abbreviation is short for (https://python-markdown.github.io/extensions/abbreviations/).
func isAbbreviation(line []byte) bool {
	if len(line) < 6 || line[1] != '[' {
		return false
	}
	n := bytes.IndexByte(line, ']')
	return n > 2 && n < maxLabel && n+1 < len(line) && line[n+1] == ':'
}

// isContents reports whether a line is an item whose place kramdown gives to a table of contents, by the mark on the next line.
func (p *Parser) isContents(line []byte) bool {
	if len(line) > 40 || len(line) < 3 {
		return false
	}
	at := p.eol
	for at < len(p.src) && (p.src[at] == '\r' || p.src[at] == '\n') && at-p.eol < 2 {
		at++
	}
	next, ok := bytes.CutPrefix(p.src[at:contentEnd(p.src, at)], []byte("{:"))
	if !ok {
		return false
	}
	next = trim(next)
	return bytes.HasPrefix(next, []byte("toc")) && len(next) > 3 && !isAlpha(next[3])
}

// startTableCaption begins the caption of a table in Pandoc's way, `: Words {#tbl-x}`, below the table or above it.
func (p *Parser) startTableCaption(matched *int, start, at int) bool {
	line := trimRight(p.src[at:p.eol])
	after := p.leaf.kind == table || p.leaf.kind == noLeaf && len(p.ops) > 0 && p.ops[len(p.ops)-1].kind == opTable
	if p.Settings.KeepTemplates || len(line) < 3 || line[1] != ' ' || p.leaf.kind != noLeaf && p.leaf.kind != table {
		return false
	}
	if !after && !(line[len(line)-1] == '}' && bytes.Contains(line, []byte("{#tbl"))) {
		return false
	}
	p.begin(matched, start)
	p.touch()
	p.leaf = leaf{kind: paragraph, from: len(p.lines), begin: start}
	p.addLine(at+1+len(line[1:])-len(trimLeft(line[1:])), p.eol)
	p.consume()
	return true
}

// isMarkdownTag reports whether a line is a start tag by whose attribute `markdown` what is in the element is read as Markdown
// (https://python-markdown.github.io/extensions/md_in_html/).
func isMarkdownTag(line []byte) bool {
	end := tagEnd(line, 0)
	if end == 0 || line[1] == '/' || !isBlankLine(line[end:]) {
		return false
	}
	at := bytes.Index(line[:end], []byte(" markdown"))
	if at < 0 {
		return false
	}
	switch line[at+len(" markdown")] {
	case '>', '=', ' ', '/':
		return true
	}
	return false
}
