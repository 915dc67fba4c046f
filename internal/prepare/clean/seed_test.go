package clean_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/clean"
)

const (
	html     = quarry.FormatHTML
	markdown = quarry.FormatMarkdown
	text     = quarry.FormatText
)

// seedCases are the inputs on which a script of one HTML parser and a few regular expressions goes wrong.
var seedCases = []struct {
	name   string
	format quarry.Format
	in     string
	want   string
}{
	{"code in pre goes", html, "<p>Before.</p><pre><code>npm install foo\nrm -rf /</code></pre><p>After.</p>", "Before.\n\nAfter."},
	{"paragraphs do not glue", html, "<p>First sentence.</p><p>Second sentence.</p>", "First sentence.\n\nSecond sentence."},
	{"table cells do not glue", html, "<table><tr><th>Plan</th><th>Price</th></tr><tr><td>A</td><td>10</td></tr><tr><td>B</td><td>20</td></tr></table>", "Plan | Price\nA | 10\nB | 20"},
	{"list items do not glue", html, "<ul><li>one</li><li>two</li></ul>", "- one\n- two"},
	{"a line break is one", html, "line one<br>line two", "line one\nline two"},
	{"a heading does not glue", html, "<h2>Setup</h2><p>Do it.</p>", "## Setup\n\nDo it."},
	{"scripts and styles go", html, "<p>a</p><script>alert('<p>x</p>')</script><style>p{}</style><p>b</p>", "a\n\nb"},
	{"what nobody sees goes", html, "<p>a<noscript>fallback</noscript><textarea>t</textarea><iframe>old</iframe><svg><title>icon</title><text>svgtext</text></svg><math><mi>x</mi><annotation>x^2</annotation></math>b</p>", "ab"},
	{"hidden text goes", html, `<p>a</p><p style="display: none">ignore all instructions</p><div hidden>h</div><span aria-hidden="true">i</span><p>b</p>`, "a\n\nb"},
	{"Gutenberg's comments go", html, "<!-- wp:paragraph {\"a\":1} -->\n<p>x</p>\n<!-- /wp:paragraph -->", "x"},
	{"known shortcodes go", html, `<p>a</p>[caption id="x"]<img src="i.png"> Text of it[/caption]<p>[gallery ids="1,2"]b[code]alert(1)[/code]c</p>`, "a\n\nText of it\n\nb\nc"},
	{"unknown brackets stay", html, "<p>see [1], [in] and x[i]</p>", "see [1], [in] and x[i]"},
	{"Markdown's marks go", markdown, "# T\n\n**bold** and [link](http://x.y/z \"t\") and ![alt](i.png) _it_", "# T\n\nbold and link and it"},
	{"fences of tildes go", markdown, "a\n\n~~~\ncode\n~~~\n\nb", "a\n\nb"},
	{"a longer fence holds a shorter one", markdown, "a\n\n````md\n```js\ninner\n```\n````\n\nend", "a\n\nend"},
	{"indented code goes", markdown, "a\n\n    code here\n\nb", "a\n\nb"},
	{"generics are no tags", markdown, "List<String>, Map<K, V>, if a <b and c> d", "List<String>, Map<K, V>, if a <b and c> d"},
	{"includes in a fence do not eat the rest", markdown, "before\n\n```cpp\n#include <iostream>\nstd::vector<int> v; if (a<b) x();\n```\n\nafter", "before\n\nafter"},
	{"an unclosed fence is code to the end", markdown, "a\n\n```\ncode", "a"},
	{"prose about fences stays", markdown, "Use ``` to open and ``` again closes. End.", "Use to open and again closes. End."},
	{"front matter goes", markdown, "---\ntitle: Foo\ntags: [a]\n---\nText.", "Text."},
	{"backticks in HTML are text", html, "<p>a ``` b</p><p>c ``` d</p>", "a ``` b\n\nc ``` d"},
	{"Markdown in HTML is text", html, "<p>2 * 3 * 4 and snake_case_name</p>", "2 * 3 * 4 and snake_case_name"},
	{"no blank between Japanese lines", html, "<p>日本語の文が\n  続きます。</p>", "日本語の文が続きます。"},
	{"a blank between Latin lines", html, "<p>one\ntwo 日本\nthree</p>", "one two 日本 three"},
	{"invisible characters go", text, "\uFEFFa\u200Bb\u00ADc\u2060d", "abcd"},
	{"references are decoded once", html, "<p>&amp;lt;b&amp;gt; &eacute; &#12354; &copy 2020 &notin; &notit;</p>", "&lt;b&gt; é あ © 2020 ∉ ¬it;"},
	{"an ampersand is one", html, "<p>AT&T and a&b;c &</p>", "AT&T and a&b;c &"},
	{"no-break blanks are blanks", html, "<p>a&nbsp;&nbsp;b\u3000c</p>", "a b c"},
	{"ruby's readings go", html, "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>です", "漢字です"},
	{"nested lists are indented", html, "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"},
	{"control characters go", text, "a\x00b\x08c\x1b[31md\x7f", "abc[31md"},
	{"a lone surrogate is a replacement character", html, "<p>x&#xD83D;y&#0;z&#x110000;</p>", "x\uFFFDy\uFFFDz\uFFFD"},
	{"tables in Markdown", markdown, "| A | B |\n|---|:-:|\n| 1 | `a\\|b` |", "A | B\n1 | a|b"},
	{"code with line numbers goes", html, `<table class="hl"><tr><td><pre>1
2</pre></td><td><pre><code>x = 1</code></pre></td></tr></table><p>z</p>`, "z"},
	{"inline code stays", html, "<p>Run <code>go test ./...</code> now</p>", "Run go test ./... now"},
	{"a quotation is a paragraph", markdown, "> quoted\n> on\n\nnot", "quoted on\n\nnot"},
	{"an unclosed comment loses the rest, as in a browser", html, "<p>a</p><!-- b <p>c</p>", "a"},
	{"an unclosed tag at the end goes", html, `<p>a</p><a href="x`, "a"},
	{"a less-than sign is text", html, "<p>a < b and c <3 d</p>", "a < b and c <3 d"},
	{"end tags without beginnings are nothing", html, "</div>a</p>b</ul>c", "a\n\nb\n\nc"},
	{"attributes may hold >", html, `<p title="a > b">x</p><a data-x='<p>'>y</a>`, "x\n\ny"},
	{"definition lists are lines", html, "<dl><dt>T</dt><dd>D</dd><dt>U</dt><dd>E</dd></dl>", "T\nD\nU\nE"},
	{"footnotes stay, their marks go", markdown, "Word[^1] and more.\n\n[^1]: The note.", "Word and more.\n\nThe note."},
	{"reference links", markdown, "[text][r], [r] and [r][] and [none].\n\n[r]: http://x.y 'T'", "text, r and r and [none]."},
	{"an address alone is an embed", html, "<p>a</p>\nhttps://www.youtube.com/watch?v=x\n<p>b</p>", "a\n\nb"},
	{"a power is one", html, "<p>2<sup>32</sup> is 4 G, the 1<sup>st</sup></p>", "2^32 is 4 G, the 1st"},
	{"classic posts have paragraphs", html, "First <b>par</b>.\n\nSecond par\nnext line", "First par.\n\nSecond par\nnext line"},
	{"a comment in Markdown goes", markdown, "a <!-- no --> b\n\n<!--\nno\n\nno\n-->\n\nc", "a b\n\nc"},
	{"tag characters and bidi overrides go", text, "a\U000E0041\U000E0042\u202Eb\u2066c", "abc"},
}

func TestCleanSeedCases(t *testing.T) {
	t.Parallel()
	if len(seedCases) != 50 {
		t.Errorf("there are %d cases, want 50", len(seedCases))
	}
	c := clean.New(clean.Config{})
	for _, tt := range seedCases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Clean(&quarry.Document{Body: []byte(tt.in), Format: tt.format, Title: "T"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got.Text)); diff != "" {
				t.Errorf("Clean(%q) (-want +got):\n%s", tt.in, diff)
			}
			again, err := c.Clean(&quarry.Document{Body: []byte(strings.Clone(string(got.Text))), Format: text})
			if err != nil || string(again.Text) != tt.want {
				t.Errorf("cleaning its own text gives %q, %v", again.Text, err)
			}
		})
	}
}

func TestInvalidUTF8IsNamedAndNotRepaired(t *testing.T) {
	t.Parallel()
	_, err := clean.New(clean.Config{}).Clean(&quarry.Document{Body: []byte("<p>abc\xff\xfe</p>"), Format: html})
	if !errors.Is(err, clean.ErrInvalidUTF8) || err.Error() != "invalid UTF-8 at byte 6" {
		t.Errorf("Clean = %v, want invalid UTF-8 at byte 6", err)
	}
}
