package extractive

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// looksHTML tells an HTML document from Markdown that mixes tags in, by which kind of mark there is more of.
func looksHTML(text string) bool {
	if !strings.Contains(text, "</") && !strings.Contains(text, "<p>") && !strings.Contains(text, "<br") {
		return false
	}
	start := strings.TrimSpace(text[:min(len(text), 4096)])
	fenced := strings.Contains(text, "\n```") || strings.Contains(text, "\n\n## ") || strings.Contains(text, "\n\n# ")
	if strings.HasPrefix(start, "# ") || strings.HasPrefix(start, "## ") {
		return false
	}
	tags, marks := 0, 0
	for _, mark := range []string{"</p>", "</div>", "</li>", "</td>", "</pre>", "</h1>", "</h2>", "</h3>", "<br", "<p>"} {
		tags += strings.Count(text, mark)
	}
	for _, mark := range []string{"\n# ", "\n## ", "\n### ", "\n```", "](", "][", "\n- ", "\n* ", "\n*  ", "**"} {
		marks += strings.Count(text, mark)
	}
	if strings.HasPrefix(start, "<") && !strings.Contains(text, "\n```") {
		return tags >= marks
	}
	return tags >= 2 && tags > 2*marks && (!fenced || tags > 4*marks)
}

// skipped are the elements whose text nobody reads as the article's.
var skipped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Math: true, atom.Head: true, atom.Nav: true,
	atom.Footer: true, atom.Form: true, atom.Button: true, atom.Select: true, atom.Textarea: true, atom.Iframe: true, atom.Pre: true, atom.Object: true,
}

var breaking = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Dd: true, atom.Dt: true,
	atom.Table: true, atom.Blockquote: true, atom.Header: true, atom.Main: true, atom.Aside: true, atom.Figure: true, atom.Figcaption: true,
	atom.Hr: true, atom.Tbody: true, atom.Thead: true, atom.Details: true, atom.Summary: true, atom.Body: true, atom.Html: true, atom.Caption: true,
}

// htmlToText writes HTML in the marked form: headings "# ", items "- ", cells " | ", one paragraph a block; code and scripts are dropped.
// The tokenizer keeps no tree, so neither depth nor size costs more than one pass.
func htmlToText(text string) string {
	z := html.NewTokenizer(strings.NewReader(text))
	w := htmlWriter{}
	w.out.Grow(len(text) / 2)
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			w.flush()
			return w.out.String()
		case html.TextToken:
			if w.skip == 0 {
				w.line.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			w.start(atom.Lookup(name), kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(atom.Lookup(name))
		}
	}
}

// lineBreak stands for <br> until white space is folded; a newline of the source is only a space.
const lineBreak = "\v"

type htmlWriter struct {
	out    strings.Builder
	line   strings.Builder
	mark   string // what the next block begins with
	skip   int
	within atom.Atom // the skipped element that is open
	lists  int
	cells  bool
}

func (w *htmlWriter) flush() {
	wrote := false
	for line := range strings.SplitSeq(w.line.String(), lineBreak) {
		if line = fold(line); line == "" {
			continue
		}
		if wrote {
			w.out.WriteByte('\n')
		} else if w.mark == "" && w.lists > 0 {
			w.mark = "- "
		}
		w.out.WriteString(w.mark)
		w.out.WriteString(line)
		w.mark, wrote = "", true
	}
	if wrote {
		w.out.WriteString("\n\n")
	}
	w.line.Reset()
}

func (w *htmlWriter) start(a atom.Atom, selfClosing bool) {
	if w.skip > 0 {
		if a == w.within && !selfClosing {
			w.skip++
		}
		return
	}
	switch {
	case skipped[a]:
		if !selfClosing {
			w.flush()
			w.skip, w.within = 1, a
		}
	case a == atom.H1, a == atom.H2, a == atom.H3, a == atom.H4, a == atom.H5, a == atom.H6:
		w.flush()
		w.mark = "# "
	case a == atom.Li:
		w.flush()
		w.lists++
		w.mark = "- "
	case a == atom.Tr:
		w.flush()
		w.cells = false
	case a == atom.Td, a == atom.Th:
		if w.cells {
			w.line.WriteString(" | ")
		} else {
			w.line.WriteString("| ")
		}
		w.cells = true
	case a == atom.Br:
		w.line.WriteString(lineBreak)
	case breaking[a]:
		if !w.cells {
			w.flush()
		}
	}
}

func (w *htmlWriter) end(a atom.Atom) {
	if w.skip > 0 {
		if a == w.within {
			w.skip--
		}
		return
	}
	switch {
	case a == atom.Li:
		w.flush()
		w.lists = max(0, w.lists-1)
		w.mark = ""
	case a == atom.H1, a == atom.H2, a == atom.H3, a == atom.H4, a == atom.H5, a == atom.H6:
		w.flush()
		w.mark = ""
	case a == atom.Tr, a == atom.Table:
		w.flush()
		w.cells = false
	case breaking[a]:
		if !w.cells {
			w.flush()
		}
	}
}
