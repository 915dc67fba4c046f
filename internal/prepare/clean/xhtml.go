package clean

import (
	"bytes"

	"quarry/internal/prepare/clean/htmltext"
)

const xhtmlSpace = "http://www.w3.org/1999/xhtml"

// keptXHTML is up to how many bytes a buffer is kept for the next document.
const keptXHTML = 1 << 20

// isXHTML reports whether HTML is XML: it begins with an XML declaration, or its first tag names the namespace of XHTML.
func isXHTML(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n\f")
	if bytes.HasPrefix(b, []byte("<?xml ")) {
		return true
	}
	for len(b) > 2 && b[0] == '<' && (b[1] == '!' || b[1] == '?') {
		n := bytes.IndexByte(b, '>')
		if bytes.HasPrefix(b, []byte("<!--")) {
			if n = bytes.Index(b, []byte("-->")); n >= 0 {
				n += 2
			}
		}
		if n < 0 {
			return false
		}
		b = bytes.TrimLeft(b[n+1:], " \t\r\n\f")
	}
	if len(b) == 0 || b[0] != '<' {
		return false
	}
	n := bytes.IndexByte(b, '>')
	return n > 0 && bytes.Contains(b[:n], []byte(xhtmlSpace))
}

// withEnds writes an end tag for each element of XHTML that closes itself. In HTML the slash means nothing, and all that
// follows `<title/>` or `<script src="…"/>` would be its content.
func withEnds(dst, src []byte) []byte {
	for {
		n := bytes.IndexByte(src, '<')
		if n < 0 {
			return append(dst, src...)
		}
		dst, src = append(dst, src[:n]...), src[n:]
		end := markupEnd(src)
		tag := src[:end]
		name := nameOf(tag)
		if len(name) > 0 && len(tag) > len(name)+2 && bytes.HasSuffix(tag, []byte("/>")) && !htmltext.Void(name) {
			dst = append(append(dst, bytes.TrimRight(tag[:len(tag)-2], " \t\r\n")...), '>')
			dst = append(append(append(dst, "</"...), name...), '>')
		} else {
			dst = append(dst, tag...)
		}
		src = src[end:]
	}
}

// markupEnd gives where the tag, comment, section or declaration ends that begins b. What never ends goes to the end.
func markupEnd(b []byte) int {
	for _, m := range [...]struct{ begin, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if bytes.HasPrefix(b, []byte(m.begin)) {
			if n := bytes.Index(b[len(m.begin):], []byte(m.end)); n >= 0 {
				return len(m.begin) + n + len(m.end)
			}
			return len(b)
		}
	}
	if len(b) < 2 || b[1] != '/' && b[1] != '!' && (b[1]|0x20 < 'a' || b[1]|0x20 > 'z') {
		return 1 // a sign in text
	}
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		case c == '<' && i > 0:
			return i
		}
	}
	return len(b)
}

// nameOf gives the name of the element that a start tag begins.
func nameOf(tag []byte) []byte {
	n := 1
	for n < len(tag) && (tag[n]|0x20 >= 'a' && tag[n]|0x20 <= 'z' || n > 1 && (tag[n] >= '0' && tag[n] <= '9' || tag[n] == '-' || tag[n] == ':')) {
		n++
	}
	return tag[min(1, len(tag)):n]
}
