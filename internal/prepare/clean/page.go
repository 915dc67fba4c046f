package clean

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"

	"quarry/internal/prepare/clean/rule"
)

// What an extractor is given: it scores every element against every other one in the worst case, so a giant page is
// rendered as it is.
const (
	maxPageBytes    = 8 << 20
	maxPageElements = 60_000
)

// leastContent is how short, in bytes, the main content may be before the extractor is taken to have found none.
const leastContent = 140

// page renders the main content of a whole page: an extractor picks the node, the renderer makes its text, so that the
// rules are those of every other HTML. A page in which no main content is found is rendered as it is, and its mode says
// so.
func (c *Cleaner) page(out *Cleaned, address string, src []byte, title string) string {
	node, found := c.content(address, src)
	if title == "" {
		title = c.title(found)
	}
	if node != nil {
		c.html.Node(node)
		if c.writer.Len() >= leastContent {
			out.Tree = true
			return title
		}
		c.restart()
	}
	out.Mode = ModeHTML
	out.Tree = c.body(src)
	return title
}

// content finds the node of a page's main content, and its title. The node is nil when there is none.
func (c *Cleaner) content(address string, src []byte) (node *html.Node, title string) {
	if len(src) > maxPageBytes {
		return nil, ""
	}
	doc, err := html.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, ""
	}
	// Before the extractor, which takes styles and classes away and does not know all of the ways to hide text.
	c.html.Within(src)
	c.html.Prune(doc, isFurniture)
	all := textBytes(doc)
	pageURL, err := url.Parse(address)
	if err != nil || !pageURL.IsAbs() {
		pageURL = nil
	}
	parser := readability.NewParser()
	parser.MaxElemsToParse = maxPageElements
	named := clone(main(doc)) // the extractor tears the tree apart
	article, err := parser.ParseAndMutate(doc, pageURL)
	if err != nil || article.Node == nil {
		return nil, ""
	}
	if named != nil && float64(textBytes(article.Node)) < leastShare*float64(textBytes(named)) {
		c.counts.Note(rule.Boilerplate, all-textBytes(named))
		return named, article.Title()
	}
	c.counts.Note(rule.Boilerplate, all-textBytes(article.Node))
	return article.Node, article.Title()
}

// furniture are words in ids and classes of what is on a page next to its content, which extractors take for content
// because it is text: consent banners, rows of share buttons, text for screen readers.
var furniture = []string{
	"cookie-banner", "cookie-consent", "cookie-notice", "cookiebanner", "cookieconsent", "onetrust", "gdpr",
	"share-buttons", "sharedaddy", "social-share", "sns-share", "addtoany", "jp-relatedposts",
	"screen-reader-text", "visually-hidden", "sr-only", "skip-link",
	"comment-list", "commentlist", "comments-area", "disqus_thread",
}

// isFurniture reports whether an element's id or class says that it is no content.
func isFurniture(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key != "id" && a.Key != "class" {
			continue
		}
		value := strings.ToLower(a.Val)
		for _, word := range furniture {
			if strings.Contains(value, word) {
				return true
			}
		}
		for name := range strings.FieldsSeq(value) {
			if name == "comments" { // what readers wrote below it; as a part of another word it may be anything
				return true
			}
		}
	}
	return false
}

// leastShare is which share of the element that the page itself names as its main content an extractor's choice has to
// have: below, it took a corner of it for the whole.
const leastShare = 0.25

// main gives the element that a page names as its content: the only main, else the only article. Nil: it names none.
func main(doc *html.Node) *html.Node {
	for _, tag := range []string{"main", "article"} {
		var found *html.Node
		several := false
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && n.Data == tag {
				several = several || found != nil
				found = n
			}
		}
		if found != nil && !several {
			return found
		}
	}
	return nil
}

// textBytes is the length of the text in a tree, but for scripts and styles.
func textBytes(root *html.Node) int {
	n := 0
	for d := range root.Descendants() {
		if d.Type == html.TextNode && (d.Parent == nil || d.Parent.Data != "script" && d.Parent.Data != "style") {
			n += len(d.Data)
		}
	}
	return n
}

// clone copies a tree. It does not recurse: the tree is as deep as the author of the page wanted.
func clone(root *html.Node) *html.Node {
	if root == nil {
		return nil
	}
	copied := func(n *html.Node) *html.Node {
		return &html.Node{Type: n.Type, DataAtom: n.DataAtom, Data: n.Data, Namespace: n.Namespace, Attr: slices.Clone(n.Attr)}
	}
	out := copied(root)
	for from, to := root, out; ; {
		if child := from.FirstChild; child != nil {
			from = child
			next := copied(child)
			to.AppendChild(next)
			to = next
			continue
		}
		for from != root && from.NextSibling == nil {
			from, to = from.Parent, to.Parent
		}
		if from == root {
			return out
		}
		from = from.NextSibling
		next := copied(from)
		to.Parent.AppendChild(next)
		to = next
	}
}
