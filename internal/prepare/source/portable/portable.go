// Package portable makes HTML of Portable Text, the arrays of blocks that Sanity keeps texts in
// (https://www.portabletext.org/specification/).
//
// It owns what blocks, lists, spans and the blocks of a site's own become. It reads no files. What always holds: the words of
// a block stay, whatever its type; what refers to another document becomes a mark that the cleaner counts; nesting is bounded.
package portable

import (
	"bytes"
	"html"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/base/jsonl"
)

// maxDepth bounds how deep blocks nest; what is deeper is left out.
const maxDepth = 32

// Is reports whether a JSON value that was checked is Portable Text: an array whose first value is an object with a type. An
// empty array is an empty text.
func Is(value []byte) bool {
	if len(value) == 0 || value[0] != '[' {
		return false
	}
	for first := range jsonl.Elements(value) {
		_, ok := jsonl.Lookup(first, "_type")
		return first[0] == '{' && ok
	}
	return true
}

// AppendHTML writes Portable Text as HTML.
func AppendHTML(dst, value []byte) []byte {
	w := writer{out: dst}
	w.blocks(value, 0)
	return w.out
}

type writer struct {
	out   []byte
	lists []string // the tags of the open lists
}

func (w *writer) put(parts ...string) {
	for _, p := range parts {
		w.out = append(w.out, p...)
	}
}

func (w *writer) text(s string) {
	w.put(strings.ReplaceAll(html.EscapeString(s), "\n", "<br>"))
}

// blocks writes an array of blocks.
func (w *writer) blocks(value []byte, depth int) {
	if depth > maxDepth {
		return
	}
	outer := w.lists
	w.lists = nil
	for block := range jsonl.Elements(value) {
		kind := said(block, "_type")
		if kind == "block" || kind == "" && isArray(block, "children") {
			w.block(block, depth)
			continue
		}
		w.listTo(0, "")
		w.object(block, kind, depth)
	}
	w.listTo(0, "")
	w.lists = outer
}

// block writes a paragraph, a heading, a quotation or an item of a list.
func (w *writer) block(block []byte, depth int) {
	if item := said(block, "listItem"); item != "" {
		level := 1
		if v, ok := jsonl.Lookup(block, "level"); ok {
			if n, err := strconv.Atoi(string(v)); err == nil {
				level = min(max(n, 1), maxDepth)
			}
		}
		tag := "ul"
		if item == "number" {
			tag = "ol"
		}
		w.listTo(level, tag)
		w.put("<li>")
		w.children(block, depth)
		w.put("</li>")
		return
	}
	w.listTo(0, "")
	tag := "p"
	switch style := said(block, "style"); style {
	case "h1", "h2", "h3", "h4", "h5", "h6", "blockquote":
		tag = style
	}
	w.put("<", tag, ">")
	w.children(block, depth)
	w.put("</", tag, ">")
}

// listTo opens and closes lists until so many are open, the innermost with a tag.
func (w *writer) listTo(level int, tag string) {
	for len(w.lists) > level || level > 0 && len(w.lists) == level && w.lists[level-1] != tag {
		n := len(w.lists) - 1
		w.put("</", w.lists[n], ">")
		w.lists = w.lists[:n]
	}
	for len(w.lists) < level {
		w.put("<", tag, ">")
		w.lists = append(w.lists, tag)
	}
}

// children writes the spans of a block, and the objects between them.
func (w *writer) children(block []byte, depth int) {
	spans, _ := jsonl.Lookup(block, "children")
	for span := range jsonl.Elements(spans) {
		text, ok := jsonl.Lookup(span, "text")
		if kind := said(span, "_type"); kind != "span" && kind != "" || !ok {
			w.object(span, kind, depth+1)
			continue
		}
		if marked(span, "code") {
			w.put("<code>", html.EscapeString(unquote(text)), "</code>")
		} else {
			w.text(unquote(text))
		}
	}
}

// marked reports whether a span has a mark.
func marked(span []byte, mark string) bool {
	marks, _ := jsonl.Lookup(span, "marks")
	for m := range jsonl.Elements(marks) {
		if unquote(m) == mark {
			return true
		}
	}
	return false
}

// words are the names of members of a site's own blocks that hold what a reader sees, rather than an address or a setting.
var words = []string{
	"title", "heading", "headline", "subtitle", "subheading", "name", "label", "text", "content", "body", "description", "summary",
	"caption", "quote", "author", "attribution", "question", "answer", "term", "definition", "message", "intro", "note", "credit", "markdown",
}

// object writes a block of another type: an image, code, a table, or one of the site's own.
func (w *writer) object(value []byte, kind string, depth int) {
	if depth > maxDepth || len(value) == 0 || value[0] != '{' {
		return
	}
	switch kind {
	case "break", "hr", "divider", "horizontalRule", "pageBreak":
		w.put("<hr>")
		return
	case "html", "rawHtml", "embedHtml":
		if v := said(value, "html"); v != "" {
			w.put("<div>", v, "</div>")
			return
		}
	}
	if id := said(value, "_ref"); id != "" {
		w.put("<!-- sanity:reference ", strings.Map(idRune, id), " -->")
		return
	}
	if code, ok := jsonl.Lookup(value, "code"); ok && code[0] == '"' {
		w.put("<pre><code>", html.EscapeString(unquote(code)), "</code></pre>")
		return
	}
	if rows, ok := jsonl.Lookup(value, "rows"); ok && rows[0] == '[' {
		w.table(rows, depth)
		return
	}
	for name, v := range jsonl.Members(value) {
		if len(name) == 0 || name[0] == '_' || string(name) == "asset" || string(name) == "markDefs" {
			continue
		}
		w.member(strings.ToLower(string(name)), v, kind, depth)
	}
}

// member writes a member of a block of the site's own.
func (w *writer) member(name string, v []byte, kind string, depth int) {
	switch v[0] {
	case '"':
		if slices.Contains(words, name) {
			tag := "p"
			if name == "caption" || kind == "image" {
				tag = "figcaption"
			}
			w.put("<", tag, ">")
			w.text(unquote(v))
			w.put("</", tag, ">")
		}
	case '{':
		w.object(v, said(v, "_type"), depth+1)
	case '[':
		if Is(v) {
			w.blocks(v, depth+1)
			return
		}
		for inner := range jsonl.Elements(v) {
			w.object(inner, said(inner, "_type"), depth+1)
		}
	}
}

// table writes the rows of a table, whose cells are texts or Portable Text.
func (w *writer) table(rows []byte, depth int) {
	w.put("<table>")
	for row := range jsonl.Elements(rows) {
		w.put("<tr>")
		cells, _ := jsonl.Lookup(row, "cells")
		for cell := range jsonl.Elements(cells) {
			w.put("<td>")
			switch {
			case cell[0] == '"':
				w.text(unquote(cell))
			case cell[0] == '[':
				w.blocks(cell, depth+1)
			default:
				w.object(cell, said(cell, "_type"), depth+1)
			}
			w.put("</td>")
		}
		w.put("</tr>")
	}
	w.put("</table>")
}

// said gives a member that is a text; empty: there is none.
func said(obj []byte, name string) string {
	if v, ok := jsonl.Lookup(obj, name); ok {
		return unquote(v)
	}
	return ""
}

func unquote(v []byte) string {
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	return string(jsonl.Unescape(nil, v))
}

func isArray(obj []byte, name string) bool {
	v, ok := jsonl.Lookup(obj, name)
	return ok && bytes.HasPrefix(v, []byte{'['})
}

// idRune keeps what an id may hold, so that it ends no comment.
func idRune(r rune) rune {
	if r == '.' || r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
		return r
	}
	return '_'
}
