// Package ghost reads the JSON that Ghost exports: the posts and pages of a site.
//
// It owns the place of the posts in the file and the text of posts that hold no HTML: Lexical and Mobiledoc, the two
// forms of Ghost's editors, become HTML here. All else is the reader's of JSON objects.
//
// What always holds: a post's HTML is taken as Ghost made it where there is one; posts that are published for everybody are given,
// of every type, and others where a condition on status or visibility asks for them.
package ghost

import (
	"encoding/json"
	"html"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/stream"
)

// Wrapped is where the posts are in an export of today; Bare where they are without the list around it.
var (
	wrapped = []string{"db", sourcejsonl.Each, "data", "posts"}
	bare    = []string{"data", "posts"}
)

// Is reports whether a file's head is that of an export.
func Is(head []byte) bool {
	return path(head) != nil
}

func path(head []byte) []string {
	// Keys in order: {"db":[{"meta":{"exported_on":…,"version":…},"data":{…, or the same without db.
	text := strings.TrimLeft(string(head[:min(len(head), 4096)]), "\ufeff \t\r\n")
	squeezed := strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "").Replace(text)
	switch {
	case strings.HasPrefix(squeezed, `{"db":[{`) &&
		(strings.Contains(squeezed, `"exported_on"`) || strings.Contains(squeezed, `"data":{`) && ownNames(string(head))):
		return wrapped
	case strings.HasPrefix(squeezed, `{"meta":{`) && strings.Contains(squeezed, `"exported_on"`):
		return bare
	}
	return nil
}

// ownNames reports whether a head has names that posts have in Ghost. Others too nest their lists so.
func ownNames(head string) bool {
	for _, name := range []string{`"mobiledoc"`, `"lexical"`, `"comment_id"`, `"html"`, `"version"`} {
		if strings.Contains(head, name) {
			return true
		}
	}
	return false
}

// New gives the posts of an export as a source. The head decides where they are.
func New(file stream.File, head []byte, cfg item.Config, index int) *sourcejsonl.Objects {
	p := path(head)
	if p == nil {
		p = wrapped
	}
	if cfg.LeaveOut == nil {
		cfg.LeaveOut = leaveOut(cfg)
	}
	return &sourcejsonl.Objects{
		File: file, Config: cfg, Index: index, Path: p,
		Keys:    func([][]byte) item.Keys { return Keys() },
		Convert: Convert,
	}
}

// Keys says where the parts of a post are.
func Keys() item.Keys {
	return item.Keys{
		ID: item.Path{"id"}, Title: item.Path{"title"}, Body: item.Path{"html"}, Lang: item.Path{"locale"}, BodyFormat: quarry.FormatHTML,
	}
}

// leaveOut says which posts are left out: those that were not published, and those that are not for everybody, each unless a condition
// is on the field that says so.
func leaveOut(cfg item.Config) func(post []byte) (note.Kind, string) {
	states, readers := !cfg.Asks("status"), !cfg.Asks("visibility")
	return func(post []byte) (note.Kind, string) {
		status, visibility := said(post, "status"), said(post, "visibility")
		var label, conditions []string
		if states && status != "" && status != "published" {
			label, conditions = append(label, status), append(conditions, "status="+status)
		}
		if readers && visibility != "" && visibility != "public" {
			label, conditions = append(label, "for "+visibility), append(conditions, "visibility="+visibility)
		}
		return note.Unpublished, note.Reached(strings.Join(label, " "), conditions...)
	}
}

func said(post []byte, name string) string {
	v, ok := jsonl.Lookup(post, name)
	if !ok || !isText(v) {
		return ""
	}
	return string(jsonl.Unescape(nil, v))
}

// Convert writes a post with its text as HTML and without the editors' forms of it.
func Convert(dst, post []byte) []byte {
	var text, lexical, mobiledoc []byte
	dst = append(dst, '{')
	for name, value := range jsonl.Members(post) {
		switch string(name) {
		case "html":
			text = value
		case "lexical":
			lexical = value
		case "mobiledoc":
			mobiledoc = value
		case "plaintext":
		default:
			dst = append(append(append(comma(dst), '"'), name...), '"', ':')
			dst = append(dst, value...)
		}
	}
	if isText(text) {
		dst = append(append(comma(dst), `"html":`...), text...)
	} else if rendered, ok := render(lexical, mobiledoc); ok {
		dst = append(comma(dst), `"html":`...)
		dst = jsonl.AppendString(dst, []byte(rendered))
	}
	return append(dst, '}')
}

func comma(dst []byte) []byte {
	if dst[len(dst)-1] != '{' {
		return append(dst, ',')
	}
	return dst
}

func isText(v []byte) bool { return len(v) > 2 && v[0] == '"' }

func render(lexical, mobiledoc []byte) (string, bool) {
	if isText(lexical) {
		var doc struct{ Root node }
		if json.Unmarshal(jsonl.Unescape(nil, lexical), &doc) == nil {
			var out strings.Builder
			for _, n := range doc.Root.Children {
				n.write(&out, 0)
			}
			return out.String(), true
		}
	}
	if isText(mobiledoc) {
		var doc mobile
		if json.Unmarshal(jsonl.Unescape(nil, mobiledoc), &doc) == nil {
			return doc.render(), true
		}
	}
	return "", false
}

// node is one node of a Lexical document (https://lexical.dev/docs/concepts/nodes), as Ghost's Koenig editor has them.
type node struct {
	Type, Tag, Text, Code, HTML, Markdown, Caption, URL, Heading, Content, CalloutText string
	Format                                                                             any // a bit set in texts, a word in blocks
	Children                                                                           []node
	prose
}

const (
	maxDepth  = 200
	codeInRun = 16 // Lexical's IS_CODE
)

func (n node) write(out *strings.Builder, depth int) {
	if depth > maxDepth {
		return
	}
	in := func(tag string) {
		out.WriteString("<" + tag + ">")
		for _, c := range n.Children {
			c.write(out, depth+1)
		}
		out.WriteString("</" + tag + ">")
	}
	switch n.Type {
	case "text", "extended-text":
		if f, ok := n.Format.(float64); ok && int(f)&codeInRun != 0 {
			out.WriteString("<code>" + html.EscapeString(n.Text) + "</code>")
			return
		}
		out.WriteString(html.EscapeString(n.Text))
	case "linebreak":
		out.WriteString("<br>")
	case "heading", "extended-heading":
		in(word(n.Tag, "h2", "h1", "h2", "h3", "h4", "h5", "h6"))
	case "list":
		in(word(n.Tag, "ul", "ul", "ol"))
	case "listitem":
		in("li")
	case "quote", "extended-quote", "aside":
		in("blockquote")
	case "codeblock":
		out.WriteString("<pre><code>" + html.EscapeString(n.Code) + "</code></pre>")
	case "html":
		out.WriteString(n.HTML)
	case "markdown":
		paragraphs(out, n.Markdown)
	case "header", "product", "call-to-action":
		n.prose.write(out)
	case "image", "video", "embed", "gallery", "bookmark", "audio", "file":
		n.prose.write(out)
		if n.Caption != "" {
			out.WriteString("<figure><figcaption>" + n.Caption + "</figcaption></figure>")
		}
	case "callout":
		out.WriteString("<div>" + n.CalloutText + "</div>")
	case "toggle":
		out.WriteString("<div>" + n.Heading + "</div><div>" + n.Content + "</div>")
	case "link", "autolink":
		for _, c := range n.Children {
			c.write(out, depth+1)
		}
	case "horizontalrule":
		out.WriteString("<hr>")
	default: // paragraph, and what comes later: its text is not lost
		in("p")
	}
}

func word(got, otherwise string, known ...string) string {
	for _, k := range known {
		if got == k {
			return k
		}
	}
	return otherwise
}

func paragraphs(out *strings.Builder, text string) {
	for p := range strings.SplitSeq(text, "\n\n") {
		if strings.TrimSpace(p) != "" {
			out.WriteString("<p>" + html.EscapeString(p) + "</p>")
		}
	}
}
