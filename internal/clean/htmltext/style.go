package htmltext

import "bytes"

// hidingStyle reports whether an inline style keeps its element from being seen: display:none, visibility:hidden,
// font-size:0, opacity:0, or a place far outside of the page. Comments, blanks, letter case, CSS escapes and character
// references inside of the value do not get past it.
func hidingStyle(value []byte, d *decoder) bool {
	d.buf = plainStyle(d.buf[:0], value, d)
	for rest := d.buf; len(rest) > 0; {
		declaration := rest
		if n := bytes.IndexByte(rest, ';'); n >= 0 {
			declaration, rest = rest[:n], rest[n+1:]
		} else {
			rest = nil
		}
		if n := bytes.IndexByte(declaration, ':'); n >= 0 && hides(declaration[:n], declaration[n+1:]) {
			return true
		}
	}
	return false
}

func hides(property, v []byte) bool {
	if n := bytes.IndexByte(v, '!'); n >= 0 {
		v = v[:n]
	}
	switch string(property) {
	case "display":
		return string(v) == "none"
	case "visibility", "content-visibility":
		return string(v) == "hidden" || string(v) == "collapse"
	case "font-size", "opacity":
		return isZero(v)
	case "text-indent", "left", "top", "margin-left":
		return farAway(v)
	}
	return false
}

// isZero takes 0, 0px, .0em, 0.00% for zero.
func isZero(v []byte) bool {
	digits := false
	for i, c := range v {
		switch {
		case c == '0':
			digits = true
		case c == '.' || c == '-' || c == '+':
		case c >= '1' && c <= '9':
			return false
		default:
			return digits && i > 0
		}
	}
	return digits
}

// farAway takes -999px and more, and -99em and more, for a place that nobody scrolls to.
func farAway(v []byte) bool {
	if len(v) < 3 || v[0] != '-' {
		return false
	}
	n := 0
	for n+1 < len(v) && v[n+1] >= '0' && v[n+1] <= '9' {
		n++
	}
	unit := v[n+1:]
	return n >= 3 && (v[1] == '9' || n >= 4) || n >= 2 && v[1] == '9' && hasPrefixAny(unit, "em", "rem")
}

// plainStyle decodes references and escapes, drops comments and blanks and lowers the case.
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
