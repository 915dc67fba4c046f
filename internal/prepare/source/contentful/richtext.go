package contentful

import (
	"encoding/json"
	"html"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/base/jsonl"
)

// node is one node of a rich text (https://www.contentful.com/developers/docs/concepts/rich-text/).
type node struct {
	NodeType string
	Value    string
	Marks    []struct{ Type string }
	Data     json.RawMessage
	Content  []node
}

const (
	maxDepth    = 200
	maxEmbedded = 8       // how deep entries may embed one another
	maxSpent    = 4 << 20 // bytes of entries, with all their locales, that one rich text may embed
)

var tags = map[string]string{
	"paragraph": "p", "ordered-list": "ol", "unordered-list": "ul", "list-item": "li", "blockquote": "blockquote", "hr": "hr",
	"table": "table", "table-row": "tr", "table-cell": "td", "table-header-cell": "th",
}

// writer writes rich texts of one locale as HTML.
type writer struct {
	out      strings.Builder
	embedded func() map[string][]byte // the fields of the file's embedded entries, by their ids
	locale   string
	open     []string // the ids of the entry itself and of those that are being embedded
	spent    int      // bytes of the entries that were embedded
}

// document writes a rich text, and reports false for a value that is none.
func (w *writer) document(v []byte) bool {
	if kind, ok := jsonl.Lookup(v, "nodeType"); !ok || string(kind) != `"document"` {
		return false
	}
	var doc node
	if json.Unmarshal(v, &doc) != nil {
		return false
	}
	w.node(&doc, 0)
	return true
}

func (w *writer) node(n *node, depth int) {
	if depth > maxDepth {
		return
	}
	switch n.NodeType {
	case "text":
		w.text(n)
		return
	case "embedded-entry-block", "embedded-resource-block":
		w.embed(n, false)
		return
	case "embedded-entry-inline", "embedded-resource-inline":
		w.embed(n, true)
		return
	}
	tag := tags[n.NodeType]
	if level, ok := strings.CutPrefix(n.NodeType, "heading-"); ok {
		if l, err := strconv.Atoi(level); err == nil && l >= 1 && l <= 6 {
			tag = "h" + level
		}
	}
	if tag != "" {
		w.out.WriteString("<" + tag + ">")
	}
	for i := range n.Content {
		w.node(&n.Content[i], depth+1)
	}
	if tag != "" && tag != "hr" {
		w.out.WriteString("</" + tag + ">")
	}
}

func (w *writer) text(n *node) {
	for _, m := range n.Marks {
		if m.Type == "code" {
			w.out.WriteString("<code>" + html.EscapeString(n.Value) + "</code>")
			return
		}
	}
	w.out.WriteString(escaped(n.Value))
}

func escaped(text string) string { return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") }

// embed writes the text of the entry that a node embeds. One that is not in the file leaves a mark, which the cleaner counts;
// so does one inside of itself, and what is deeper or longer than the bounds.
func (w *writer) embed(n *node, inline bool) {
	id := targetOf(n.Data)
	fields, ok := w.embedded()[id]
	if !ok || len(w.open) > maxEmbedded || slices.Contains(w.open, id) || w.spent+len(fields) > maxSpent {
		w.out.WriteString("<!-- contentful:entry " + strings.Map(idRune, id) + " -->")
		return
	}
	w.spent += len(fields)
	w.open = append(w.open, id)
	w.entry(fields, inline)
	w.open = w.open[:len(w.open)-1]
}

// targetOf gives the id of the entry that a node's data name.
func targetOf(data []byte) string {
	for _, name := range []string{"id", "urn"} {
		if v, ok := jsonl.Lookup(data, "target", "sys", name); ok && v[0] == '"' {
			return string(jsonl.Unescape(nil, v))
		}
	}
	return ""
}

// idRune keeps what an id may hold, so that it ends no comment.
func idRune(r rune) rune {
	if r == '.' || r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
		return r
	}
	return '_'
}

// parts are the names of the fields of an embedded entry that a reader sees, besides its title and its rich texts.
var parts = []string{
	"body", "content", "text", "article", "html", "markdown", "description", "subtitle", "intro", "summary", "caption", "quote", "question",
	"answer", "message", "label",
}

// entry writes what a reader sees of an embedded entry: its title, its rich texts and its texts; inside of a sentence the
// first of them.
func (w *writer) entry(fields []byte, inline bool) {
	wrote := false
	for _, name := range titles {
		if v := w.field(fields, name); len(v) > 2 && v[0] == '"' {
			w.words(v, inline)
			wrote = true
			break
		}
	}
	for raw := range jsonl.Members(fields) {
		name := string(jsonl.Unescape(nil, raw))
		v := w.field(fields, name)
		if inline && wrote || len(v) == 0 {
			continue
		}
		if v[0] == '"' && slices.Contains(parts, name) {
			w.words(v, inline)
			wrote = true
		} else if v[0] == '{' {
			wrote = w.document(v) || wrote
		}
	}
}

// field gives a field's value in the locale at hand, else in the first one that it has.
func (w *writer) field(fields []byte, name string) []byte {
	locales, ok := jsonl.Lookup(fields, name)
	if !ok {
		return nil
	}
	if v, ok := jsonl.Lookup(locales, w.locale); ok {
		return v
	}
	for _, v := range jsonl.Members(locales) {
		return v
	}
	return nil
}

// words writes a text. One with tags is HTML; of any other, empty lines end paragraphs.
func (w *writer) words(v []byte, inline bool) {
	text := string(jsonl.Unescape(nil, v))
	switch {
	case inline:
		w.out.WriteString(escaped(text))
	case strings.Contains(text, "</"):
		w.out.WriteString("<div>" + text + "</div>")
	default:
		for p := range strings.SplitSeq(text, "\n\n") {
			w.out.WriteString("<p>" + escaped(p) + "</p>")
		}
	}
}
