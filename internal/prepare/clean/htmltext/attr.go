package htmltext

import (
	"bytes"

	"quarry/internal/prepare/clean/entity"
)

// attrs is what a start tag's attributes say that the renderer wants to know. Slices point into the source.
type attrs struct {
	hide        hiding
	judged      bool // hide was found from a style or an attribute that hides; else it is zero
	hiddenAttr  bool // hidden, but for hidden="until-found", which a reader can open
	ariaHidden  bool
	open        bool // a dialog that is shown
	footnote    bool // a footnote reference or back-link
	local       bool // href="#…"
	shadow      bool // a template that is a shadow tree, which the browser shows
	prose       bool // a pre whose text is prose, where that was looked at
	toggles     bool // it opens or chooses a part of the page: a question of an accordion, a tab
	selfClosing bool
	sized       bool // a size is given, which font has, and no font-size
	alt         []byte
	class       []byte
	id          []byte
	href        []byte
	control
}

// A decoder decodes attribute values.
type decoder struct {
	entity.Decoder
	buf []byte
}

// scan reads the attributes of a start tag from after its name to its end. Attributes follow the tokenizer of
// HTML5; -1 means that the source ends inside of the tag.
func (a *attrs) scan(src []byte, i int, d *decoder) (next int) {
	*a = attrs{}
	var css []byte
	for {
		for i < len(src) && (isBlank(src[i]) || src[i] == '/') {
			i++
		}
		if i >= len(src) {
			return -1
		}
		if src[i] == '>' {
			a.selfClosing = src[i-1] == '/'
			a.finish(css, d)
			return i + 1
		}
		nameAt := i
		i++ // also when it is '=': HTML5 takes that for a name's first character
		for i < len(src) && src[i] != '=' && src[i] != '>' && src[i] != '/' && !isBlank(src[i]) {
			i++
		}
		name := src[nameAt:i]
		for i < len(src) && isBlank(src[i]) {
			i++
		}
		if i >= len(src) {
			return -1
		}
		var value []byte
		if src[i] == '=' {
			if value, i = attrValue(src, i+1); i < 0 {
				return -1
			}
		}
		if fold(name, "style") && css == nil {
			css = value
		}
		a.note(name, value)
	}
}

// finish judges the attributes when all are known.
func (a *attrs) finish(css []byte, d *decoder) {
	if len(css) == 0 && !a.hiddenAttr && !a.ariaHidden {
		return
	}
	var s style
	s.read(css, d)
	a.sized = a.sized && s.size.value == invalid
	a.judge(&s)
}

func attrValue(src []byte, i int) (value []byte, next int) {
	for i < len(src) && isBlank(src[i]) {
		i++
	}
	if i >= len(src) {
		return nil, -1
	}
	if q := src[i]; q == '"' || q == '\'' {
		n := bytes.IndexByte(src[i+1:], q)
		if n < 0 {
			return nil, -1
		}
		return src[i+1 : i+1+n], i + 2 + n
	}
	start := i
	for i < len(src) && src[i] != '>' && !isBlank(src[i]) {
		i++
	}
	return src[start:i], i
}

func (a *attrs) note(name, value []byte) {
	switch len(name) {
	case 2:
		if fold(name, "id") {
			a.id = value
		}
	case 3:
		if fold(name, "alt") {
			a.alt = value
		}
	case 4:
		switch name[0] | 0x20 {
		case 'h':
			if fold(name, "href") && len(value) > 0 && value[0] == '#' {
				a.local, a.href = true, value
				a.footnote = a.footnote || hasPrefixAny(value, "#fnref", "#cite_ref", "#footnote-ref", "#user-content-fnref")
			}
		case 'r':
			if fold(name, "role") {
				a.toggles = a.toggles || fold(value, "tab")
				a.footnote = a.footnote || fold(value, "doc-backlink") || fold(value, "doc-noteref")
				a.noteControl(name, value)
			}
		case 'o':
			a.open = a.open || fold(name, "open")
		case 's':
			if fold(name, "size") {
				a.sized = len(value) > 0 && bytes.ContainsAny(value, "0123456789")
			}
		}
	case 5:
		if fold(name, "class") {
			a.class = value
			if bytes.Contains(value, []byte("footnote-")) {
				a.footnote = a.footnote || footnoteClass(value)
			}
		}
	case 7:
		a.noteControl(name, value)
	case 6:
		if fold(name, "hidden") {
			a.hiddenAttr = !fold(value, "until-found")
			return
		}
		a.noteControl(name, value)
	case 11:
		if fold(name, "aria-hidden") && fold(value, "true") {
			a.ariaHidden = true
		}
		a.noteControl(name, value)
	case 13:
		a.toggles = a.toggles || fold(name, "aria-expanded")
		a.noteControl(name, value)
	case 10:
		a.shadow = a.shadow || fold(name, "shadowroot") && shadowMode(value) // as browsers had it before the standard
		a.noteControl(name, value)
	case 14:
		a.shadow = a.shadow || fold(name, "shadowrootmode") && shadowMode(value)
		a.noteControl(name, value)
	default:
		if len(name) > 10 {
			a.noteControl(name, value)
		}
	}
}

// shadowMode reports whether a value makes a template a shadow tree; with another it stays a template
// (https://html.spec.whatwg.org/multipage/scripting.html#attr-template-shadowrootmode).
func shadowMode(value []byte) bool { return fold(value, "open") || fold(value, "closed") }

// verse reports whether a pre is prose, or one of WordPress's verse and preformatted blocks. They hold prose whose lines count, and
// WordPress itself takes them for text and its code block not:
// https://developer.wordpress.org/reference/functions/excerpt_remove_blocks/
func (a *attrs) verse() bool {
	if a.prose {
		return true
	}
	for class := range bytes.FieldsSeq(a.class) {
		switch string(class) {
		case "wp-block-verse", "wp-block-preformatted":
			return true
		}
	}
	return false
}

func footnoteClass(value []byte) bool {
	for class := range bytes.FieldsSeq(value) {
		switch string(class) {
		case "footnote-backref", "footnote-back", "footnote-return", "footnote-ref":
			return true
		}
	}
	return false
}

func hasPrefixAny(b []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if len(b) >= len(p) && string(b[:len(p)]) == p {
			return true
		}
	}
	return false
}

// fold reports whether b is the lower-case ASCII word, in any case.
func fold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// blanks has a bit for each byte that HTML takes for a blank.
const blanks uint64 = 1<<' ' | 1<<'\n' | 1<<'\t' | 1<<'\r' | 1<<'\f'

func isBlank(c byte) bool { return c <= ' ' && blanks>>c&1 != 0 }

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
