package htmltext

import "quarry/internal/prepare/clean/rule"

// A veil is open while text is hidden by something that children can undo: `font-size:0` on a table cell of a newsletter
// hides the blanks in it, and the paragraphs in it have sizes of their own. Each element inside is remembered with what it
// hides and shows.
type veiled struct {
	name  [8]byte // the first bytes of the name, in lower case
	tag   tag
	state veilState
}

// A veilState says what hides the text that is directly in an element.
type veilState uint8

const (
	tooSmall  veilState = 1 << iota // font-size:0
	invisible                       // visibility:hidden
	outdented                       // text-indent: -9999px
)

// maxVeiled bounds how many open elements are remembered; an element that is deeper is as the last one.
const maxVeiled = 512

func (s veilState) with(h *hiding) veilState {
	for _, p := range [...]struct {
		says value
		bit  veilState
	}{{h.size, tooSmall}, {h.sight, invisible}, {h.indent, outdented}} {
		switch p.says {
		case hides:
			s |= p.bit
		case shows:
			s &^= p.bit
		}
	}
	return s
}

// veils reports whether the start tag that was read last has to be noted.
func (r *Renderer) veils() bool {
	if len(r.veil) == 0 && !r.at.hide.inherits() || r.Settings.KeepHidden {
		return false
	}
	if r.Reveal {
		r.at.hide.sight = invalid
	}
	return true
}

// veilStart notes the start of an element that is kept.
func (r *Renderer) veilStart(name []byte, t tag) {
	r.veilImplied(t)
	if len(r.veil) == 0 && veilState(0).with(&r.at.hide) == 0 {
		return
	}
	if len(r.veil) == maxVeiled {
		r.needTree = true
		return
	}
	r.veilPush(name, t)
}

func (r *Renderer) veilPush(name []byte, t tag) {
	v := veiled{tag: t}
	lowerInto(v.name[:], name)
	if n := len(r.veil); n > 0 {
		v.state = r.veil[n-1].state
	}
	v.state = v.state.with(&r.at.hide)
	r.veil = append(r.veil, v)
	r.muted = v.state != 0
	if v.state&invisible != 0 && t.block() {
		r.waiting.blocks++
	}
}

// veilCut takes the elements from the n-th on as closed.
func (r *Renderer) veilCut(n int) {
	r.veil = r.veil[:n]
	r.muted = n > 0 && r.veil[n-1].state != 0
}

// veilImplied closes the elements that a start tag ends without an end tag.
func (r *Renderer) veilImplied(t tag) {
	if t == tagCell || t == tagRow {
		for n, cut := len(r.veil)-1, -1; n >= 0; n-- {
			open := r.veil[n].tag
			if open == tagCell || open == tagRow && t == tagRow {
				cut = n
			}
			if cut >= 0 && (n == 0 || open == tagTable) {
				r.veilCut(cut)
				return
			}
			if open == tagTable {
				return
			}
		}
		return
	}
	for n := len(r.veil) - 1; n >= 0; n-- {
		open := r.veil[n].tag
		switch {
		case t == tagItem && open == tagItem, t == tagOption && open == tagOption, t.block() && open == tagP,
			(t == tagDD || t == tagDT) && (open == tagDD || open == tagDT):
			r.veilCut(n)
			return
		case open == tagTable, open == tagUL, open == tagOL, open == tagCell, open == tagBlock, open == tagHeading:
			return
		}
	}
}

// veilEnd notes an end tag.
func (r *Renderer) veilEnd(name []byte, t tag) {
	var key [8]byte
	lowerInto(key[:], name)
	tabular := t == tagCell || t == tagRow || t == tagTable
	for n := len(r.veil) - 1; n >= 0; n-- {
		v := &r.veil[n]
		if v.name == key && v.tag == t {
			r.veilCut(n)
			return
		}
		switch {
		case (v.tag == tagCell || v.tag == tagTable) && !tabular && t != tagRoot:
			return // it is not in scope: HTML5 passes over it
		case !t.block() && !tabular && t != unknown && v.tag.block():
			r.needTree = true // the end of a mark of text across blocks
			return
		}
	}
	if t == tagP || !t.block() && !tabular {
		return // it closes nothing
	}
	// The element around the veil ends, and the veil with it, if such an element is open.
	r.needTree = true
	r.veilCut(0)
}

// waiting counts text that is not seen for a reason that a script may take away.
type waiting struct {
	text   int // bytes
	blocks int
}

// Unseen counts text that is not written because an element around it is hidden.
func (r *Renderer) Unseen(b []byte) {
	if blank(b) {
		return
	}
	if r.skip.depth > 0 {
		if r.skip.waits {
			r.waiting.text += len(b)
		}
		return // endSkip counts it
	}
	r.Counts.Note(rule.Hidden, len(b))
	if r.veil[len(r.veil)-1].state&invisible != 0 {
		r.waiting.text += len(b)
	}
}

// leastWaiting is how many blocks hidden text has to have to be taken for an article. What is hidden from people and meant
// for a model is a sentence.
const leastWaiting = 2

// Waiting reports whether most of a document, of which so many bytes were written, is hidden in a way that a script undoes:
// then a reader sees it, and the document is to be rendered again with Reveal.
func (r *Renderer) Waiting(written int) bool {
	return !r.Reveal && !r.Settings.KeepHidden && r.waiting.text > written && (r.waiting.blocks >= leastWaiting || written == 0 && r.waiting.blocks > 0)
}

func blank(b []byte) bool {
	for _, c := range b {
		if !isBlank(c) {
			return false
		}
	}
	return true
}
