package htmltext

import (
	"bytes"
	"fmt"

	"golang.org/x/net/html"

	"quarry/internal/clean/rule"
)

// Tree renders a document over HTML5's tree. It is slower and allocates, and is for what [Renderer.Document] could not
// tell. A document nested deeper than the parser takes is an error.
func (r *Renderer) Tree(src []byte) error {
	doc, err := html.Parse(bytes.NewReader(src))
	if err != nil {
		return fmt.Errorf("parse HTML: %w", err)
	}
	r.begin(src)
	r.Node(doc)
	return nil
}

// Node renders a node of a tree and what is in it.
func (r *Renderer) Node(root *html.Node) {
	for n := root; n != nil; {
		if r.enter(n) && n.FirstChild != nil {
			n = n.FirstChild
			continue
		}
		for n != root && n.NextSibling == nil {
			n = n.Parent
			r.leave(n)
		}
		if n == root {
			return
		}
		n = n.NextSibling
	}
}

// enter acts on a node and reports whether its children are to be visited.
func (r *Renderer) enter(n *html.Node) bool {
	switch n.Type {
	case html.TextNode:
		r.treeText([]byte(n.Data))
		return false
	case html.ElementNode:
	default:
		return true
	}
	r.at = attrs{}
	for _, a := range n.Attr {
		r.at.note([]byte(a.Key), []byte(a.Val), &r.Entities)
	}
	t, level := r.lookup([]byte(n.Data))
	if n.Namespace != "" && t != tagMedia {
		t = unknown
	}
	if why, dropped := r.drops(t, &r.at); dropped {
		r.Counts.Note(why, held(n))
		if t.block() {
			r.Break(2)
		}
		return false
	}
	r.start(t, level, 0)
	if n.FirstChild == nil {
		r.leave(n)
	}
	return true
}

func (r *Renderer) leave(n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	t, level := r.lookup([]byte(n.Data))
	if n.Namespace != "" && t != tagMedia {
		t = unknown
	}
	if !t.void() {
		r.end(t, level)
	}
}

// treeText writes a text node, whose references the parser has decoded. A shortcode's body is dropped inside of one
// node only.
func (r *Renderer) treeText(b []byte) {
	for i := 0; i < len(b); {
		if r.codes == nil {
			r.write(b)
			return
		}
		from, to := r.codes.next(b, i)
		r.write(b[i:from])
		if to > from {
			r.codes.note(r.Counts, to-from)
		}
		i = to
	}
}

// Prune takes hidden elements out of a tree, and those that drop picks, and counts them.
func (r *Renderer) Prune(root *html.Node, drop func(*html.Node) bool) {
	for n := root; n != nil; {
		next := following(n, root, true)
		if n.Type == html.ElementNode && n != root {
			r.at = attrs{}
			for _, a := range n.Attr {
				r.at.note([]byte(a.Key), []byte(a.Val), &r.Entities)
			}
			switch {
			case n.Data == "html" || n.Data == "body":
			case r.at.hidden && !r.Settings.KeepHidden:
				next = following(n, root, false)
				r.Counts.Note(rule.Hidden, held(n))
				n.Parent.RemoveChild(n)
			case drop(n):
				next = following(n, root, false)
				r.Counts.Note(rule.Boilerplate, held(n))
				n.Parent.RemoveChild(n)
			}
		}
		n = next
	}
}

// held is how many bytes of text a node holds. A tree does not know where in the source its elements lie, so what is
// dropped is counted without its tags.
func held(root *html.Node) (bytes int) {
	for n := root; n != nil; n = following(n, root, true) {
		if n.Type == html.TextNode || n.Type == html.CommentNode {
			bytes += len(n.Data)
		}
	}
	return bytes
}

// following is the next node in document order, behind the children of n or, with children, with them.
func following(n, root *html.Node, children bool) *html.Node {
	if children && n.FirstChild != nil {
		return n.FirstChild
	}
	for n != root {
		if n.NextSibling != nil {
			return n.NextSibling
		}
		n = n.Parent
	}
	return nil
}
