// Package contentful reads the JSON that `contentful space export` writes: the entries of a space.
//
// It owns the place of the entries and of their fields, which come once for each locale, and the rich text in them,
// which becomes HTML here. All else is the reader's of JSON objects.
//
// What always holds: an entry is one document, in the locale that most entries have or that `--field` names; entries
// of every content type are given, to be filtered by `sys.contentType.sys.id`.
package contentful

import (
	"encoding/json"
	"html"
	"strconv"
	"strings"

	"quarry/internal/jsonl"
	"quarry/internal/source/item"
	sourcejsonl "quarry/internal/source/jsonl"
	"quarry/internal/source/stream"
)

// Is reports whether a file's head is that of an export.
func Is(head []byte) bool {
	text := strings.TrimLeft(string(head[:min(len(head), 64<<10)]), "\ufeff \t\r\n")
	if !strings.HasPrefix(text, "{") {
		return false
	}
	first := strings.TrimLeft(text[1:], " \t\r\n")
	for _, name := range []string{
		`"contentTypes"`, `"entries"`, `"editorInterfaces"`, `"tags"`, `"locales"`, `"assets"`, `"webhooks"`, `"roles"`, `"concepts"`, `"conceptSchemes"`,
	} {
		if strings.HasPrefix(first, name) && strings.Contains(text, `"sys"`) {
			return true
		}
	}
	return false
}

// New gives the entries of an export as a source.
func New(file stream.File, cfg item.Config, index int) *sourcejsonl.Objects {
	return &sourcejsonl.Objects{File: file, Config: cfg, Index: index, Path: []string{"entries"}, Keys: keys, Convert: convert}
}

// The names that the fields of an article have, best first.
var (
	bodies = []string{"body", "content", "text", "article", "html", "markdown", "description"}
	titles = []string{"title", "headline", "name", "heading", "subject"}
)

// keys finds the locale and the fields that most entries have.
func keys(first [][]byte) item.Keys {
	locales := map[string]int{}
	for _, entry := range first {
		fields, _ := jsonl.Lookup(entry, "fields")
		for _, value := range jsonl.Members(fields) {
			for locale := range jsonl.Members(value) {
				locales[string(jsonl.Unescape(nil, locale))]++
			}
		}
	}
	locale, most := "en-US", 0
	for l, n := range locales {
		if n > most || (n == most && l < locale) {
			locale, most = l, n
		}
	}
	find := func(names []string) item.Path {
		for _, name := range names {
			for _, entry := range first {
				if v, ok := jsonl.Lookup(entry, "fields", name, locale); ok && v[0] == '"' {
					return item.Path{"fields", name, locale}
				}
			}
		}
		return nil
	}
	return item.Keys{ID: item.Path{"sys", "id"}, Title: find(titles), Body: find(bodies), URL: find([]string{"url", "canonicalUrl"})}
}

// convert writes an entry with its rich texts as HTML.
func convert(dst, entry []byte) []byte {
	dst = append(dst, '{')
	for name, value := range jsonl.Members(entry) {
		dst = member(dst, name)
		if string(name) != "fields" {
			dst = append(dst, value...)
			continue
		}
		dst = append(dst, '{')
		for field, locales := range jsonl.Members(value) {
			dst = member(dst, field)
			if locales[0] != '{' {
				dst = append(dst, locales...)
				continue
			}
			dst = append(dst, '{')
			for locale, v := range jsonl.Members(locales) {
				dst = member(dst, locale)
				if kind, ok := jsonl.Lookup(v, "nodeType"); !ok || string(kind) != `"document"` {
					dst = append(dst, v...)
					continue
				}
				var doc node
				if json.Unmarshal(v, &doc) != nil {
					dst = append(dst, v...)
					continue
				}
				var out strings.Builder
				doc.write(&out, 0)
				dst = jsonl.AppendString(dst, []byte(out.String()))
			}
			dst = append(dst, '}')
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func member(dst, name []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), name...), '"', ':')
}

// node is one node of a rich text (https://www.contentful.com/developers/docs/concepts/rich-text/).
type node struct {
	NodeType string
	Value    string
	Marks    []struct{ Type string }
	Content  []node
}

const maxDepth = 200

func (n node) write(out *strings.Builder, depth int) {
	if depth > maxDepth {
		return
	}
	if n.NodeType == "text" {
		for _, m := range n.Marks {
			if m.Type == "code" {
				out.WriteString("<code>" + html.EscapeString(n.Value) + "</code>")
				return
			}
		}
		out.WriteString(strings.ReplaceAll(html.EscapeString(n.Value), "\n", "<br>"))
		return
	}
	tag := tags[n.NodeType]
	if level, ok := strings.CutPrefix(n.NodeType, "heading-"); ok {
		if l, err := strconv.Atoi(level); err == nil && l >= 1 && l <= 6 {
			tag = "h" + level
		}
	}
	if tag != "" {
		out.WriteString("<" + tag + ">")
	}
	for _, c := range n.Content {
		c.write(out, depth+1)
	}
	if tag != "" && tag != "hr" {
		out.WriteString("</" + tag + ">")
	}
}

var tags = map[string]string{
	"paragraph": "p", "ordered-list": "ol", "unordered-list": "ul", "list-item": "li", "blockquote": "blockquote", "hr": "hr",
	"table": "table", "table-row": "tr", "table-cell": "td", "table-header-cell": "th",
}
