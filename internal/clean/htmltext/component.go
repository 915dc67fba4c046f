package htmltext

import "bytes"

// component writes the words that a component of JSX shows and that are in its attributes: the label of a tab, the title of a card. The
// attributes are from i on. In a sentence they are words of it, elsewhere a paragraph.
func (r *Renderer) component(src, name []byte, i int) {
	if r.Literal == nil || r.muted || !isComponent(name) || r.at.selfClosing && !containsAny(name, wholes[:]) {
		return
	}
	for i < len(src) {
		for i < len(src) && (isBlank(src[i]) || src[i] == '/') {
			i++
		}
		if i >= len(src) || src[i] == '>' {
			return
		}
		from := i
		for i++; i < len(src) && src[i] != '=' && src[i] != '>' && src[i] != '/' && !isBlank(src[i]); i++ {
		}
		key := src[from:i]
		for i < len(src) && isBlank(src[i]) {
			i++
		}
		if i >= len(src) || src[i] != '=' {
			continue
		}
		var value []byte
		quoted := i+1 < len(src) && (src[i+1] == '"' || src[i+1] == '\'')
		if value, i = attrValue(src, i+1); i < 0 {
			return
		}
		if quoted && len(value) > 0 && shownAttribute(key) {
			r.aside(value)
		}
	}
}

// aside writes words that are not part of what is around them.
func (r *Renderer) aside(words []byte) {
	if r.inline {
		r.W.Blank()
		r.Text(words)
		r.W.Blank()
		return
	}
	r.Break(2)
	r.Text(words)
	r.Break(2)
}

// isComponent reports whether a name is that of a component, such as TabItem, and of none whose words are for machines.
func isComponent(name []byte) bool {
	if len(name) == 0 || name[0] < 'A' || name[0] > 'Z' || bytes.IndexFunc(name, func(c rune) bool { return c >= 'a' && c <= 'z' }) < 0 {
		return false
	}
	return !containsAny(name, machines[:]) || containsAny(name, wholes[:])
}

// wholes are parts of the names of components whose attributes may be all that they show; machines of those that show none of them.
var (
	wholes   = [...]string{"Card", "Figure", "Frame", "Badge", "Step", "Accordion", "Quote", "Callout"}
	machines = [...]string{
		"Link", "Image", "Img", "Icon", "Tube", "Video", "Audio", "IFrame", "Iframe", "Code", "Head", "SEO", "Seo", "Meta", "Script", "Embed", "Input",
	}
)

func containsAny(name []byte, parts []string) bool {
	for _, part := range parts {
		if bytes.Contains(name, []byte(part)) {
			return true
		}
	}
	return false
}

func shownAttribute(key []byte) bool {
	switch string(key) {
	case "label", "title", "subtitle", "summary", "caption", "heading", "header", "question", "answer", "description":
		return true
	}
	return false
}
