package clean_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

func cleaned(t *testing.T, cfg clean.Config, body string, format quarry.Format) clean.Cleaned {
	t.Helper()
	out, err := clean.New(cfg).Clean(&quarry.Document{Body: []byte(body), Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSettingsChangeWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rules  clean.Rules
		format quarry.Format
		in     string
		want   string
	}{
		{"code kept", clean.Rules{Code: "keep"}, html, "<p>a</p><pre>x  = 1\n\tif y\n</pre><p>b</p>", "a\n\nx  = 1\n    if y\n\nb"},
		{"code kept in Markdown", clean.Rules{Code: "keep"}, markdown, "a\n\n```go\nx  := 1\n\n  y\n```\nb", "a\n\nx  := 1\n\n  y\n\nb"},
		{"the head of code kept", clean.Rules{Code: "head", CodeLines: 1}, markdown, "a\n\n```\n1\n2\n3\n```\nb", "a\n\n1\n\nb"},
		{"the head of code kept in HTML", clean.Rules{Code: "head", CodeLines: 2}, html, "a<pre>1\n2\n3\n</pre>b", "a\n\n1\n2\n\nb"},
		{"alternative text", clean.Rules{AltText: true}, html, `<p>a <img src=x alt="b &amp; c"> d</p>`, "a b & c d"},
		{"alternative text in Markdown", clean.Rules{AltText: true}, markdown, "a ![b *c*](x) d", "a b c d"},
		{"hidden text", clean.Rules{KeepHidden: true}, html, "<p>a</p><p hidden>b</p>", "a\n\nb"},
		{"media", clean.Rules{KeepMedia: true}, html, "<video>fallback</video><svg><text>t</text></svg>", "fallbackt"},
		{"forms", clean.Rules{KeepForms: true}, html, "<button>Go</button> <textarea>a&amp;b<p></textarea>", "Go a&b<p>"},
		{"ruby", clean.Rules{KeepRuby: true}, html, "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", "漢(かん)"},
		{"addresses", clean.Rules{KeepURLs: true}, html, "<p>a</p><p>https://x.y/z</p>", "a\n\nhttps://x.y/z"},
		{"footnote marks", clean.Rules{KeepFootnoteMarks: true}, markdown, "a[^1]\n\n[^1]: b", "a[^1]\n\nb"},
		{"shortcodes", clean.Rules{KeepShortcodes: true}, html, "<p>[gallery] a</p>", "[gallery] a"},
		{"further shortcodes", clean.Rules{Shortcodes: []string{"mine"}, BodyShortcodes: []string{"demo"}}, html, `<p>[mine a="b"]x[/mine] [demo]y[/demo]z</p>`, "x\nz"},
		{"template marks", clean.Rules{KeepTemplates: true}, markdown, "{% Aside %}\na {{< b >}}", "{% Aside %} a {{< b >}}"},
		{"front matter", clean.Rules{KeepFrontMatter: true}, markdown, "---\ntitle: T\n---\n\na", "## title: T\n\na"},
		{"plain headings", clean.Rules{PlainHeadings: true}, html, "<h2>a</h2>b", "a\n\nb"},
		{"numbers of ordered lists", clean.Rules{OrderedNumbers: true}, markdown, "3. a\n4. b\n   - c", "3. a\n4. b\n  - c"},
		{"plain superscripts", clean.Rules{PlainSuperscripts: true}, html, "2<sup>32</sup>", "232"},
		{"newlines as in HTML", clean.Rules{CollapseNewlines: true}, html, "a\n\nb", "a b"},
		{"width folded", clean.Rules{FoldWidth: true}, text, "ＡＢ　ｶﾞ", "AB ガ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := (clean.Config{Rules: tt.rules}).Validate(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(cleaned(t, clean.Config{Rules: tt.rules}, tt.in, tt.format).Text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// markCases are the marks that generators of sites add to Markdown, and what writers of it do.
var markCases = []struct{ name, in, want string }{
	{"Hugo's shortcodes", "{{< tabpane text=true >}}\n{{% tab Go %}}\n\nRun it.\n\n{{% /tab %}}\n{{< /tabpane >}}", "Run it."},
	{"Liquid's tags", "{% include x.md %}\nA {% post_url 2018-01-01-x %}b.\n\n{% comment %}\nno\n{% endcomment %}\nc", "A b.\n\nc"},
	{"Jekyll's highlight is code", "a\n\n{% highlight go %}\nx := 1\n{% endhighlight %}\n\nb", "a\n\nb"},
	{"Nunjucks over several lines", "a\n\n{% Img src=\"x\",\n  alt=\"y\" %}\n\n{% Aside %}\nText.\n{% endAside %}", "a\n\nText."},
	{"a mark in the middle of HTML", "<figure>\n  {% Img src=\"x\" %}\n  <figcaption>C</figcaption>\n</figure>", "C"},
	{"KumaScript", `The {{domxref("Window.open", "open()")}} and {{cssxref("color")}}. {{Compat("x")}}`, "The open() and color."},
	{"words in double braces stay", "Write {{ message }} or {{user.name}}.", "Write {{ message }} or {{user.name}}."},
	{"attributes of kramdown and heading ids", "## Title {#id}\n\nText [a](b){:target=\"_blank\"}.\n{: .note }", "## Title\n\nText a."},
	{"comments of JSX", "## A {/*a*/}\n\nb {/* c */} d", "## A\n\nb d"},
	{"components of JSX", "<Intro>\n\nHello **you**.\n\n</Intro>\n\n<Sandpack>\n\n```js\nx\n```\n\n</Sandpack>\n\nA <Badge kind={{a: 1}} /> b", "Hello you.\n\nA b"},
	{"imports of MDX", "import X from './x'\n\nimport of goods is text", "import of goods is text"},
	{"containers of VitePress and Zenn", "::: details More of it\na\n:::\n\n:::message alert\nb\n:::", "More of it\n\na\n\nb"},
	{"marks of Docs", ":::image type=\"content\" source=\"x\" alt-text=\"y\":::\n::: moniker range=\">=1\"\na\n::: moniker-end", "a"},
	{"alerts", "> [!NOTE]\n> Mind it.\n\n> [!INCLUDE [x](y.md)]", "NOTE: Mind it."},
	{"cross references of Docs", "See <xref:System.String?displayProperty=name> or <https://a.b>.", "See System.String or https://a.b."},
	{"embeds of Zenn", "a\n\n@[youtube](xyz)\n\nhttps://example.com/card\n\nb", "a\n\nb"},
	{"a place for contents", "[[toc]]\n\na\n\n[TOC]", "a"},
	{"GitBook's imports", "a\n\n[import, title:\"x.js\"](src/x.js)\n\n[import *x*](y) b", "a\n\nimport x b"},
	{"a link to a template", "[a]({{< ref \"b c\" >}}), [d]({{ site.url }}/e) and [f]({% post_url 1 %})", "a, d and f"},
	{"labels that another file defines", "[Erlay][topic erlay] but table[i][j k]", "Erlay but table[i][j k]"},
	{"definition lists", "Term\n: Its text\n: More", "Term\n\nIts text\n\nMore"},
	{"emphasis beside Japanese punctuation", "これは**「引用」**です。**強調。**次", "これは「引用」です。強調。次"},
	{"a bold line with a blank at its end", "**Top ten **\n\na ** b ** c", "Top ten\n\na ** b ** c"},
	{"snake_case and stars", "snake_case_name, 2 * 3 * 4, **a*b**", "snake_case_name, 2 * 3 * 4, a*b"},
	{"ranges with tildes", "3~5 days, 6~7 and ~~gone~~", "3~5 days, 6~7 and gone"},
	{"generics and placeholders", "`a<b>` Vec<T>, <name>, Option<Box<dyn Fn()>> and <b>bold</b>", "a<b> Vec<T>, <name>, Option<Box<dyn Fn()>> and bold"},
	{"elements named in prose", "The <template> and <video> elements, a <div> and <br>", "The <template> and <video> elements, a <div> and"},
	{"HTML between blank lines", "<div hidden>\n\nsecret\n\n</div>\n\nopen", "open"},
	{"hidden text that never ends stays hidden", "a\n\n<div hidden>\n\nsecret", "a"},
	{"a details block", "<details>\n<summary>More</summary>\n\n**x**\n\n</details>", "More\n\nx"},
	{"nested quotes and lists", "> - a\n>   > b\n> - c\n\nd", "- a\nb\n- c\n\nd"},
	{"a fence in a list", "1. a\n\n   ```sh\n   x\n   ```\n2. b", "- a\n- b"},
	{"escapes", "\\*a\\* 1\\. \\[b\\] \\\\ C:\\dir", "*a* 1. [b] \\ C:\\dir"},
	{"hard line breaks", "a  \nb\\\nc", "a\nb\nc"},
	{"a table with empty cells", "|a|b|\n|-|-|\n||c|\n|d||", "a | b\n| c\nd"},
}

func TestMarkdownOfSites(t *testing.T) {
	t.Parallel()
	for _, tt := range markCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, string(cleaned(t, clean.Config{}, tt.in, markdown).Text)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestFormatIsDetectedFromTheContent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"<p>a</p><p>b <b>c</b></p>", clean.ModeHTML},
		{"Just <strong>one</strong> paragraph", clean.ModeHTML},
		{"<!-- wp:paragraph -->\n<p># a</p>", clean.ModeHTML},
		{"# Title\n\nText with `code<T>` and [a](b).", clean.ModeMarkdown},
		{"---\ntitle: x\n---\ntext", clean.ModeMarkdown},
		{"Text.\n\n```html\n<p>a</p><p>b</p>\n```\n\n- a\n- b", clean.ModeMarkdown},
		{"Plain words, nothing else. 2 < 3 and 5 > 4.", clean.ModeText},
		{"A post.\n\n<!--more-->\n\nIts rest.", clean.ModeHTML},
		{"Fish &amp; chips", clean.ModeHTML},
		{"List<String> and Map<K, V> are types", clean.ModeText},
		{"", clean.ModeText},
	} {
		if got := cleaned(t, clean.Config{}, tt.in, "").Mode; got != tt.want {
			t.Errorf("the mode of %q = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFrontMatterBecomesFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, fields, title string }{
		{"YAML", "---\ntitle: \"A: b\"\ntags: [x, y]\ndate: 2024-01-02\ndraft: false\n---\nText", `{"date":"2024-01-02","draft":false,"tags":["x","y"],"title":"A: b"}`, "A: b"},
		{"TOML", "+++\ntitle = 'T'\nn = 1_000\n[extra]\na.b = [1, 2.5, \"c\\u00e9\"]\nd = { e = true }\n[[list]]\nx = 1979-05-27\n+++\nText", `{"extra":{"a":{"b":[1,2.5,"cé"]},"d":{"e":true}},"list":[{"x":"1979-05-27"}],"n":1000,"title":"T"}`, "T"},
		{"JSON", "{\n  \"title\": \"J\", \"a\": [1]\n}\nText", `{"a":[1],"title":"J"}`, "J"},
		{"empty", "---\n---\nText", `{}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := cleaned(t, clean.Config{}, tt.in, markdown)
			if string(out.Fields) != tt.fields || out.Title != tt.title || string(out.Text) != "Text" {
				t.Errorf("fields %s, title %q, text %q; want %s, %q, Text", out.Fields, out.Title, out.Text, tt.fields, tt.title)
			}
			if out.Dropped[rule.FrontMatter].Items != 1 {
				t.Errorf("front matter is not counted: %v", out.Dropped)
			}
		})
	}
	if out := cleaned(t, clean.Config{}, "---\n\nA rule, not [front: matter.\n\n---\n\nEnd", markdown); !strings.Contains(string(out.Text), "not [front: matter") {
		t.Errorf("text between two rules was taken for front matter: %q", out.Text)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ own, in, want string }{
		{"Own &amp; &#8217;s", "# Other", "Own & ’s"},
		{"List<String>  in\tGo\x00", "# Other", "List<String> in Go"},
		{"", "text\n\n# First **one** {#id}\n\n# Second", "First one"},
		{"", "no heading", ""},
	} {
		out, err := clean.New(clean.Config{}).Clean(&quarry.Document{Title: tt.own, Body: []byte(tt.in), Format: markdown})
		if err != nil || out.Title != tt.want {
			t.Errorf("the title of %q, %q = %q, %v, want %q", tt.own, tt.in, out.Title, err, tt.want)
		}
	}
}

func TestWhatCleaningSaysOfADocument(t *testing.T) {
	t.Parallel()
	c := clean.New(clean.Config{})
	const body = "---\ntitle: Front\nurl: https://e.x/front\nlang: ja\ntags: [a, b]\nid: 7\n---\nText"
	for _, tt := range []struct{ doc, want quarry.Document }{
		{
			quarry.Document{Body: []byte(body)},
			quarry.Document{Title: "Front", URL: "https://e.x/front", Lang: "ja", Fields: []byte(`{"id":7,"lang":"ja","tags":["a","b"],"title":"Front","url":"https://e.x/front"}`)},
		},
		{
			quarry.Document{Title: "Own\u202e\U000E0041 &amp;", URL: "u", Lang: "en", Fields: []byte(`{"tags":null,"x":"\u00e9"}`), Body: []byte(body)},
			quarry.Document{Title: "Own &", URL: "u", Lang: "en", Fields: []byte(`{"tags":null,"x":"\u00e9","id":7,"lang":"ja","title":"Front","url":"https://e.x/front"}`)},
		},
		{quarry.Document{Title: "T", Body: []byte("Text"), Fields: []byte(`{"x":1}`)}, quarry.Document{Title: "T", Fields: []byte(`{"x":1}`)}},
	} {
		got := tt.doc
		got.Format = markdown
		out, err := c.Clean(&got)
		if err != nil || string(out.Text) != "Text" {
			t.Fatalf("text %q, %v", out.Text, err)
		}
		out.Describe(&got)
		mustClean(t, c, &quarry.Document{Body: []byte("---\nother: front matter that takes the buffer\n---\n"), Format: markdown})
		if got.Title != tt.want.Title || got.URL != tt.want.URL || got.Lang != tt.want.Lang || string(got.Fields) != string(tt.want.Fields) {
			t.Errorf("Describe of %.40q = %q %q %q %s, want %q %q %q %s", tt.doc.Title, got.Title, got.URL, got.Lang, got.Fields, tt.want.Title, tt.want.URL, tt.want.Lang, tt.want.Fields)
		}
	}
}

func TestWordsThatAThemeMarksStay(t *testing.T) {
	t.Parallel()
	if out := cleaned(t, clean.Config{}, `<p>These [highlight color="yellow"]words count[/highlight] most.</p>`, html); string(out.Text) != "These words count most." {
		t.Errorf("%q, want the words inside of [highlight] in their sentence", out.Text)
	}
	own := clean.Config{Rules: clean.Rules{BodyShortcodes: []string{"highlight"}}}
	if out := cleaned(t, own, `<p>a</p>[highlight]x := 1[/highlight]`, html); string(out.Text) != "a" {
		t.Errorf("%q, want no word inside of [highlight], as the setting says", out.Text)
	}
}

func TestVersesAreText(t *testing.T) {
	t.Parallel()
	const verse = `<p>a</p><pre class="has-text wp-block-verse">Roses are red<br>violets <em>blue</em>
  and so</pre><pre class="wp-block-code"><code>x()</code></pre><pre class='wp-block-preformatted'>b
c</pre><p>d</p>`
	const want = "a\n\nRoses are red\nviolets blue\n  and so\n\nb\nc\n\nd"
	for _, in := range []string{verse, verse + `<p hidden>an element without its end needs the tree`} {
		if out := cleaned(t, clean.Config{}, in, html); string(out.Text) != want || out.Dropped[rule.Code].Items != 1 {
			t.Errorf("%q, dropped %v, want %q and one piece of code", out.Text, out.Dropped, want)
		}
	}
}

func TestWhatNeverEndsIsCounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in    string
		rule  rule.Rule
		bytes int64
	}{
		{`<p>a</p><a href="x>a quote is missing, and all is lost`, rule.Unclosed, 46},
		{`<p>a</p><pre>code <b>and</b> on`, rule.Code, 11},
		{`<p>a</p><p hidden>secret`, rule.Hidden, 6},
	} {
		if out := cleaned(t, clean.Config{}, tt.in, html); string(out.Text) != "a" || out.Dropped[tt.rule] != (clean.Tally{Items: 1, Bytes: tt.bytes}) {
			t.Errorf("%s: %q, dropped %v, want %d bytes by %s", tt.in, out.Text, out.Dropped, tt.bytes, tt.rule)
		}
	}
}

func TestDroppedPartsAreCounted(t *testing.T) {
	t.Parallel()
	out := cleaned(t, clean.Config{}, `<p>a</p><!--c--><pre>code</pre><img src="x"><script>s</script><div hidden>h</div>[gallery]`+"\u200B", html)
	got := map[string]clean.Tally{}
	for r, tally := range out.Dropped.All() {
		got[r.String()] = tally
	}
	want := map[string]clean.Tally{
		"comment": {Items: 1, Bytes: 8}, "code": {Items: 1, Bytes: 15}, "image": {Items: 1, Bytes: 13}, "script": {Items: 1, Bytes: 18},
		"hidden": {Items: 1, Bytes: 19}, "shortcode": {Items: 1, Bytes: 9}, "character": {Items: 1, Bytes: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := (clean.Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	for _, cfg := range []clean.Config{
		{As: "x"},
		{Long: "x"},
		{MaxChars: -1},
		{MaxTokens: -1},
		{Rules: clean.Rules{Code: "x"}},
		{Rules: clean.Rules{CodeLines: -1}},
		{Rules: clean.Rules{Shortcodes: []string{"a b"}}},
	} {
		if cfg.Validate() == nil {
			t.Errorf("Validate accepts %+v", cfg)
		}
	}
	for s, want := range map[string]clean.Cap{"off": clean.Off, "7": 7, "0": 0, "-1": 0, "x": 0} {
		if got, err := clean.ParseCap(s); got != want || (err == nil) != (want != 0) {
			t.Errorf("ParseCap(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
}

// TestADrawingAloneIsEmpty is what a document without any text is: an answer, not an error.
func TestADrawingAloneIsEmpty(t *testing.T) {
	t.Parallel()
	out := cleaned(t, clean.Config{}, `<svg xmlns="x" viewBox="0 0 1 1"><text>label</text></svg><img src="a.png" alt="b">`, html)
	if len(out.Text) != 0 || out.FullChars != 0 {
		t.Errorf("Clean = %q, want nothing", out.Text)
	}
}
