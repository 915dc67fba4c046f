package htmltext

import "bytes"

// component writes the words that a component of JSX shows and that are in its attributes. The attributes are from i on. In a
// sentence they are words of it, elsewhere a paragraph.
func (r *Renderer) component(src, name []byte, i int) {
	if r.Literal == nil || r.muted {
		return
	}
	ComponentWords(src, name, i, r.at.selfClosing, func(from, to int) { r.aside(src[from:to]) })
}

// ComponentWords gives the places of the words that a component of JSX shows and that are in its attributes: the label of a tab, the
// title of a card. The attributes are from i to the end of src, or to the end of the tag.
func ComponentWords(src, name []byte, i int, selfClosing bool, each func(from, to int)) {
	if !isComponent(name) || selfClosing && !containsAny(name, wholes[:]) {
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
		for i++; i < len(src) && isBlank(src[i]); i++ {
		}
		if i < len(src) && src[i] == '{' {
			i = afterBraces(src, i)
			continue
		}
		quoted := i < len(src) && (src[i] == '"' || src[i] == '\'')
		value, next := attrValue(src, i)
		if next < 0 {
			return
		}
		if quoted && len(value) > 0 && shownAttribute(key) {
			each(i+1, i+1+len(value))
		}
		i = next
	}
}

// afterBraces returns where the expression in braces at i ends.
func afterBraces(src []byte, i int) int {
	for depth := 0; i < len(src); i++ {
		switch src[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
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
