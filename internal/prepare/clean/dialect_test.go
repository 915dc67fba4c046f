package clean_test

import (
	"strings"
	"testing"

	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

// TestDialects: the marks of Obsidian, MyST, Pandoc, MkDocs and Jekyll go, and their words stay; what only looks like them is text.
func TestDialects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"a link of a wiki", "See [[Page]] here.", "See Page here."},
		{"its words", "See [[Page|the words]] here.", "See the words here."},
		{"its heading", "See [[Page#Head]] and [[Page#Head|words]].", "See Page and words."},
		{"a heading of the same page", "See [[#Head]].", "See Head."},
		{"a note that is taken in", "A.\n\n![[Another note]]\n\nB.", "A.\n\nB."},
		{"an image of a wiki", "A ![[x.png|300]] b.", "A b."},
		{"a test of a shell", "Write [[ -f x ]] or a[[0]].", "Write [[ -f x ]] or a[[0]]."},
		{"a matrix", "The matrix [[1, 2], [3, 4]] and [[1, 2]].", "The matrix [[1, 2], [3, 4]] and [[1, 2]]."},
		{"brackets in a link", "A [[link]](https://e.x).", "A [link]."},
		{"a highlight", "A ==high **light**== here.", "A high light here."},
		{"a comparison", "Where a == b and c == d, or a==b and c==d.", "Where a == b and c == d, or a==b and c==d."},
		{"a comparison of strings", `Where "a"=="b" or "c"=="d".`, `Where "a"=="b" or "c"=="d".`},
		{"a highlight in Japanese", "これは==重要==です。", "これは重要です。"},
		{"a highlight without an end", "A ==high light.", "A ==high light."},
		{"the name of a block", "Words of a block. ^37066d", "Words of a block."},
		{"the name of an item", "- One ^first-item\n- Two", "- One\n- Two"},
		{"a power", "The value is x ^2048", "The value is x ^2048"},
		{"a comment of MyST", "A.\n\n% not for readers\n\nB.", "A.\n\nB."},
		{"a share", "100\n% of all.", "100 % of all."},
		{"a label", "(my-label)=\n## H\n\nA.", "## H\n\nA."},
		{"a sentence in brackets", "(It is so.)\n\nA.", "(It is so.)\n\nA."},
		{"the border of a cell", "A.\n\n+++ {\"meta\": true}\n\nB.", "A.\n\nB."},
		{"roles", "See {ref}`my-label`, {doc}`the guide <guide>` and {term}`GPU`.", "See my-label, the guide and GPU."},
		{"a citation of MyST", "It is so {cite:p}`doe2020`.", "It is so."},
		{"a set before code", "The set {a}, `b`.", "The set {a}, b."},
		{"a span", "A [small **span**]{.smallcaps} and [old]{.del}.", "A small span and old."},
		{"brackets before braces", "An [index] {of} things.", "An [index] {of} things."},
		{"a citation", "It is so [@doe2020, p. 3; @roe].", "It is so."},
		{"a package", "Install [@scope/name] now.", "Install [@scope/name] now."},
		{"a link to a person", "By [@doe](https://e.x).", "By @doe."},
		{"a caption below a table", "| a | b |\n|---|---|\n| 1 | 2 |\n\n: The caption {#tbl-x}\n\nA.", "a | b\n1 | 2\n\nThe caption\n\nA."},
		{"a caption at a table", "| a | b |\n|---|---|\n| 1 | 2 |\n: The caption\n\nA.", "a | b\n1 | 2\n\nThe caption\n\nA."},
		{"a definition", "Term\n: What it is.", "Term\n\nWhat it is."},
		{"the name of an equation", "A.\n\n$$\nE\n$$ {#eq-x}\n\nB.", "A.\n\n$$ E $$\n\nB."},
		{"a snippet", "A.\n\n--8<-- \"file.md\"\n\nB.", "A.\n\nB."},
		{"an abbreviation", "HTML is old.\n\n*[HTML]: Hyper Text Markup Language", "HTML is old."},
		{"keys", "Press ++ctrl+alt+del++ now.", "Press ctrl+alt+del now."},
		{"increments", "In C++ and D++ it is i++ and ++i.", "In C++ and D++ it is i++ and ++i."},
		{"details without a kind", "??? \"Title only\"\n    Body.\n\nA.", "Title only\n\nBody.\n\nA."},
		{"Markdown in an element", "<div class=\"grid\" markdown>\n- A **b** c.\n</div>\n\nD.", "- A b c.\n\nD."},
		{"a table of contents of kramdown", "* TOC\n{:toc}\n\nA.", "A."},
		{"one with numbers", "1. TOC\n{:toc .x}\n\nA.", "A."},
		{"an item with the same word", "* TOC\n* B", "- TOC\n- B"},
		{"a table of contents of GitLab", "[[_TOC_]]\n\nA.", "A."},
		{"a comment over lines", "A {# one\ntwo #} b.", "A b."},
		{"a comment that begins on its own line", "A {#\none\n#} b.", "A b."},
		{"branches", "{% if x %}One{% else %}Two{% endif %}", "One Two"},
		{"more branches", "{% if x %}One{%- elsif y -%}Two{% else %}Three{% endif %} end", "One Two Three end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			if got := string(cleaned(t, clean.Config{}, "A paragraph before.\n\n"+tt.in, markdown).Text); got != "A paragraph before.\n\n"+tt.want {
				t.Errorf("after a paragraph the text is %q", got)
			}
		})
	}
	out := cleaned(t, clean.Config{}, "See ![[Another note]] and [@doe2020].", markdown)
	if n := out.Dropped[rule.Reference]; n.Items != 2 {
		t.Errorf("%d references were counted, want 2", n.Items)
	}
	kept := "[[Page|words]] ==high== [a]{.b} {ref}`x` [@doe2020]"
	if got := string(cleaned(t, clean.Config{Rules: clean.Rules{KeepTemplates: true}}, kept, markdown).Text); !strings.Contains(got, "[[Page|words]] ==high== [a]{.b}") {
		t.Errorf("with marks kept the text is %q", got)
	}
}
