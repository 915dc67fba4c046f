package htmltext

import "bytes"

// A measure is a number of CSS with its unit, such as -9999px.
type measure struct {
	ok       bool // it is a number with a unit that CSS has, or a word or function that gives one
	number   bool // its digits are known
	negative bool
	whole    int  // what is before the point; large numbers stop at maxWhole
	nothing  bool // no digit but 0
	unit     []byte
}

const maxWhole = 1 << 20

// length reads a number with a unit.
func length(v []byte) (m measure) {
	i := 0
	if i < len(v) && (v[i] == '-' || v[i] == '+') {
		m.negative = v[i] == '-'
		i++
	}
	digits := 0
	m.nothing = true
	for ; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
		digits++
		m.nothing = m.nothing && v[i] == '0'
		m.whole = min(m.whole*10+int(v[i]-'0'), maxWhole)
	}
	if i < len(v) && v[i] == '.' {
		for i++; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
			digits++
			m.nothing = m.nothing && v[i] == '0'
		}
	}
	if digits == 0 {
		return measure{ok: wordOrFunction(v)}
	}
	if i < len(v) && v[i] == 'e' && i+1 < len(v) && (v[i+1] >= '0' && v[i+1] <= '9' || v[i+1] == '-' || v[i+1] == '+') {
		for i++; i < len(v) && (v[i] >= '0' && v[i] <= '9' || v[i] == '-' || v[i] == '+'); i++ {
		}
	}
	m.unit = v[i:]
	m.number = unit(m.unit)
	m.ok = m.number
	return m
}

// unit reports whether CSS has a unit of that name. A number without one is valid where it is 0, and everywhere in old
// pages and in mail.
func unit(name []byte) bool {
	switch string(name) {
	case "", "px", "pt", "pc", "cm", "mm", "in", "q", "%", "em", "rem", "ex", "rex", "ch", "rch", "cap", "ic", "lh", "rlh",
		"vw", "vh", "vi", "vb", "vmin", "vmax", "svw", "svh", "lvw", "lvh", "dvw", "dvh", "cqw", "cqh", "cqi", "cqb":
		return true
	}
	return false
}

// wordOrFunction reports whether a value without digits gives a length: auto, inherit, calc(…).
func wordOrFunction(v []byte) bool {
	switch string(v) {
	case "auto", "inherit", "initial", "unset", "revert", "revert-layer", "none", "fit-content", "min-content", "max-content":
		return true
	}
	return hasPrefixAny(v, "calc(", "var(", "min(", "max(", "clamp(", "env(")
}

// zero sorts a value that hides at 0.
func (m measure) zero() value {
	switch {
	case !m.ok:
		return invalid
	case m.number && m.nothing:
		return hides
	}
	return shows
}

// far sorts a value that moves an element out of the page: -999px and more, -99em and more, or the window's size and more.
func (m measure) far() value {
	switch {
	case !m.ok:
		return invalid
	case m.number && m.negative && (m.whole >= 900 || m.whole >= 90 && hasPrefixAny(m.unit, "em", "rem") || m.whole >= 100 && m.ofWindow()):
		return hides
	}
	return shows
}

// ofWindow reports whether the unit is a share of the window.
func (m measure) ofWindow() bool {
	return len(m.unit) > 1 && m.unit[len(m.unit)-2] == 'v' && (m.unit[len(m.unit)-1] == 'w' || m.unit[len(m.unit)-1] == 'h')
}

// large sorts a padding that takes back what a negative margin moved.
func (m measure) large() value {
	switch {
	case !m.ok:
		return invalid
	case m.number && !m.negative && (m.whole >= 900 || m.whole >= 90 && hasPrefixAny(m.unit, "em", "rem")):
		return hides
	}
	return shows
}

// fontSize sorts a value of font-size: one that is relative to the parent's stays 0 where that is 0.
func fontSize(v []byte) value {
	switch string(v) {
	case "xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large", "initial":
		return shows
	case "smaller", "larger", "inherit", "unset", "revert", "revert-layer":
		return asParent
	}
	m := length(v)
	switch {
	case !m.ok || m.number && m.negative && !m.nothing:
		return invalid
	case m.number && m.nothing:
		return hides
	}
	switch string(m.unit) {
	case "%", "em", "ex", "ch", "cap", "ic":
		return asParent
	}
	return shows
}

// fontShorthand sorts the size in a value of font, such as `italic bold 14px/1.5 Arial`.
func fontShorthand(v []byte) value {
	for word := range bytes.FieldsSeq(v) {
		size, _, sloped := bytes.Cut(word, []byte{'/'})
		if m := length(size); m.number && len(m.unit) == 0 && !m.nothing && !sloped {
			continue // a weight
		}
		if string(size) == "inherit" || string(size) == "unset" {
			return asParent
		}
		if kind := fontSize(size); kind != invalid {
			return kind
		}
	}
	switch string(v) {
	case "caption", "icon", "menu", "message-box", "small-caption", "status-bar":
		return shows
	}
	return invalid
}
