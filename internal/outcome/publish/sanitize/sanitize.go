// Package sanitize takes out of an HTML text what a reader of an article may not write.
//
// It owns the lists of elements, attributes and addresses that stay: whatever is not in them goes. What always holds: the result has
// elements of HTML from the list alone, none of which makes a browser read what is in it as anything but HTML; texts and values of
// attributes are escaped; each element is closed. So however a browser repairs the result, no other element can come of it.
package sanitize

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// elements are those that stay, with their own attributes. An element that is not here goes, and what is in it stays.
var elements = map[atom.Atom][]string{
	atom.Article: {}, atom.Aside: {}, atom.Section: {}, atom.Details: {"open"}, atom.Summary: {}, atom.Figure: {}, atom.Figcaption: {},
	atom.H1: {}, atom.H2: {}, atom.H3: {}, atom.H4: {}, atom.H5: {}, atom.H6: {}, atom.Hgroup: {},
	atom.P: {}, atom.Div: {}, atom.Span: {}, atom.Br: {}, atom.Hr: {}, atom.Wbr: {}, atom.Pre: {}, atom.Blockquote: {"cite"}, atom.Q: {"cite"},
	atom.A: {"href"}, atom.Img: {"src", "alt", "width", "height"},
	atom.Abbr: {}, atom.Acronym: {}, atom.Cite: {}, atom.Code: {}, atom.Dfn: {}, atom.Em: {}, atom.Kbd: {}, atom.Mark: {}, atom.S: {}, atom.Samp: {},
	atom.Strong: {}, atom.Sub: {}, atom.Sup: {}, atom.Var: {}, atom.Time: {"datetime"}, atom.B: {}, atom.I: {}, atom.Small: {}, atom.Strike: {},
	atom.Tt: {}, atom.U: {}, atom.Bdi: {}, atom.Bdo: {}, atom.Ruby: {}, atom.Rb: {}, atom.Rp: {}, atom.Rt: {}, atom.Rtc: {},
	atom.Del: {"cite", "datetime"}, atom.Ins: {"cite", "datetime"},
	atom.Ol: {"start", "reversed"}, atom.Ul: {}, atom.Li: {"value"}, atom.Dl: {}, atom.Dt: {}, atom.Dd: {},
	atom.Table: {}, atom.Caption: {}, atom.Colgroup: {"span"}, atom.Col: {"span"}, atom.Thead: {}, atom.Tbody: {}, atom.Tfoot: {}, atom.Tr: {},
	atom.Td: {"colspan", "rowspan"}, atom.Th: {"colspan", "rowspan", "scope"},
}

// everywhere are the attributes that every element may have.
var everywhere = []string{"dir", "lang", "title"}

// hidden are the elements that go with what is in them: it is no text of the article.
var hidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Template: true, atom.Iframe: true, atom.Frameset: true, atom.Object: true, atom.Noscript: true,
	atom.Noembed: true, atom.Noframes: true, atom.Title: true, atom.Textarea: true, atom.Select: true, atom.Xmp: true, atom.Plaintext: true,
}

// void are the elements that have no content and no end tag.
var void = map[atom.Atom]bool{atom.Br: true, atom.Hr: true, atom.Wbr: true, atom.Img: true, atom.Col: true}

// plainValue is what attributes hold that are neither addresses nor texts: numbers, directions, languages, dates.
var plainValue = regexp.MustCompile(`^[\pL\pN:+. %-]{0,64}$`)

// HTML sanitizes the HTML of an article's body. A text that is nested too deeply to be read is escaped as a whole.
func HTML(text string) string {
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, DataAtom: atom.Body, Data: "body"})
	if err != nil { // golang.org/x/net/html refuses more than 512 open elements
		return html.EscapeString(text)
	}
	var b strings.Builder
	for _, n := range nodes {
		write(&b, n)
	}
	return b.String()
}

// write writes what stays of a node.
func write(b *strings.Builder, n *html.Node) {
	if n.Type == html.TextNode {
		b.WriteString(html.EscapeString(n.Data))
		return
	}
	if n.Type != html.ElementNode || n.Namespace != "" || hidden[n.DataAtom] { // SVG and MathML have a namespace
		return
	}
	tag, stays := tagOf(n)
	b.WriteString(tag)
	if n.DataAtom == atom.Pre && n.FirstChild != nil && strings.HasPrefix(n.FirstChild.Data, "\n") {
		b.WriteString("\n") // a parser drops the first line break
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		write(b, c)
	}
	if stays && !void[n.DataAtom] {
		b.WriteString("</" + n.DataAtom.String() + ">")
	}
}

// tagOf gives the start tag of an element; ok is false if it goes. A link and an image go without their address.
func tagOf(n *html.Node) (tag string, ok bool) {
	own, ok := elements[n.DataAtom]
	if !ok {
		return "", false
	}
	tag = "<" + n.DataAtom.String()
	ok = n.DataAtom != atom.A && n.DataAtom != atom.Img
	for i := range n.Attr {
		a := &n.Attr[i]
		if value, stays := attribute(own, a); stays {
			tag += " " + a.Key + `="` + html.EscapeString(value) + `"`
			ok = ok || a.Key == "href" || a.Key == "src"
		}
	}
	if !ok {
		return "", false
	}
	return tag + ">", true
}

// attribute gives the value of an attribute; ok is false if it goes.
func attribute(own []string, a *html.Attribute) (value string, ok bool) {
	if a.Namespace != "" || !slices.Contains(own, a.Key) && !slices.Contains(everywhere, a.Key) {
		return "", false
	}
	switch a.Key {
	case "alt", "title":
		return a.Val, true
	case "href", "cite":
		return address(a.Val, "http", "https", "mailto")
	case "src":
		return address(a.Val, "http", "https")
	}
	return a.Val, plainValue.MatchString(a.Val)
}

// address gives an address in one spelling; ok is false if it has another scheme, or could be read as one.
func address(raw string, schemes ...string) (string, bool) {
	raw = strings.TrimSpace(raw)
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) { // browsers leave them out, also within a scheme
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" && !slices.Contains(schemes, u.Scheme) {
		return "", false
	}
	text := u.String()
	return text, text != ""
}
