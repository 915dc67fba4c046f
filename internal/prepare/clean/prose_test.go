package clean_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

const (
	poem   = "Two roads diverged in a yellow wood,\nAnd sorry I could not travel both\nAnd be one traveler, long I stood"
	letter = "From alice at example.com  Mon Mar 2 10:00:00 2020\nSubject: [list] The build\n\nHello all,\n\n&gt; did you see that it fails?\n\nYes, and I think that it is the fault of the cache.\n\nAlice"
	rfc    = "Network Working Group                                   A. Author\nRequest for Comments: 9999                              May 1999\n\n                          The Protocol\n\n1.  Introduction\n\n   This document describes the protocol that is used between a client\n   and a server. The key words are to be read as in RFC 2119."
	golang = "func main() {\n\tfmt.Println(1)\n\tif x &lt; 2 {\n\t\treturn\n\t}\n}"
)

// TestProseInPre: a document that is one pre is read as prose where it is.
func TestProseInPre(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		format   quarry.Format
		want     string // a part of the text; empty: there is none
	}{
		{"a poem", "<pre>" + poem + "</pre>", html, "And sorry I could not travel both\nAnd be one traveler"},
		{"a poem below a title", "<h1>Poem</h1><pre>" + poem + "</pre>", html, "And sorry I could not"},
		{"a mail", "<b>Alice</b><hr><pre>" + letter + "</pre>", html, "> did you see that it fails?\n\nYes, and I think"},
		{"an RFC", "<pre>" + rfc + "</pre>", html, "1.  Introduction"},
		{"an RFC page by page", "<pre>" + rfc + "</pre><hr><pre>" + strings.ReplaceAll(rfc, "Introduction", "Terms") + "</pre>", html, "1.  Terms"},
		{"in Japanese", "<pre>古池や、\n蛙飛びこむ、\n水の音。</pre>", html, "古池や、\n蛙飛びこむ、"},
		{"in Russian", "<pre>Я помню чудное мгновенье:\nПередо мной явилась ты,</pre>", html, "Передо мной"},
		{"in German", "<pre>Wer reitet so spät durch Nacht und Wind?\nEs ist der Vater mit seinem Kind;</pre>", html, "Es ist der Vater"},
		{"without the marks of sentences", "<pre>so much depends\nupon\n\na red wheel\nbarrow\n\nglazed with the rain\nwater</pre>", html, "a red wheel\nbarrow"},
		{"with links and emphasis in it", "<pre>" + strings.ReplaceAll(poem, "wood", `<a href="/w"><b>wood</b></a>`) + "</pre>", html, "in a yellow wood,"},
		{"a listing", "<listing>" + poem + "</listing>", html, "And be one traveler"},
		{"an xmp", "<xmp>" + poem + "</xmp>", html, "And be one traveler"},
		{"a page", "<!doctype html><html><head><title>P</title></head><body><pre>" + poem + "</pre></body></html>", html, "And sorry I could not"},
		{"a page of a mail", "<html><body><h1>Build</h1><pre>" + strings.Repeat(letter+"\n\n", 8) + "</pre></body></html>", html, "Yes, and I think"},
		{"hidden in part", `<pre>` + poem + `</pre><pre style="display:none">` + rfc + `</pre>`, html, "And sorry"},
		{"in a fence", "```\n" + poem + "\n```\n", markdown, "And sorry I could not travel both\nAnd be one"},
		{"in a fence of text", "# Poem\n\n```text\n" + poem + "\n```\n", markdown, "And sorry I could not"},
		{"indented", "    Two roads diverged in a yellow wood,\n    And sorry I could not travel both\n", markdown, "And sorry I could not"},
		{"pre in Markdown", "# Poem\n\n<pre>\n" + poem + "\n</pre>\n", markdown, "And sorry I could not"},

		{"code", "<pre>" + golang + "</pre>", html, ""},
		{"coloured code", "<pre><span class=k>def</span> <span>f</span>(x):\n    <span>return</span> x[1]</pre>", html, ""},
		{"commands", "<pre>npm install foo\nrm -rf /</pre>", html, ""},
		{"a configuration", "<pre>server:\n  host: localhost\n  port: 8080\n  name: \"x\"</pre>", html, ""},
		{"a query", "<pre>SELECT a.id, b.name FROM a JOIN b ON a.id = b.id WHERE b.n &gt; 3;</pre>", html, ""},
		{"JSON", "<pre>{\"id\": 1, \"name\": \"the name of the thing\"}</pre>", html, ""},
		{"markup", "<pre>&lt;p class=\"a\"&gt;the text&lt;/p&gt;\n&lt;p&gt;and more&lt;/p&gt;</pre>", html, ""},
		{"code with comments", "<pre># the name of the file that is read\nname = open(\"x\")\n# and its lines\nlines = name.readlines()</pre>", html, ""},
		{"code in a fence", "```\nx := f(1)\ny := g(x)\n```\n", markdown, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := cleaned(t, clean.Config{}, tt.in, tt.format)
			got := string(out.Text)
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("as %s the text is %q, want %q in it", out.Mode, got, tt.want)
			}
			if strings.Contains(tt.name, "hidden") && strings.Contains(got, "Introduction") {
				t.Errorf("what is hidden is text: %q", got)
			}
		})
	}
	// In a document with other text a pre is code, whatever is in it.
	out := cleaned(t, clean.Config{}, "<p>"+strings.Repeat("An article of many words. ", 20)+"</p><pre>"+poem+"</pre>", html)
	if strings.Contains(string(out.Text), "roads") {
		t.Errorf("a block of code beside an article stays: %q", out.Text)
	}
}

// TestOpenFences: what follows a fence without an end is text from where sentences begin again, and the rest counts as
// unclosed.
func TestOpenFences(t *testing.T) {
	t.Parallel()
	const prose = "After the fence there is prose that a reader sees."
	for _, tt := range []struct {
		name, in, want string
		kind           rule.Rule
	}{
		{"prose after it", "# T\n\nIntro.\n\n```\ncode()\n\n" + prose + "\n\nMore of it, too.", "# T\n\nIntro.\n\n" + prose + "\n\nMore of it, too.", rule.Unclosed},
		{"a heading before the prose", "A.\n\n```sh\nmake -j2\n\n## Usage\n\n" + prose, "A.\n\n## Usage\n\n" + prose, rule.Unclosed},
		{"nothing but code", "A.\n\n```\nx = f(1);\n\ny = g(x);", "A.", rule.Unclosed},
		{"code, comments and code", "A.\n\n```py\nx = f(1)\n\n# the name of the file\n\ny = g(x)[1]\nz = h(y)", "A.", rule.Unclosed},
		{"tildes", "A.\n\n~~~\ncode()\n\n" + prose, "A.\n\n" + prose, rule.Unclosed},
		{"marks of another kind after it", "A.\n\n```\ncode()\n\n~~~\n\n" + prose, "A.\n\n" + prose, rule.Unclosed},
		{"two of them", "A.\n\n```js\na()\n\n" + prose + "\n\n```js\nb()\n\nAnd this is the end of it.", "A.\n\n" + prose + "\n\nAnd this is the end of it.", rule.Unclosed},
		{"three, each longer than what follows", "`````\na()\n\n" + prose + "\n\n````\nb()\n\n" + prose + "\n\n```\nc()\n\nAnd that is the end.", prose + "\n\n" + prose + "\n\nAnd that is the end.", rule.Unclosed},
		{"one that ends after it", "```js\na()\n```\n\n" + prose + "\n\n````\nb()\n\nAnd this is the end of it.", prose + "\n\nAnd this is the end of it.", rule.Unclosed},
		{"a list after it", "```\na()\n\nThe steps are these, in order:\n\n- one of the steps\n- the other one", "The steps are these, in order:\n\n- one of the steps\n- the other one", rule.Unclosed},
		{"in Japanese", "```\na()\n\nここからは本文です。読者はこれを読みます。", "ここからは本文です。読者はこれを読みます。", rule.Unclosed},
		{"in a list", "- a\n\n  ```\n  code()\n\n- b", "- a\n- b", rule.Unclosed},
		{"in a quotation", "> ```\n> code()\n\nB.", "B.", rule.Unclosed},
		{"a link defined after it", "```\na()\n\nThis is [the link] that it defines.\n\n[the link]: https://e.example", "This is the link that it defines.", rule.Unclosed},
		{"one that ends is code", prose + "\n\n```\ncode()\n\nThis is not the end of it.\n```\nB.", prose + "\n\nB.", rule.Code},
		{"one that ends with the document", "A.\n\n```\ncode()\n```", "A.", rule.Code},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := cleaned(t, clean.Config{}, tt.in, markdown)
			if got := string(out.Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			for _, kind := range []rule.Rule{rule.Code, rule.Unclosed} {
				if want := kind == tt.kind || kind == rule.Code && strings.Contains(tt.in, "```js\na()\n```"); (out.Dropped[kind].Items > 0) != want {
					t.Errorf("of %v %d were dropped", kind, out.Dropped[kind].Items)
				}
			}
			giant := strings.Repeat("Words of the article, and more of them.\n\n", 40_000) + tt.in // read in two passes
			if got := string(cleaned(t, clean.Config{MaxChars: clean.Off}, giant, markdown).Text); !strings.HasSuffix(got, tt.want) {
				t.Errorf("the giant text ends with %q", got[max(0, len(got)-200):])
			}
			kept := string(cleaned(t, clean.Config{Rules: clean.Rules{Code: "keep"}}, tt.in, markdown).Text)
			if strings.Count(kept, "After the fence") > strings.Count(tt.in, "After the fence") || !strings.Contains(kept, "(") && !strings.Contains(kept, "make -j2") {
				t.Errorf("with code kept the text is %q", kept)
			}
		})
	}
}

// TestShadowTrees: a template that a browser shows is text.
func TestShadowTrees(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"open", `<p>A.</p><my-card><template shadowrootmode="open"><p>B.</p></template></my-card>`, "A.\n\nB."},
		{"closed", `<my-card><template shadowrootmode=closed><p>B.</p></template></my-card>`, "B."},
		{"in capitals", `<my-card><TEMPLATE ShadowRootMode="OPEN"><p>B.</p></TEMPLATE></my-card>`, "B."},
		{"as browsers had it first", `<my-card><template shadowroot="open"><p>B.</p></template></my-card>`, "B."},
		{"with further attributes", `<my-card><template shadowrootmode="open" shadowrootdelegatesfocus><p>B.</p></template></my-card>`, "B."},
		{"with a style and a slot", `<my-card><template shadowrootmode="open"><style>p{}</style><p>B.</p><slot></slot></template><p>C.</p></my-card>`, "B.\n\nC."},
		{"nested", `<a-a><template shadowrootmode="open"><b-b><template shadowrootmode="open"><p>B.</p></template></b-b></template></a-a>`, "B."},
		{"hidden", `<p>A.</p><my-card hidden><template shadowrootmode="open"><p>B.</p></template></my-card>`, "A."},
		{"where a tree is needed", `<my-card><template shadowrootmode="open"><p>B.</p></template></my-card><p hidden>x<p>C.`, "B.\n\nC."},
		{"another mode", `<p>A.</p><template shadowrootmode="none"><p>B.</p></template>`, "A."},
		{"a template", `<p>A.</p><template id="shadowrootmode"><p>B.</p></template>`, "A."},
		{"a template in it", `<my-card><template shadowrootmode="open"><p>B.</p><template><p>C.</p></template></template></my-card>`, "B."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, html).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			if got := string(cleaned(t, clean.Config{}, "# T\n\n"+tt.in, markdown).Text); tt.name == "open" && !strings.Contains(got, "# T\n\n"+tt.want) {
				t.Errorf("in Markdown the text is %q", got)
			}
		})
	}
}

// TestNestedShortcodes: what authors indent between the marks of a shortcode is text.
func TestNestedShortcodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"tabs", "A.\n\n{{< tabs >}}\n    {{< tab \"One\" >}}\n    Inside one.\n    {{< /tab >}}\n{{< /tabs >}}\n\nB.", "A.\n\nOne\n\nInside one.\n\nB."},
		{"indented by level", "{{< tabs >}}\n    {{< tab \"One\" >}}\n        Inside one.\n\n        And more.\n    {{< /tab >}}\n{{< /tabs >}}\nB.", "One\n\nInside one.\n\nAnd more.\n\nB."},
		{"by two columns", "{{< tabs >}}\n  {{< tab \"One\" >}}\n    Inside one.\n  {{< /tab >}}\n{{< /tabs >}}\nB.", "One\n\nInside one.\n\nB."},
		{"with percent signs", "{{% note %}}\n    Mind the gap.\n{{% /note %}}\nB.", "Mind the gap.\n\nB."},
		{"with tabs", "{{< a >}}\n\t{{< b >}}\n\tInside it.\n\t{{< /b >}}\n{{< /a >}}\nB.", "Inside it.\n\nB."},
		{"a list in it", "{{< a >}}\n    - one\n    - two\n{{< /a >}}\nB.", "- one\n- two\n\nB."},
		{"a heading in it", "{{< a >}}\n\n    ## Title\n\n    Inside it.\n\n{{< /a >}}\nB.", "## Title\n\nInside it.\n\nB."},
		{"a fence in it", "{{< a >}}\n    Run this:\n\n    ```\n    make()\n    ```\n\n    Done.\n{{< /a >}}\nB.", "Run this:\n\nDone.\n\nB."},
		{"Liquid", "{% tabs %}\n    {% tab one %}\n    Inside one.\n    {% endtab %}\n{% endtabs %}\nB.", "Inside one.\n\nB."},
		{"three levels", "{{< a >}}\n    {{< b >}}\n        {{< c >}}\n            Deep inside.\n        {{< /c >}}\n    {{< /b >}}\n{{< /a >}}\nB.", "Deep inside.\n\nB."},
		{"in Japanese", "{{< a >}}\n    ここは本文です。\n{{< /a >}}\nB.", "ここは本文です。\n\nB."},
		{"after the end", "{{< a >}}\nText.\n{{< /a >}}\n\n    x = f(1);\n\nB.", "Text.\n\nB."},
		{"code in it", "{{< a >}}\n    x = f(1);\n    y = g(x);\n{{< /a >}}\nB.", "B."},
		{"a command in it", "{{< a >}}\n    $ make all\n{{< /a >}}\nB.", "B."},
		{"a mark without an end", "{{< toc >}}\n\n    x = f(1);\n\nB.", "B."},
		{"code without a mark", "A text of some words.\n\n    Indented text is code.\n\nB.", "A text of some words.\n\nB."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}
