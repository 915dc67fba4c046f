package htmltext

import "bytes"

// An area is what an inline style says of the room that an element has to show its text in.
type area struct {
	height, maxHeight, width, maxWidth declared // hides: there is none
	overflow                           declared // hides: what has no room is cut off
	padded                             bool     // it has room besides its height: a padding, a least height
	clip, clipPath                     declared // hides: it is cut down to nothing
	out                                declared // hides: it is placed by itself, outside of the text's flow
	box                                declared // shows: it is laid out as a block; hides: as a part of a line or a table
	away                               declared // hides: a transform makes it nothing or moves it out of the page
}

// note notes a declaration that says something of the area.
func (s *area) note(property, v []byte, important bool) {
	switch string(bytes.TrimPrefix(property, []byte("-webkit-"))) {
	case "height":
		s.height.set(extent(v), important)
	case "max-height":
		s.maxHeight.set(extent(v), important)
	case "width":
		s.width.set(extent(v), important)
	case "max-width":
		s.maxWidth.set(extent(v), important)
	case "min-height", "padding", "padding-top", "padding-bottom", "padding-left", "padding-right", "padding-block", "padding-inline":
		for side := range bytes.FieldsSeq(v) {
			s.padded = s.padded || length(side).zero() == shows
		}
	case "overflow", "overflow-x", "overflow-y":
		first, _, _ := bytes.Cut(v, []byte{' '})
		s.overflow.set(overflowValue(first), important)
	case "clip":
		s.clip.set(clipValue(v), important)
	case "clip-path":
		s.clipPath.set(clipPathValue(v), important)
	case "float":
		if string(v) == "left" || string(v) == "right" {
			s.box.set(shows, important)
		}
	case "transform":
		s.away.set(transformValue(v), important)
	case "scale":
		s.away.set(length(v).zero(), important)
	case "position":
		s.out.set(outside(v), important)
	case "display":
		s.box.set(boxValue(v), important)
	}
}

// flat reports whether an element has no room, and what is beyond is cut off. A share of the height of the element around it, which
// is mostly not known, is no height.
func (s *area) flat() bool {
	none := s.height.value == hides || s.maxHeight.value == hides || s.width.value == hides || s.maxWidth.value == hides
	return none && s.overflow.value == hides && !s.padded
}

// layout says whether the style makes a block of an element.
func (s *area) layout() value {
	if s.out.value == hides {
		return shows
	}
	return s.box.value
}

func (s *area) clipped() bool {
	return s.clipPath.value == hides || s.clip.value == hides && s.out.value == hides
}

func extent(v []byte) value {
	m := length(v)
	if m.number && m.nothing && string(m.unit) == "%" {
		return shows
	}
	return m.zero()
}

func overflowValue(v []byte) value {
	switch string(v) {
	case "hidden", "clip":
		return hides
	case "visible", "auto", "scroll", "overlay", "initial", "inherit", "unset", "revert":
		return shows
	}
	return invalid
}

// boxValue sorts a value of display by whether height and width mean anything.
func boxValue(v []byte) value {
	switch {
	case string(v) == "inline", string(v) == "contents", string(v) == "ruby", hasPrefixAny(v, "table"):
		return hides
	case displayValue(v) == shows:
		return shows
	}
	return invalid
}

// outside sorts a value of position: hides is for an element that is placed by itself.
func outside(v []byte) value {
	switch {
	case string(v) == "absolute", string(v) == "fixed":
		return hides
	case positionValue(v) != invalid:
		return shows
	}
	return invalid
}

// clipValue sorts a value of clip: rect(top, right, bottom, left), which shows nothing where its sides meet
// (https://www.w3.org/TR/css-masking-1/#clip-property).
func clipValue(v []byte) value {
	in, ok := arguments(v, "rect")
	if !ok {
		return shows
	}
	var sides [4]measure
	n := 0
	for side := range bytes.FieldsFuncSeq(in, separates) {
		if n < len(sides) {
			sides[n] = length(side)
		}
		n++
	}
	if n != len(sides) {
		return invalid
	}
	meet := func(a, b measure) bool {
		return a.number && b.number && !b.negative && a.whole >= b.whole && (a.whole > 0 || b.nothing)
	}
	if meet(sides[0], sides[2]) || meet(sides[3], sides[1]) {
		return hides
	}
	return shows
}

// clipPathValue sorts a value of clip-path by whether its shape has an area (https://www.w3.org/TR/css-shapes-1/#basic-shape-functions).
func clipPathValue(v []byte) value {
	if in, ok := arguments(v, "inset"); ok {
		return insetValue(in)
	}
	for _, shape := range [...]string{"circle", "ellipse", "polygon"} {
		in, ok := arguments(v, shape)
		if !ok {
			continue
		}
		for number := range bytes.FieldsFuncSeq(in, separates) {
			if string(number) == "at" {
				break
			}
			if length(number).zero() != hides {
				return shows
			}
		}
		if len(trimBlanks(in)) > 0 && !bytes.HasPrefix(in, []byte("at")) {
			return hides
		}
	}
	return shows
}

// insetValue sorts the sides of an inset, one to four shares.
func insetValue(in []byte) value {
	var sides [4]int
	n := 0
	for side := range bytes.FieldsSeq(in) {
		if m := length(side); n < len(sides) && m.number {
			if string(m.unit) == "%" && !m.negative {
				sides[n] = m.whole
			}
			n++
			continue
		}
		break
	}
	switch n {
	case 0:
		return shows
	case 1:
		sides[1], sides[2], sides[3] = sides[0], sides[0], sides[0]
	case 2:
		sides[2], sides[3] = sides[0], sides[1]
	case 3:
		sides[3] = sides[1]
	}
	if sides[0]+sides[2] >= 100 || sides[1]+sides[3] >= 100 {
		return hides
	}
	return shows
}

// transformValue sorts a value of transform: a scale of 0, or a move far out of the page, shows nothing.
func transformValue(v []byte) value {
	for rest := v; ; {
		open := bytes.IndexByte(rest, '(')
		if open < 0 {
			return shows
		}
		name := trimBlanks(rest[:open])
		in := rest[open+1:]
		end := bytes.IndexByte(in, ')')
		if end < 0 {
			return invalid
		}
		in, rest = in[:end], in[end+1:]
		n := 0
		for number := range bytes.FieldsFuncSeq(in, separates) {
			m := length(number)
			if n < 2 && bytes.HasPrefix(name, []byte("scale")) && string(name) != "scalez" && m.zero() == hides || bytes.HasPrefix(name, []byte("translate")) && m.far() == hides {
				return hides
			}
			n++
		}
	}
}

// arguments gives what is between the brackets of a function.
func arguments(v []byte, name string) ([]byte, bool) {
	if !hasPrefixAny(v, name+"(") {
		return nil, false
	}
	in, _, ok := bytes.Cut(v[len(name)+1:], []byte{')'})
	return trimBlanks(in), ok
}

func separates(r rune) bool { return r == ' ' || r == ',' }
