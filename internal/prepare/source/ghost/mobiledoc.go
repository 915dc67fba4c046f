package ghost

import (
	"encoding/json"
	"html"
	"strings"
)

// mobile is a Mobiledoc 0.3 (https://github.com/bustle/mobiledoc-kit/blob/master/MOBILEDOC.md): lists of lists, distinguished
// by a number at their head.
type mobile struct {
	Cards    [][]json.RawMessage
	Atoms    [][]json.RawMessage
	Markups  [][]json.RawMessage
	Sections [][]json.RawMessage
}

// The kinds of sections.
const (
	markupSection = 1
	imageSection  = 2
	listSection   = 3
	cardSection   = 10
)

func (m mobile) render() string {
	var out strings.Builder
	for _, s := range m.Sections {
		if len(s) < 2 {
			continue
		}
		switch number(s[0]) {
		case markupSection:
			if len(s) < 3 {
				continue
			}
			tag := word(text(s[1]), "p", "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "aside")
			out.WriteString("<" + tag + ">")
			m.markers(&out, s[2])
			out.WriteString("</" + tag + ">")
		case listSection:
			if len(s) < 3 {
				continue
			}
			tag := word(text(s[1]), "ul", "ul", "ol")
			out.WriteString("<" + tag + ">")
			var items []json.RawMessage
			_ = json.Unmarshal(s[2], &items) // what is no list has no items
			for _, item := range items {
				out.WriteString("<li>")
				m.markers(&out, item)
				out.WriteString("</li>")
			}
			out.WriteString("</" + tag + ">")
		case cardSection:
			if n := number(s[1]); n >= 0 && n < len(m.Cards) && len(m.Cards[n]) == 2 {
				card(&out, text(m.Cards[n][0]), m.Cards[n][1])
			}
		}
	}
	return out.String()
}

// markers writes runs of text: [kind, opened markups, how many close, text]. Kind 1 is an atom.
func (m mobile) markers(out *strings.Builder, raw json.RawMessage) {
	var runs [][]json.RawMessage
	if json.Unmarshal(raw, &runs) != nil {
		return
	}
	var open []string
	for _, run := range runs {
		if len(run) < 4 {
			continue
		}
		var markups []int
		_ = json.Unmarshal(run[1], &markups) // what is no list opens nothing
		for _, n := range markups {
			tag := ""
			if n >= 0 && n < len(m.Markups) && len(m.Markups[n]) > 0 && text(m.Markups[n][0]) == "code" {
				tag = "code"
				out.WriteString("<code>")
			}
			open = append(open, tag)
		}
		if number(run[0]) == 0 {
			out.WriteString(html.EscapeString(text(run[3])))
		} else if n := number(run[3]); n >= 0 && n < len(m.Atoms) && len(m.Atoms[n]) > 1 {
			if text(m.Atoms[n][0]) == "soft-return" {
				out.WriteString("<br>")
			} else {
				out.WriteString(html.EscapeString(text(m.Atoms[n][1])))
			}
		}
		for range min(max(number(run[2]), 0), len(open)) {
			if open[len(open)-1] != "" {
				out.WriteString("</code>")
			}
			open = open[:len(open)-1]
		}
	}
	for range open {
		if open[len(open)-1] != "" {
			out.WriteString("</code>")
		}
		open = open[:len(open)-1]
	}
}

// prose is what cards of both editors hold next to their caption: all of it HTML that the author wrote.
type prose struct {
	Header, Subheader, ProductTitle, ProductDescription, FileTitle, FileCaption, TextValue string
}

func (p *prose) write(out *strings.Builder) {
	for _, text := range []string{p.Header, p.Subheader, p.ProductTitle, p.ProductDescription, p.FileTitle, p.FileCaption, p.TextValue} {
		if text != "" {
			out.WriteString("<div>" + text + "</div>")
		}
	}
}

func card(out *strings.Builder, name string, payload json.RawMessage) {
	var p struct {
		Markdown, HTML, Code, Caption, CalloutText, Heading, Content string
		prose
	}
	if json.Unmarshal(payload, &p) != nil {
		return
	}
	switch name {
	case "hr":
		out.WriteString("<hr>")
	case "code":
		out.WriteString("<pre><code>" + html.EscapeString(p.Code) + "</code></pre>")
	case "html":
		out.WriteString(p.HTML)
	case "markdown", "card-markdown":
		paragraphs(out, p.Markdown)
	case "callout":
		out.WriteString("<div>" + p.CalloutText + "</div>")
	case "toggle":
		out.WriteString("<div>" + p.Heading + "</div><div>" + p.Content + "</div>")
	default:
		p.write(out)
		if p.Caption != "" {
			out.WriteString("<figure><figcaption>" + p.Caption + "</figcaption></figure>")
		}
	}
}

func number(raw json.RawMessage) int {
	n := -1
	if json.Unmarshal(raw, &n) != nil {
		return -1
	}
	return n
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
