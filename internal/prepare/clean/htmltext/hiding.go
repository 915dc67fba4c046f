package htmltext

// A hiding is what an element's attributes say of whether a reader sees it.
type hiding struct {
	// gone: neither the element nor anything in it is seen, whatever is in it: display:none, hidden, a place far outside of
	// the page.
	gone bool
	// waits: as gone, but it may be the state before a script shows it: opacity:0, aria-hidden.
	waits bool
	// What children take over and may change: font-size:0, visibility:hidden, text-indent far to the left.
	size, sight, indent value
	// flat: it has no height or no width and shows nothing beyond, or is moved away, where it is a block. box says whether its style
	// makes it one.
	flat bool
	box  value
	// clipped: it is cut down to nothing, which is how labels are written that only screen readers read.
	clipped bool
}

// clips reports whether an element shows nothing because it has no area. In a line, and in a table, text has its own height.
func (h *hiding) clips(t tag) bool {
	switch {
	case h.clipped:
		return true
	case !h.flat || h.box == hides:
		return false
	}
	return h.box == shows || t.block() && t != tagTable && t != tagRoot
}

// hidesAny reports whether an element hides anything.
func (h *hiding) hidesAny() bool {
	return h.gone || h.waits || h.size == hides || h.sight == hides || h.indent == hides
}

// inherits reports whether an element says something that its children take over.
func (h *hiding) inherits() bool { return h.size|h.sight|h.indent != 0 }

// hiding judges a style.
func (s *style) hiding() (h hiding) {
	placed := s.position.value == hides && (s.left.value == hides || s.top.value == hides)
	moved := s.margin.value == hides && s.padding.value != hides
	h.gone = s.display.value == hides || s.content.value == hides || placed || moved
	h.size, h.sight, h.indent = s.size.value, s.sight.value, s.indent.value
	if h.size == asParent {
		h.size = invalid
	}
	if h.sight == asParent {
		h.sight = invalid
	}
	h.box = s.layout()
	if s.moves {
		if h.sight == hides {
			h.sight = invalid
		}
		h.flat = s.away.value == hides && !s.changes && s.opacity.value != hides
		return h
	}
	h.flat = s.flat()
	h.clipped = s.clipped()
	if s.tiny.value == hides && (s.opacity.value == hides || h.sight == hides) {
		h.gone = true // links that a reader is not meant to find, and no state before a script
	}
	h.waits = s.opacity.value == hides
	return h
}

// judge puts together what the attributes of a start tag say. The attribute hidden is a display:none of the browser's own,
// which a style overrides.
func (a *attrs) judge(s *style) {
	a.hide, a.judged = s.hiding(), true
	if a.hiddenAttr && s.display.value != shows {
		a.hide.gone = true
	}
	a.hide.waits = a.hide.waits || a.ariaHidden
}
