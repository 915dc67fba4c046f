package mdtext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// This file reads the marks in sentences that note takers and writers of books add to Markdown: Obsidian's links, highlights and
// names of blocks, MyST's roles, Pandoc's citations, and the keys of PyMdown.

// wikiLink reads a link of Obsidian and of wikis, `[[Page]]`, `[[Page#Heading]]` and `[[Page|words]]`, and what takes another note in,
// `![[note]]` (https://help.obsidian.md/links). It returns i where there is none.
func (p *Parser) wikiLink(b []byte, from, i int) int {
	open := i
	if b[i] == '!' {
		open++
	}
	if p.Settings.KeepTemplates || !bytes.HasPrefix(b[open:], []byte("[[")) || open == i && i > 0 && (isASCIIWord(b[i-1]) || b[i-1] == ']' || b[i-1] == ')') {
		return i
	}
	first := open + 2
	n := bytes.Index(b[first:min(len(b), first+maxLabel)], []byte("]]"))
	if n <= 0 {
		return i
	}
	inner, end := b[first:first+n], first+n+2
	if !isPage(inner) || end < len(b) && bytes.IndexByte([]byte("([]:"), b[end]) >= 0 {
		return i
	}
	if _, defined := p.refs[labelHash(inner)]; defined {
		return i
	}
	p.cut(from, i)
	if open > i {
		p.drop(i, end, rule.Reference)
		return end
	}
	words, to := first, first+n
	if at := bytes.LastIndexByte(inner, '|'); at >= 0 {
		words = first + at + 1
	} else if at := bytes.IndexByte(inner, '#'); at > 0 {
		to = first + at
	} else if at == 0 {
		words++
	}
	p.add(tokLink, i, i)
	p.add(tokText, words, to)
	return end
}

// isPage reports whether what is between double brackets can be the name of a page: `[[ -f x ]]` and `[[1, 2]]` are none.
func isPage(inner []byte) bool {
	if isBlank(inner[0]) || isBlank(inner[len(inner)-1]) || bytes.ContainsAny(inner, "[]\n`*") {
		return false
	}
	return bytes.IndexByte(inner, ',') < 0 || bytes.IndexFunc(inner, func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }) >= 0
}

// citation reads a citation of Pandoc, `[@doe2020, p. 3; @roe]`, whose words are in a list of works
// (https://pandoc.org/MANUAL.html#citation-syntax). It returns i where there is none.
func (p *Parser) citation(b []byte, from, i int) int {
	at := i + 1
	if at < len(b) && b[at] == '-' {
		at++
	}
	if p.Settings.KeepTemplates || b[i] != '[' || at+1 >= len(b) || b[at] != '@' || !isAlpha(b[at+1]) {
		return i
	}
	n := bytes.IndexByte(b[i:min(len(b), i+maxLabel)], ']')
	if n < 0 || bytes.ContainsAny(b[i+1:i+n], "[/") || i+n+1 < len(b) && bytes.IndexByte([]byte("([:"), b[i+n+1]) >= 0 {
		return i
	}
	if _, defined := p.refs[labelHash(b[i+1:i+n])]; defined {
		return i
	}
	p.cutBefore(b, from, i, i+n+1)
	p.drop(i, i+n+1, rule.Reference)
	return i + n + 1
}

// cutBefore makes the text before a mark that goes a token, without the blank where a full stop or nothing follows.
func (p *Parser) cutBefore(b []byte, from, i, end int) {
	if i > from && b[i-1] == ' ' && (end == len(b) || bytes.IndexByte([]byte(".,;:!?)"), b[end]) >= 0) {
		i--
	}
	p.cut(from, i)
}

// role reads a role of MyST, `{ref}`+"`words <target>`"+`, whose words stay (https://mystmd.org/guide/roles). Those of citations and of an index
// go. It returns i where there is none.
func (p *Parser) role(b []byte, from, i int) int {
	at := i + 1
	for at < len(b) && at-i < 40 && (isAlpha(b[at]) || b[at] == ':' || b[at] == '-' || b[at] == '_') {
		at++
	}
	if at == i+1 || at+2 >= len(b) || b[at] != '}' || b[at+1] != '`' || b[at+2] == '`' {
		return i
	}
	name, first := b[i+1:at], at+2
	n := bytes.IndexByte(b[first:min(len(b), first+maxMark)], '`')
	if n < 0 {
		return i
	}
	end := first + n + 1
	if bytes.HasPrefix(name, []byte("cite")) || string(name) == "index" {
		p.cutBefore(b, from, i, end)
		p.drop(i, end, rule.Reference)
		return end
	}
	p.cut(from, i)
	p.drop(i, first, rule.Template)
	words := b[first : first+n]
	if at := bytes.LastIndexByte(words, '<'); at > 0 && words[len(words)-1] == '>' {
		words = trimRight(words[:at])
	}
	p.add(tokCode, first, first+len(words))
	return end
}

// maxHighlight bounds the words of a highlight.
const maxHighlight = 512

// marked reads a pair of marks around words: a highlight, `==words==`, or keys of PyMdown, `++ctrl+alt++`. It returns i where there is none.
func (p *Parser) marked(b []byte, from, i int) int {
	if p.Settings.KeepTemplates || i+4 >= len(b) || b[i+1] != b[i] {
		return i
	}
	if i == p.pairEnd && i > 0 {
		p.cut(from, i)
		p.drop(i, i+2, rule.Template)
		p.pairEnd = 0
		return i + 2
	}
	if c := b[i+2]; p.pairEnd > i || c == b[i] || c <= ' ' || i > 0 && b[i-1] > ' ' && b[i-1] < 0x80 && bytes.IndexByte([]byte("(*_[~>"), b[i-1]) < 0 {
		return i
	}
	n := bytes.Index(b[i+2:min(len(b), i+2+maxHighlight)], b[i:i+2])
	if n <= 0 {
		return i
	}
	words, end := b[i+2:i+2+n], i+2+n
	if words[n-1] <= ' ' || end+2 < len(b) && (b[end+2] == b[i] || isASCIIWord(b[end+2])) || b[i] == '+' && !isKeys(words) {
		return i
	}
	p.cut(from, i)
	p.drop(i, i+2, rule.Template)
	p.pairEnd = end
	return i + 2
}

// isKeys reports whether words are names of keys with a plus between them.
func isKeys(words []byte) bool {
	for _, c := range words {
		if !isAlpha(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '_' && c != '"' {
			return false
		}
	}
	return true
}

// withoutBlockID takes Obsidian's name of a block off the end of a paragraph: `words ^37066d`. A number is a power.
func withoutBlockID(b []byte) []byte {
	at, letters := len(b)-1, false
	for ; at >= 0 && (isAlpha(b[at]) || b[at] >= '0' && b[at] <= '9' || b[at] == '-'); at-- {
		letters = letters || isAlpha(b[at])
	}
	if at < 0 || b[at] != '^' || !letters || len(b)-at < 4 || at > 0 && !isBlank(b[at-1]) && b[at-1] != '\n' {
		return b
	}
	return trimEnd(b[:at])
}
