package htmltext

import (
	"bytes"
	"fmt"

	"golang.org/x/net/html"

	"quarry/internal/prepare/clean/rule"
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
		if r.Skipping() {
			r.Unseen([]byte(n.Data))
			return false
		}
		r.treeText([]byte(n.Data))
		return false
	case html.CommentNode:
		if why := commentRule([]byte(n.Data)); why == rule.Reference && !r.Skipping() {
			r.Counts.Note(why, len(n.Data))
		}
		return false
	case html.ElementNode:
	default:
		return true
	}
	r.attributes(n)
	t, level := r.element(n)
	if r.Prose && (t == tagPre || t == tagXmp) && r.pre == 0 {
		r.at.prose = r.proseOf(n)
	}
	if why, dropped := r.drops(t, &r.at); dropped {
		r.Counts.Note(why, held(n))
		if why == rule.Hidden && !r.at.hide.gone {
			r.await(n)
		}
		if t.block() {
			r.Break(2)
		}
		return false
	}
	if r.veils() && (len(r.veil) > 0 || veilState(0).with(&r.at.hide) != 0) {
		r.veilPush([]byte(n.Data), t)
	}
	r.start(t, level, 0)
	if n.FirstChild == nil {
		r.leave(n)
	}
	return true
}

// attributes reads the attributes of a node.
func (r *Renderer) attributes(n *html.Node) {
	r.at = attrs{}
	var css []byte
	for _, a := range n.Attr {
		if a.Key == "style" {
			css = []byte(a.Val)
		}
		r.at.note([]byte(a.Key), []byte(a.Val))
	}
	r.at.finish(css, &r.Entities)
	t, _ := r.element(n)
	r.reveal([]byte(n.Data), t)
}

// element finds what a node is.
func (r *Renderer) element(n *html.Node) (tag, uint8) {
	t, level := r.lookup([]byte(n.Data))
	if n.Namespace != "" && t != tagMedia {
		t = unknown
	}
	return t, level
}

// await counts the text and blocks of a node that a script may show.
func (r *Renderer) await(root *html.Node) {
	for n := root; n != nil; n = following(n, root, true) {
		switch n.Type {
		case html.TextNode:
			if !blank([]byte(n.Data)) {
				r.waiting.text += len(n.Data)
			}
		case html.ElementNode:
			if t, _ := r.element(n); t.block() {
				r.waiting.blocks++
			}
		}
	}
}

func (r *Renderer) leave(n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	t, level := r.element(n)
	if !t.void() {
		r.end(t, level)
	}
	if len(r.veil) > 0 {
		r.veilCut(len(r.veil) - 1)
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
			r.shortcode(b[from:to])
		}
		i = to
	}
}

// held is how many bytes of text a node holds. A tree does not know where in the source its elements are, so what is
// dropped is counted without its tags.
func held(root *html.Node) (bytes int) {
	for n := root; n != nil; n = following(n, root, true) {
		if n.Type == html.TextNode || n.Type == html.CommentNode {
			bytes += len(n.Data)
		}
	}
	return bytes
}

// following is the next node in document order, after the children of n or, with children, with them.
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
