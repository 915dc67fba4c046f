package htmltext

import "bytes"

// A reader opens the panels of an accordion and of tabs, so their text is text, although the page hides all of them or all but
// one until then. What makes an element such a panel is its role, its class, an attribute that a script shows it by, or a control
// that names its id, before or after it.

// control is what a start tag says of what it opens.
type control struct {
	controls  []byte // ids, with blanks between them: aria-controls, and Flowbite's data-collapse-toggle
	target    []byte // one id after a '#': data-bs-target, data-target, data-accordion-target, …
	popup     bool   // it opens a menu, a list to choose from or a dialog
	panel     bool   // the element itself is a panel
	region    bool   // role="region"
	labelled  bool   // aria-labelledby
	showsLate bool   // a script of Alpine, Vue or AngularJS decides whether it is shown
}

// Within says of which source the elements that come next are parts.
func (r *Renderer) Within(src []byte) {
	r.source, r.panelsKnown = src, false
}

// reveal takes back what the attributes read last say of hiding, where a reader opens the element, and judges what depends on
// the element's name.
func (r *Renderer) reveal(name []byte, t tag) {
	a := &r.at
	if a.sized && fold(name, "font") {
		a.hide.size = shows
	}
	if a.hide.clips(t) && !(a.hide.clipped && (r.heading || r.question)) {
		a.hide.waits = true
	}
	if !a.hide.hidesAny() || !r.isPanel(a) {
		return
	}
	a.hide.gone, a.hide.waits = false, false
	for _, v := range []*value{&a.hide.size, &a.hide.sight, &a.hide.indent} {
		if *v == hides {
			*v = invalid
		}
	}
}

func (r *Renderer) isPanel(a *attrs) bool {
	return a.panel || a.region && a.labelled || a.showsLate || panelClass(a.class) || len(a.id) > 0 && r.named(a.id)
}

// panelClasses are parts of the class names of panels: Bootstrap's, Elementor's, WordPress's, and those of plugins for questions.
var panelClasses = [...]string{
	"accordion", "tab-content", "tabcontent", "tab-pane", "tab-panel", "tabpanel", "toggle-content", "toggle_content", "faq-answer", "faq-content",
	"faq_answer", "rank-math-answer", "panel-collapse", "collapsible",
}

func panelClass(class []byte) bool {
	var small [64]byte
	for name := range bytes.FieldsSeq(class) {
		name = appendLower(small[:0], name)
		if string(name) == "collapse" {
			return true
		}
		for _, part := range panelClasses {
			if bytes.Contains(name, []byte(part)) && !bytes.Contains(name, []byte("icon")) {
				return true
			}
		}
	}
	return false
}

// named reports whether a control of the source names an id. The source is looked through once, when that is first asked.
func (r *Renderer) named(id []byte) bool {
	if !r.panelsKnown {
		r.panelsKnown = true
		clear(r.panels)
		r.findControls(r.source)
	}
	return r.panels[string(id)]
}

// maxPanels bounds how many ids are remembered of one document.
const maxPanels = 1 << 16

func (r *Renderer) findControls(src []byte) {
	var a attrs
	for i := 0; i < len(src) && len(r.panels) < maxPanels; {
		n := bytes.IndexByte(src[i:], '<')
		if n < 0 {
			return
		}
		i += n + 1
		switch {
		case bytes.HasPrefix(src[i:], []byte("!--")):
			i = commentEnd(src, i+3)
			continue
		case i >= len(src) || !isAlpha(src[i]):
			continue
		}
		name, t, _ := r.name(src, i)
		next := a.scan(src, i+len(name), &r.Entities)
		if next < 0 {
			return
		}
		if i = next; t.raw() && !t.void() {
			i = rawEnd(src, next, name)
		}
		if !a.hide.gone {
			r.noteControl(&a)
		}
	}
}

// noteControl remembers the ids that a control names.
func (r *Renderer) noteControl(a *attrs) {
	if a.popup || !a.toggles {
		return
	}
	if r.panels == nil {
		r.panels = map[string]bool{}
	}
	for id := range bytes.FieldsSeq(a.controls) {
		r.panels[string(id)] = true
	}
	for _, target := range [][]byte{a.target, a.href} {
		if len(target) > 1 && target[0] == '#' {
			r.panels[string(target[1:])] = true
		}
	}
}

// noteControl notes an attribute that says what an element opens, or that it is a panel.
func (a *attrs) noteControl(name, value []byte) {
	switch {
	case fold(name, "role"):
		a.panel = a.panel || fold(value, "tabpanel")
		a.region = a.region || fold(value, "region")
		a.popup = a.popup || fold(value, "combobox")
	case fold(name, "aria-labelledby"):
		a.labelled = len(value) > 0
	case fold(name, "aria-controls"):
		a.controls, a.toggles = value, true
	case fold(name, "data-collapse-toggle"):
		a.controls, a.toggles = value, true
	case fold(name, "aria-haspopup"):
		a.popup = a.popup || !fold(value, "false")
	case fold(name, "data-toggle"), fold(name, "data-bs-toggle"):
		a.toggles = true
		switch string(bytes.ToLower(value)) {
		case "modal", "dropdown", "popover", "tooltip", "offcanvas":
			a.popup = true
		}
	case len(name) > 10 && bytes.EqualFold(name[:5], []byte("data-")) && fold(name[len(name)-7:], "-target"):
		a.target = value
		a.toggles = a.toggles || fold(name, "data-accordion-target") || fold(name, "data-tabs-target")
	case fold(name, "x-show"), fold(name, "v-show"), fold(name, "ng-show"), fold(name, "x-collapse"):
		a.showsLate = true
	}
}
