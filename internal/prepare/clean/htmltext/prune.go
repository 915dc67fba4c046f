package htmltext

import (
	"slices"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"quarry/internal/prepare/clean/rule"
)

// Prune takes out of a tree what a reader does not see, and the elements that drop picks, and counts both. No attribute
// that hides is left: what stays is seen, and an extractor that judges attributes by rules of its own keeps it.
func (r *Renderer) Prune(root *html.Node, drop func(*html.Node) bool) {
	take := func(n *html.Node, why rule.Rule) {
		r.Counts.Note(why, held(n))
		n.Parent.RemoveChild(n)
	}
	hidings := map[*html.Node]hiding{}
	for n := root; n != nil; {
		next := following(n, root, true)
		if n.Type == html.ElementNode && n != root {
			r.attributes(n)
			h := r.at.hide
			h.waits = h.waits && !(h.clipped && inQuestion(n))
			if n.Data == "html" || n.Data == "body" {
				h.gone, h.waits = false, false
			} else if h.gone && !r.Settings.KeepHidden {
				next = following(n, root, false)
				take(n, rule.Hidden)
			} else if drop(n) {
				next = following(n, root, false)
				take(n, rule.Boilerplate)
			}
			if h.waits || h.inherits() {
				hidings[n] = h
			}
			if r.at.shadow && n.Data == "template" {
				n.Data, n.DataAtom = "div", atom.Div // what a browser shows, and extractors do not know
			}
			if n.Data == "button" && (r.at.toggles || inQuestion(n)) {
				n.Data, n.DataAtom = "span", atom.Span // extractors take every button out
			}
		}
		n = next
	}
	if len(hidings) > 0 && !r.Settings.KeepHidden {
		r.pruneHidings(root, hidings, take)
	}
	for n := root; n != nil; n = following(n, root, true) {
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
			return a.Key == "style" || a.Key == "hidden" || a.Key == "aria-hidden"
		})
	}
}

// pruneHidings takes out what waits for a script, unless that is most of the page, and the text that styles hide from which
// its element does not free it.
func (r *Renderer) pruneHidings(root *html.Node, hidings map[*html.Node]hiding, take func(*html.Node, rule.Rule)) {
	seen := 0
	var waits, veiled, unsighted []*html.Node
	walkHidings(root, hidings, func(n *html.Node, state veilState, waiting int) {
		switch {
		case n.Type == html.ElementNode:
			if t, _ := r.element(n); t.block() && (waiting > 0 || state&invisible != 0) {
				r.waiting.blocks++
			}
			if waiting == 1 && hidings[n].waits {
				waits = append(waits, n)
			}
		case blank([]byte(n.Data)) || unread(n):
		case waiting > 0:
			r.waiting.text += len(n.Data)
		case state&^invisible != 0:
			veiled = append(veiled, n)
		case state != 0:
			unsighted = append(unsighted, n)
			r.waiting.text += len(n.Data)
		default:
			seen += len(n.Data)
		}
	})
	if r.Reveal = r.Waiting(seen); !r.Reveal {
		for _, n := range append(waits, unsighted...) {
			take(n, rule.Hidden)
		}
	}
	for _, n := range veiled {
		take(n, rule.Hidden)
	}
}

// walkHidings gives each element and text of a tree with what hides the text in it, and how many elements around it wait for
// a script; an element counts itself.
func walkHidings(root *html.Node, hidings map[*html.Node]hiding, each func(n *html.Node, state veilState, waiting int)) {
	states := []veilState{0}
	waiting := 0
	enter := func(n *html.Node) {
		state := states[len(states)-1]
		if n.Type == html.ElementNode {
			h := hidings[n]
			state = state.with(&h)
			if h.waits {
				waiting++
			}
		}
		if n.Type == html.ElementNode || n.Type == html.TextNode {
			each(n, state, waiting)
		}
		states = append(states, state)
	}
	leave := func(n *html.Node) {
		states = states[:len(states)-1]
		if hidings[n].waits {
			waiting--
		}
	}
	enter(root)
	for n := root; ; {
		if n.FirstChild != nil {
			n = n.FirstChild
			enter(n)
			continue
		}
		for n != root && n.NextSibling == nil {
			leave(n)
			n = n.Parent
		}
		if n == root {
			return
		}
		leave(n)
		n = n.NextSibling
		enter(n)
	}
}

// inQuestion reports whether a node is in a heading or in what opens the text that follows.
func inQuestion(n *html.Node) bool {
	for p, up := n.Parent, 0; p != nil && up < 8; p, up = p.Parent, up+1 {
		switch p.Data {
		case "h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary":
			return true
		}
	}
	return false
}

// unread reports whether text is that of a script, a style or a title.
func unread(n *html.Node) bool {
	if n.Parent == nil {
		return false
	}
	switch n.Parent.Data {
	case "script", "style", "noscript", "title", "template":
		return true
	}
	return false
}
