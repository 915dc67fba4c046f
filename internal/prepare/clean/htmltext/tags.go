package htmltext

// A tag is an element whose name means something to the renderer. Every other element is transparent.
type tag uint8

const (
	unknown tag = iota
	tagA
	tagBlock // div, section and others that only end lines
	tagBr
	tagButton
	tagCell // td, th
	tagDatalist
	tagDD
	tagDialog
	tagDT
	tagHR
	tagHeading
	tagIframe
	tagImg
	tagInline // known, and of no effect on the layout
	tagItem   // li
	tagMedia  // svg, math, object, canvas, video, audio
	tagNoscript
	tagOL
	tagOption
	tagP
	tagPlaintext
	tagPre
	tagRaw  // script, style and others whose content is no markup
	tagRoot // html, body: what hides them is a page before its scripts have run
	tagRow  // tr
	tagRuby // rt, rp, rtc
	tagSelect
	tagSummary
	tagSup
	tagTable
	tagTemplate
	tagTextarea
	tagTitle
	tagUL
	tagXmp  // pre whose content is no markup
	tagVoid // void elements of no effect: input, meta, link, …
)

// names are the names of up to eight bytes that lookup knows.
var names = [...]string{
	"a", "p", "li", "code", "em", "strong", "b", "i", "span", "sub", "kbd", "abbr", "acronym", "bdi", "bdo",
	"big", "cite", "data", "del", "dfn", "font", "ins", "label", "mark", "meter", "nobr", "output", "progress",
	"q", "ruby", "rb", "s", "samp", "slot", "small", "strike", "time", "tt", "u", "var", "picture", "map",
	"blink", "marquee", "br", "div", "summary", "legend", "caption", "center", "optgroup", "hgroup", "address",
	"section", "article", "aside", "header", "footer", "main", "nav", "figure", "details", "fieldset", "form",
	"search", "dl", "body", "html", "head", "frameset", "ul", "menu", "dir", "ol", "td", "th", "tr", "table",
	"h1", "h2", "h3", "h4", "h5", "h6", "pre", "listing", "xmp", "dt", "dd", "img", "image", "hr", "sup",
	"script", "style", "noembed", "noframes", "svg", "math", "object", "canvas", "video", "audio", "applet",
	"iframe", "template", "noscript", "title", "textarea", "select", "option", "button", "datalist", "dialog",
	"rt", "rp", "rtc", "area", "base", "basefont", "bgsound", "col", "embed", "frame", "input", "keygen",
	"link", "meta", "param", "source", "track", "wbr", "thead", "tbody", "tfoot", "colgroup",
}

// A packedTag is a name of up to eight bytes as a number, and its element.
type packedTag struct {
	key   uint64
	tag   tag
	level uint8
}

const packedSize = 512

// packedTags finds such names without comparing strings: nearly every tag of a document is looked up here. It is an
// open-addressed table of lookup's answers.
var packedTags = func() (t [packedSize]packedTag) {
	for _, name := range names {
		var key uint64
		for i := range len(name) {
			key = key<<8 | uint64(name[i])
		}
		at := packedSlot(key)
		for t[at].key != 0 {
			at = (at + 1) % packedSize
		}
		t[at].key = key
		t[at].tag, t[at].level = lookup([]byte(name))
	}
	return t
}()

func packedSlot(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> 55 }

// lookupPacked finds a name of up to eight bytes.
func lookupPacked(key uint64) (tag, uint8) {
	for at := packedSlot(key); ; at = (at + 1) % packedSize {
		switch e := &packedTags[at]; e.key {
		case key:
			return e.tag, e.level
		case 0:
			return unknown, 0
		}
	}
}

// maxName is the longest name in lookup; longer ones are unknown.
const maxName = 10

// lookup finds a tag by its name in lower case. The level is a heading's, or how many line breaks a block makes.
func lookup(name []byte) (t tag, level uint8) {
	switch string(name) {
	case "a":
		return tagA, 0
	case "p":
		return tagP, 0
	case "li":
		return tagItem, 0
	case "code", "em", "strong", "b", "i", "span", "sub", "kbd", "abbr", "acronym", "bdi", "bdo", "big", "cite", "data", "del",
		"dfn", "font", "ins", "label", "mark", "meter", "nobr", "output", "progress", "q", "ruby", "rb", "s", "samp",
		"slot", "small", "strike", "time", "tt", "u", "var", "picture", "map", "blink", "marquee":
		return tagInline, 0
	case "br":
		return tagBr, 0
	case "div", "figcaption", "legend", "caption", "center", "optgroup", "hgroup", "address":
		return tagBlock, 1
	case "summary":
		return tagSummary, 1
	case "section", "article", "aside", "header", "footer", "main", "nav", "figure", "blockquote", "details", "fieldset",
		"form", "search", "dl", "head", "frameset":
		return tagBlock, 2
	case "body", "html":
		return tagRoot, 2
	case "ul", "menu", "dir":
		return tagUL, 0
	case "ol":
		return tagOL, 0
	case "td", "th":
		return tagCell, 0
	case "tr":
		return tagRow, 0
	case "table":
		return tagTable, 0
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return tagHeading, name[1] - '0'
	case "pre", "listing":
		return tagPre, 0
	case "xmp":
		return tagXmp, 0
	case "dt":
		return tagDT, 0
	case "dd":
		return tagDD, 0
	case "img", "image":
		return tagImg, 0
	case "hr":
		return tagHR, 0
	case "sup":
		return tagSup, 0
	case "script", "style", "noembed", "noframes":
		return tagRaw, 0
	case "svg", "math", "object", "canvas", "video", "audio", "applet":
		return tagMedia, 0
	case "iframe":
		return tagIframe, 0
	case "template":
		return tagTemplate, 0
	case "noscript":
		return tagNoscript, 0
	case "title":
		return tagTitle, 0
	case "textarea":
		return tagTextarea, 0
	case "select":
		return tagSelect, 0
	case "option":
		return tagOption, 0
	case "button":
		return tagButton, 0
	case "datalist":
		return tagDatalist, 0
	case "dialog":
		return tagDialog, 0
	case "rt", "rp", "rtc":
		return tagRuby, 0
	case "plaintext":
		return tagPlaintext, 0
	case "area", "base", "basefont", "bgsound", "col", "embed", "frame", "input", "keygen", "link", "meta", "param",
		"source", "track", "wbr":
		return tagVoid, 0
	case "thead", "tbody", "tfoot", "colgroup":
		return tagInline, 0
	}
	return unknown, 0
}

// raw reports whether an element's content is text up to its end tag, whatever it looks like.
func (t tag) raw() bool {
	switch t {
	case tagRaw, tagIframe, tagNoscript, tagTextarea, tagTitle, tagXmp:
		return true
	}
	return false
}

// void reports whether an element has no content and no end tag.
func (t tag) void() bool {
	switch t {
	case tagBr, tagHR, tagImg, tagVoid:
		return true
	}
	return false
}

// optionalEnd reports whether an element may end without an end tag, by what follows it.
func (t tag) optionalEnd() bool {
	switch t {
	case tagP, tagItem, tagDD, tagDT, tagCell, tagRow, tagOption, tagRuby:
		return true
	}
	return false
}

// block reports whether an element's start ends an open paragraph.
func (t tag) block() bool {
	switch t {
	case tagBlock, tagRoot, tagSummary, tagP, tagPre, tagHeading, tagUL, tagOL, tagItem, tagTable, tagHR, tagDD, tagDT, tagXmp, tagDialog:
		return true
	}
	return false
}
