package htmltext

import "bytes"

// A declared is what an inline style says of one property. CSS drops a declaration whose value is not valid, so an
// invalid value leaves what was declared before it.
type declared struct {
	value     value
	important bool
}

// A value is what a property's value means for whether an element can be seen.
type value uint8

const (
	invalid  value = iota // also: nothing was declared
	shows                 // the element can be seen, as far as this property is concerned
	hides                 // it cannot
	asParent              // as its parent
)

// set applies a later declaration: the last one wins, and one that is `!important` wins over all that are not
// (https://www.w3.org/TR/css-cascade-4/#cascading).
func (d *declared) set(v value, important bool) {
	if v != invalid && (important || !d.important) {
		*d = declared{v, important}
	}
}

// A style is what an inline style says of the properties that can hide an element.
type style struct {
	display, sight, content, opacity     declared
	size, indent                         declared
	position, left, top, margin, padding declared
	tiny                                 declared // hides: one of its extents is 0
	moves                                bool     // it has a transform, a transition or an animation
	changes                              bool     // it has a transition or an animation
	area
}

// read parses an inline style. Comments, letter case, CSS escapes and character references inside of the value make no
// difference.
func (s *style) read(text []byte, d *decoder) {
	d.buf = plainStyle(d.buf[:0], text, d)
	for rest := d.buf; len(rest) > 0; {
		declaration := rest
		if n := bytes.IndexByte(rest, ';'); n >= 0 {
			declaration, rest = rest[:n], rest[n+1:]
		} else {
			rest = nil
		}
		if n := bytes.IndexByte(declaration, ':'); n >= 0 {
			s.declare(trimBlanks(declaration[:n]), trimBlanks(declaration[n+1:]))
		}
	}
}

func (s *style) declare(property, v []byte) {
	important := false
	if n := bytes.IndexByte(v, '!'); n >= 0 {
		important = string(trimBlanks(v[n+1:])) == "important"
		v = trimBlanks(v[:n])
	}
	if len(v) == 0 {
		return
	}
	s.area.note(property, v, important)
	switch string(property) {
	case "display":
		s.display.set(displayValue(v), important)
	case "visibility":
		s.sight.set(keyword(v, "visible", "hidden", "collapse"), important)
	case "content-visibility":
		s.content.set(keyword(v, "visible", "hidden", ""), important)
		if string(v) == "auto" {
			s.content.set(shows, important)
		}
	case "opacity":
		s.opacity.set(length(v).zero(), important)
	case "font-size":
		s.size.set(fontSize(v), important)
	case "font":
		s.size.set(fontShorthand(v), important)
	case "text-indent":
		s.indent.set(length(v).far(), important)
	case "position":
		s.position.set(positionValue(v), important)
	case "left", "right":
		s.left.set(length(v).far(), important)
	case "top", "bottom":
		s.top.set(length(v).far(), important)
	case "margin-left":
		s.margin.set(length(v).far(), important)
	case "margin":
		s.margin.set(length(leftSide(v)).far(), important)
	case "padding-left":
		s.padding.set(length(v).large(), important)
	case "padding":
		s.padding.set(length(leftSide(v)).large(), important)
	case "width", "height", "max-width", "max-height":
		if length(v).zero() == hides {
			s.tiny.set(hides, important)
		}
	default:
		s.moves = s.moves || movement(property, "transform", "transition", "animation", "will-change", "translate", "scale", "rotate")
		s.changes = s.changes || movement(property, "transition", "animation", "will-change")
	}
}

// movement reports whether a property is one of those that move or blend an element: then what the style says is the state before
// a script or an animation has run.
func movement(property []byte, names ...string) bool {
	for _, prefix := range [...]string{"-webkit-", "-moz-", "-ms-", "-o-"} {
		property = bytes.TrimPrefix(property, []byte(prefix))
	}
	return hasPrefixAny(property, names...)
}

// keyword sorts the value of a property whose values are words.
func keyword(v []byte, shown, hidden, alsoHidden string) value {
	switch string(v) {
	case shown, "initial":
		return shows
	case hidden, alsoHidden:
		return hides
	case "inherit", "unset", "revert", "revert-layer":
		return asParent
	}
	return invalid
}

// displayValue sorts a value of display (https://www.w3.org/TR/css-display-3/).
func displayValue(v []byte) value {
	if string(v) == "none" {
		return hides
	}
	v = bytes.TrimPrefix(bytes.TrimPrefix(v, []byte("-webkit-")), []byte("-ms-"))
	if hasPrefixAny(v, "block", "inline", "flex", "grid", "table", "list-item", "contents", "flow-root", "ruby", "run-in", "math", "box",
		"inherit", "initial", "unset", "revert", "var(") {
		return shows
	}
	return invalid
}

func positionValue(v []byte) value {
	switch string(v) {
	case "absolute", "fixed", "relative", "sticky", "-webkit-sticky":
		return hides
	case "static", "initial", "inherit", "unset", "revert", "revert-layer":
		return shows
	}
	return invalid
}

// leftSide is the value for the left side in a shorthand of one to four values.
func leftSide(v []byte) []byte {
	var sides [4][]byte
	n := 0
	for side := range bytes.FieldsSeq(v) {
		if n == len(sides) {
			return nil
		}
		sides[n] = side
		n++
	}
	switch n {
	case 0:
		return nil
	case 1:
		return sides[0]
	case 4:
		return sides[3]
	}
	return sides[1]
}

// plainStyle decodes references and escapes, drops comments, lowers the case, and makes one blank of several.
func plainStyle(out, value []byte, d *decoder) []byte {
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case c == '&':
			if text, n := d.Decode(value[i:]); n > 0 {
				out = append(out, text...)
				i += n
				continue
			}
		case c == '/' && i+1 < len(value) && value[i+1] == '*':
			end := bytes.Index(value[i+2:], []byte("*/"))
			if end < 0 {
				return out
			}
			i += end + 4
			continue
		case c == '\\':
			r, n := cssEscape(value[i:])
			if n > 1 {
				out = append(out, r)
				i += n
				continue
			}
		case c <= ' ':
			if n := len(out); n > 0 && out[n-1] != ' ' {
				out = append(out, ' ')
			}
			i++
			continue
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		out = append(out, c)
		i++
	}
	return out
}

func trimBlanks(b []byte) []byte { return bytes.Trim(b, " ") }

// cssEscape reads a backslash escape of an ASCII letter ("\64 " is d); other ones are of no use in a keyword.
func cssEscape(s []byte) (r byte, n int) {
	value := 0
	for n = 1; n < len(s) && n <= 6; n++ {
		c := s[n] | 0x20
		switch {
		case c >= '0' && c <= '9' && s[n] < 0x40:
			value = value*16 + int(s[n]-'0')
		case c >= 'a' && c <= 'f':
			value = value*16 + int(c-'a') + 10
		default:
			goto done
		}
	}
done:
	switch {
	case n == 1 && len(s) > 1:
		return s[1] | 0x20, 2
	case n < len(s) && isBlank(s[n]):
		n++
	}
	if value < 0x20 || value >= 0x7F {
		return '?', n
	}
	if value >= 'A' && value <= 'Z' {
		value |= 0x20
	}
	return byte(value), n
}
