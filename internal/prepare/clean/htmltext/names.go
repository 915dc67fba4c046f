package htmltext

// Known reports whether HTML has an element of that name.
func Known(name []byte) bool {
	t, _ := lookupAny(name)
	return t != unknown
}

// NeedsEnd reports whether an element is pointless without an end tag. Void elements need none, and paragraphs, list
// items, cells and the like end by what follows them.
func NeedsEnd(name []byte) bool {
	t, _ := lookupAny(name)
	return !t.void() && !t.optionalEnd() && t != tagPlaintext
}

// Void reports whether an element has no content and no end tag.
func Void(name []byte) bool {
	t, _ := lookupAny(name)
	return t.void()
}

// Dropped reports whether an element of that name is dropped with its content by default.
func Dropped(name []byte) bool {
	switch t, _ := lookupAny(name); t {
	case tagRaw, tagNoscript, tagTemplate, tagTitle, tagMedia, tagIframe, tagSelect, tagButton, tagTextarea, tagDatalist,
		tagRuby, tagPre, tagXmp, tagDialog:
		return true
	}
	return false
}

// BlockName reports whether a line that begins with a tag of that name begins an HTML block of CommonMark's sixth kind.
func BlockName(name []byte) bool {
	var lower [maxName]byte
	if len(name) > maxName {
		return false
	}
	switch string(appendLower(lower[:0], name)) {
	case "address", "article", "aside", "base", "basefont", "blockquote", "body", "caption", "center", "col", "colgroup",
		"dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frame",
		"frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "iframe", "legend", "li", "link",
		"main", "menu", "menuitem", "nav", "noframes", "ol", "optgroup", "option", "p", "param", "search", "section",
		"summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr", "track", "ul":
		return true
	}
	return false
}

func lookupAny(name []byte) (tag, uint8) {
	var lower [maxName]byte
	if len(name) > maxName {
		return unknown, 0
	}
	return lookup(appendLower(lower[:0], name))
}
