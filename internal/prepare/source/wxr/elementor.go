package wxr

import (
	"slices"
	"strings"

	"quarry/internal/base/jsonl"
)

// elementorData is the custom field in which Elementor keeps a page, as JSON
// (https://developers.elementor.com/docs/data-structure/page-content/). Mostly the body holds a copy of its text; where that is empty,
// this is the text.
const elementorData = "_elementor_data"

// elementorWords are the settings of widgets that a reader sees, rather than addresses, sizes and colours.
var elementorWords = []string{
	"title", "title_text", "heading", "sub_heading", "subtitle", "editor", "text", "html", "content", "description", "description_text",
	"caption",
	"tab_title", "tab_content", "item_title", "item_description", "testimonial_content", "testimonial_name", "testimonial_job", "alert_title",
	"alert_description", "blockquote_content", "author_name", "button_text", "label", "prefix", "suffix", "before_text", "highlighted_text",
	"after_text",
}

// maxElements bounds how deep the elements of a page nest.
const maxElements = 32

// elementor writes a page of Elementor as HTML; nil where the data are none.
func elementor(data []byte) []byte {
	if jsonl.Check([]byte(`{"a":`+string(data)+`}`)) != nil {
		return nil
	}
	var out strings.Builder
	elements(&out, data, 0)
	return []byte(out.String())
}

// elements writes an array of elements: what each shows, and what is in it.
func elements(out *strings.Builder, array []byte, depth int) {
	if depth > maxElements {
		return
	}
	for element := range jsonl.Elements(array) {
		settings, _ := jsonl.Lookup(element, "settings")
		tag := "div"
		if kind, ok := jsonl.Lookup(element, "widgetType"); ok && string(kind) == `"heading"` {
			tag = "h2"
		}
		widget(out, settings, tag, depth)
		inner, _ := jsonl.Lookup(element, "elements")
		elements(out, inner, depth+1)
	}
}

// widget writes the words in the settings of a widget, and in its lists, such as those of tabs.
func widget(out *strings.Builder, settings []byte, tag string, depth int) {
	if depth > maxElements {
		return
	}
	for name, v := range jsonl.Members(settings) {
		switch {
		case v[0] == '[':
			for item := range jsonl.Elements(v) {
				widget(out, item, "div", depth+1)
			}
		case v[0] == '"' && len(v) > 2 && slices.Contains(elementorWords, string(name)):
			out.WriteString("<" + tag + ">")
			out.Write(jsonl.Unescape(nil, v))
			out.WriteString("</" + tag + ">")
		}
	}
}
