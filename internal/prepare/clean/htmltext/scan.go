package htmltext

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// Attrs is what a start tag's attributes say, for a Literal function.
type Attrs struct {
	Any         bool // it has attributes
	SelfClosing bool
}

// HTML renders a document or, in calls one after another, its pieces. It reports false when the end of a dropped element
// could not be found: then what was written is to be thrown away, and the document belongs to [Renderer.Tree].
func (r *Renderer) HTML(src []byte) bool {
	for i := 0; i < len(src); {
		if src[i] == '<' {
			if i = r.markup(src, i); r.needTree && !r.Fragments {
				return false
			}
			continue
		}
		if r.codes == nil && r.skip.depth == 0 && r.pre == 0 && !r.muted {
			i = r.run(src, i)
			continue
		}
		n := bytes.IndexByte(src[i:], '<')
		if n < 0 {
			n = len(src) - i
		}
		if r.Skipping() {
			r.Unseen(src[i : i+n])
		}
		i = r.text(src, i, i+n)
	}
	return true
}

// Document renders a whole document of HTML, of which blank lines and shortcodes are read as WordPress writes them.
func (r *Renderer) Document(src []byte) bool {
	r.begin(src)
	ok := r.HTML(src)
	if r.Open() {
		ok = false
	}
	return ok
}

// begin looks at what a document as a whole says about its parts.
func (r *Renderer) begin(src []byte) {
	r.Within(src)
	if !r.Settings.CollapseNewlines {
		r.newlines = plain.Paragraphs
		if classic(src) {
			r.newlines = plain.Lines
		}
	}
	r.W.Newlines = r.newlines
	if !r.Settings.KeepShortcodes && r.codeState.find(src, r.Settings) {
		r.codes = &r.codeState
	}
}

// Abandon gives up on a dropped element that never ends: the rest of a document of that length is lost with it.
func (r *Renderer) Abandon(length int) {
	if r.Open() {
		r.Counts.Note(rule.Unclosed, length-r.skip.from)
		r.skip.depth = 0
	}
}

// classic reports whether HTML is a post of WordPress's classic editor: no paragraphs, no blocks, no line breaks, but
// blank lines between its paragraphs.
func classic(src []byte) bool {
	if !bytes.Contains(src, []byte("\n\n")) && !bytes.Contains(src, []byte("\n\r\n")) {
		return false
	}
	for rest := src; ; {
		n := bytes.IndexByte(rest, '<')
		if n < 0 || len(rest)-n < 5 {
			return true
		}
		rest = rest[n+1:]
		switch {
		case rest[0]|0x20 == 'p' && (rest[1] == '>' || isBlank(rest[1])):
			return false
		case rest[0]|0x20 == 'b' && rest[1]|0x20 == 'r' && (rest[2] == '>' || rest[2] == '/' || isBlank(rest[2])):
			return false
		case rest[0] == '!' && bytes.HasPrefix(rest, []byte("!-- wp:")):
			return false
		}
	}
}

// markup reads what begins with '<' at i and returns where it ends.
func (r *Renderer) markup(src []byte, i int) int {
	if i+1 < len(src) {
		switch c := src[i+1]; {
		case isAlpha(c):
			return r.startTag(src, i)
		case c == '/':
			return r.endTag(src, i)
		case c == '!':
			return r.declaration(src, i)
		case c == '?':
			return r.bogus(src, i)
		}
	}
	r.Text(src[i : i+1])
	return i + 1
}

// Tag reads the tag, comment or declaration at i, which Markdown found by its own rules, and returns where it ends.
func (r *Renderer) Tag(src []byte, i int) int {
	r.inline = true
	i = r.markup(src, i)
	r.inline = false
	return i
}

func (r *Renderer) startTag(src []byte, i int) int {
	name, t, level := r.name(src, i+1)
	end := i + 1 + len(name)
	var next int
	if end < len(src) && src[end] == '>' {
		r.at = attrs{}
		next = end + 1
	} else if next = r.at.scan(src, end, &r.Entities); next < 0 {
		if !r.Open() {
			r.Counts.Note(rule.Unclosed, len(src)-i)
		}
		return len(src) // HTML5 drops a tag that the end of the document cuts off, and all text with it where a quote is missing
	}
	if r.at.sized || r.at.judged {
		r.reveal(name, t)
	}
	if r.Literal != nil && !r.Open() {
		a := Attrs{Any: next-end > 2 && bytes.IndexByte(src[end:next], '=') >= 0, SelfClosing: r.at.selfClosing}
		if r.Literal(name, false, i > 0 && wordByte(src[i-1]), a) {
			r.Text(src[i:next])
			return next
		}
	}
	if r.Open() {
		if t.raw() && !r.skip.foreign {
			return rawEnd(src, next, name)
		}
		r.skipStart(name, t, r.at.selfClosing)
		return next
	}
	if r.Prose && (t == tagPre || t == tagXmp) && r.pre == 0 {
		r.at.prose = r.proseIn(src[next:], name)
	}
	if why, dropped := r.drops(t, &r.at); dropped && !t.void() {
		return r.drop(src, i, next, name, t, why)
	} else if dropped {
		r.Counts.Note(why, next-i)
		return next
	}
	if t.raw() {
		return r.keepRaw(src, next, name, t)
	}
	if r.veils() && !t.void() && (r.Literal == nil || !r.at.selfClosing) {
		r.veilStart(name, t)
	}
	r.start(t, level, next-i)
	if src[i+1] <= 'Z' {
		r.component(src[:next], name, end)
	}
	if t == tagPlaintext {
		r.Text(src[next:])
		return len(src)
	}
	return next
}

// drop begins to pass over an element, and passes over it at once where its content is raw text.
func (r *Renderer) drop(src []byte, i, next int, name []byte, t tag, why rule.Rule) int {
	if t.block() {
		r.Break(2)
	}
	if t.raw() {
		end := rawEnd(src, next, name)
		if t == tagRaw && doubleEscaped(src[next:end]) {
			r.needTree = true
		}
		r.Counts.Note(why, end-i)
		return end
	}
	if r.TagsOnly && why != rule.Hidden {
		r.Counts.Note(why, next-i)
		return next
	}
	if r.at.selfClosing && (fold(name, "svg") || fold(name, "math")) {
		r.Counts.Note(why, next-i)
		return next
	}
	r.beginSkip(name, t, why, i)
	return next
}

// keepRaw writes the content of a raw element that a setting keeps.
func (r *Renderer) keepRaw(src []byte, next int, name []byte, t tag) int {
	end := rawEnd(src, next, name)
	content := src[next:end]
	if n := bytes.LastIndex(content, []byte("</")); n >= 0 {
		content = content[:n]
	}
	r.start(t, 0, 0)
	r.Text(content)
	r.end(t, 0)
	return end
}

func (r *Renderer) endTag(src []byte, i int) int {
	nameAt := i + 2
	if nameAt >= len(src) {
		r.Text(src[i:])
		return len(src)
	}
	if !isAlpha(src[nameAt]) {
		return r.bogus(src, i)
	}
	name, t, level := r.name(src, nameAt)
	end := nameAt + len(name)
	next := end + 1
	if end >= len(src) {
		return len(src)
	}
	if src[end] != '>' {
		var ignored attrs
		if next = ignored.scan(src, end, &r.Entities); next < 0 {
			return len(src)
		}
	}
	if r.Open() {
		if r.skipEnd(name, t) {
			r.endSkip(next)
		}
		return next
	}
	if r.Literal != nil && r.Literal(name, true, false, Attrs{}) {
		r.Text(src[i:next])
		return next
	}
	if len(r.veil) > 0 {
		r.veilEnd(name, t)
	}
	r.end(t, level)
	return next
}

// declaration reads a comment, a doctype or anything else after "<!".
func (r *Renderer) declaration(src []byte, i int) int {
	if !bytes.HasPrefix(src[i:], []byte("<!--")) {
		if r.skip.foreign && r.Open() && bytes.HasPrefix(src[i:], []byte("<![CDATA[")) {
			if n := bytes.Index(src[i:], []byte("]]>")); n >= 0 {
				return i + n + 3
			}
			return len(src)
		}
		return r.bogus(src, i)
	}
	end := commentEnd(src, i+4)
	if !r.Open() {
		r.Counts.Note(commentRule(src[i+4:end]), end-i)
	}
	return end
}

// bogus passes over what HTML5 calls a bogus comment: up to the next '>'.
func (r *Renderer) bogus(src []byte, i int) int {
	end := len(src)
	if n := bytes.IndexByte(src[i:], '>'); n >= 0 {
		end = i + n + 1
	}
	if !r.Open() {
		r.Counts.Note(rule.Comment, end-i)
	}
	return end
}

// commentEnd finds the end of a comment whose content begins at i: "-->" or "--!>", or at once ">" or "->".
func commentEnd(src []byte, i int) int {
	switch {
	case i < len(src) && src[i] == '>':
		return i + 1
	case i+1 < len(src) && src[i] == '-' && src[i+1] == '>':
		return i + 2
	}
	for i < len(src) {
		n := bytes.Index(src[i:], []byte("--"))
		if n < 0 {
			return len(src)
		}
		i += n
		switch rest := src[i+2:]; {
		case len(rest) > 0 && rest[0] == '>':
			return i + 3
		case len(rest) > 1 && rest[0] == '!' && rest[1] == '>':
			return i + 4
		}
		i++
	}
	return len(src)
}

// rawEnd finds the end of the end tag of an element whose content is raw text.
func rawEnd(src []byte, i int, name []byte) int {
	for {
		n := bytes.Index(src[i:], []byte("</"))
		if n < 0 {
			return len(src)
		}
		i += n + 2
		if end := i + len(name); end <= len(src) && bytes.EqualFold(src[i:end], name) {
			if end == len(src) {
				return end
			}
			if c := src[end]; c == '>' || c == '/' || isBlank(c) {
				if n := bytes.IndexByte(src[end:], '>'); n >= 0 {
					return end + n + 1
				}
				return len(src)
			}
		}
	}
}

// doubleEscaped reports whether a script's end may be after a later end tag ("script data double escaped state").
func doubleEscaped(content []byte) bool {
	n := bytes.Index(content, []byte("<!--"))
	return n >= 0 && bytes.Contains(bytes.ToLower(content[n:]), []byte("<script"))
}

// name reads the name of a tag at i and finds its element.
func (r *Renderer) name(src []byte, i int) (name []byte, t tag, level uint8) {
	if n, key := shortName(src[i:]); n > 0 {
		t, level = lookupPacked(key)
		return src[i : i+n], t, level
	}
	var key uint64
	end := i
	for end < len(src) && src[end] != '>' && src[end] != '/' && !isBlank(src[end]) {
		key = key<<8 | uint64(src[end]|0x20)
		end++
	}
	name = src[i:end]
	if len(name) <= 8 {
		t, level = lookupPacked(key)
	} else {
		t, level = r.lookup(name)
	}
	return name, t, level
}

// shortName reads a name of up to seven bytes eight bytes at a time, as most names are, and packs it. Length 0: it is another one.
func shortName(src []byte) (length int, key uint64) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	if len(src) < 8 {
		return 0, 0
	}
	w := binary.LittleEndian.Uint64(src)
	stops := ((w - '0'*ones) | (w ^ '>'*ones - ones)) &^ w & highs // '>' and what is below '0'; the lowest bit is exact
	n := bits.TrailingZeros64(stops)
	if n == 64 {
		return 0, 0
	}
	if c := byte(w >> (n &^ 7)); c != '>' && c != '/' && !isBlank(c) {
		return 0, 0
	}
	return n >> 3, bits.ReverseBytes64(w|' '*ones) >> 1 >> (63 - n&^7)
}

func (r *Renderer) lookup(name []byte) (tag, uint8) {
	if len(name) > maxName {
		return unknown, 0
	}
	lower := r.lower[:len(name)]
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	return lookup(lower)
}

func wordByte(c byte) bool {
	return isAlpha(c) || c >= '0' && c <= '9' || c == '_' || c == ':'
}
