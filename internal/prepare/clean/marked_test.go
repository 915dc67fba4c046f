package clean_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// TestWhatAContentSystemStores: the field for HTML holds Markdown where the authors wrote that.
func TestWhatAContentSystemStores(t *testing.T) {
	t.Parallel()
	const fenced = "\n\n```python\nimport boto3\nclient = boto3.client('lambda')\n```\n\n"
	for _, tt := range []struct{ name, in, mode, want string }{
		{"Markdown", "## はじめに\n\nAWS Lambda を使ってみました。" + fenced + "![image](https://example.com/a.png)\n\n詳しくは[公式ドキュメント](https://docs.aws.amazon.com/)をご覧ください。\n", clean.ModeMarkdown, "## はじめに\n\nAWS Lambda を使ってみました。\n\n詳しくは公式ドキュメントをご覧ください。"},
		{"Markdown with line breaks of HTML", "## はじめに\n\nAWS Lambda を使ってみました。<br>とても簡単です。" + fenced, clean.ModeMarkdown, "## はじめに\n\nAWS Lambda を使ってみました。\nとても簡単です。"},
		{"Markdown with a heading of HTML", "<h2>はじめに</h2>\n\nAWS Lambda を使ってみました。" + fenced + "詳しくは[公式](https://docs.aws.amazon.com/)を。", clean.ModeMarkdown, "## はじめに\n\nAWS Lambda を使ってみました。\n\n詳しくは公式を。"},
		{"a single heading", "# Title\n\nA text of one paragraph.", clean.ModeMarkdown, "# Title\n\nA text of one paragraph."},
		{"a single link", "See [the docs](https://example.com/a).", clean.ModeMarkdown, "See the docs."},
		{"a single image", "Look:\n\n![a cat](/cat.png)\n\nNice.", clean.ModeMarkdown, "Look:\n\nNice."},
		{"front matter", "---\ntitle: T\n---\nA text.", clean.ModeMarkdown, "A text."},
		{"Windows line ends", "## Title\r\n\r\nA text.\r\n\r\n- one\r\n- two\r\n", clean.ModeMarkdown, "## Title\n\nA text.\n\n- one\n- two"},
		{"a fence of tildes", "A text.\n\n~~~\ncode\n~~~\n\nMore.", clean.ModeMarkdown, "A text.\n\nMore."},
		{"a table", "## Prices\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", clean.ModeMarkdown, "## Prices\n\na | b\n1 | 2"},
		{"an aside of HTML", "## Title\n\nText with [a link](https://e.example).\n\n<div class=\"note\">\nA note.\n</div>\n", clean.ModeMarkdown, "## Title\n\nText with a link.\n\nA note."},

		{"blocks of WordPress", "<!-- wp:paragraph --><p>Use **bold** and [a](https://b.c).</p><!-- /wp:paragraph -->", clean.ModeHTML, "Use **bold** and [a](https://b.c)."},
		{"paragraphs", "<p>One `a` two `b` three `c` four `d`.</p>", clean.ModeHTML, "One `a` two `b` three `c` four `d`."},
		{"a post of the classic editor", "First paragraph\nand a line.\n\nSecond <b>paragraph</b>.", clean.ModeHTML, "First paragraph\nand a line.\n\nSecond paragraph."},
		{"a post without any mark", "First paragraph.\n\nSecond paragraph, #1 of 2 * 3.", clean.ModeHTML, "First paragraph.\n\nSecond paragraph, #1 of 2 * 3."},
		{"stars and dashes of a classic post", "Items:\n\n- one\n- two\n\n* * *\n\nEnd.", clean.ModeHTML, "Items:\n\n- one\n- two\n\n* * *\n\nEnd."},
		{"shortcodes", "Text [1] and [caption id=\"x\"]a caption[/caption].", clean.ModeHTML, "Text [1] and a caption."},
		{"Markdown shown as code", "<p>Write it so:</p>\n<pre><code># Title\n\n```js\nx\n```\n[a](https://b.c) ![d](https://e.f/g.png)\n</code></pre>\n<p>Done.</p>", clean.ModeHTML, "Write it so:\n\nDone."},
		{"Markdown shown as code in one element", "Write it so:\n\n<pre>\n# Title\n\n## Other\n[a](https://b.c)\n</pre>\n\nDone.", clean.ModeHTML, "Write it so:\n\nDone."},
		{"a fence without an end in HTML", "<p>The mark is</p>\n```\n<p>and it opens code.</p>", clean.ModeHTML, "The mark is\n\n```\n\nand it opens code."},
		{"nothing", "", clean.ModeHTML, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := cleaned(t, clean.Config{}, tt.in, quarry.FormatMarked)
			if got := string(out.Text); got != tt.want || out.Mode != tt.mode {
				t.Errorf("as %s the text is %q, want %q as %s", out.Mode, got, tt.want, tt.mode)
			}
			if out := cleaned(t, clean.Config{Format: markdown}, tt.in, html); out.Mode != clean.ModeMarkdown {
				t.Errorf("with the format set, the mode is %s", out.Mode)
			}
		})
	}
}

// TestArticlesInTheFieldForHTML: articles of the corpus are distinguished by their text alone.
func TestArticlesInTheFieldForHTML(t *testing.T) {
	t.Parallel()
	c := clean.New(clean.Config{MaxChars: clean.Off})
	for format, want := range map[quarry.Format]string{html: clean.ModeHTML, markdown: clean.ModeMarkdown} {
		n, wrong := 0, 0
		for _, a := range articles(t, format, 12) {
			if len(a.Content) < 500 {
				continue
			}
			out, err := c.Clean(&quarry.Document{Body: []byte(a.Content), Format: quarry.FormatMarked})
			if err != nil {
				t.Fatal(err)
			}
			n++
			if out.Mode != want {
				if wrong++; wrong < 4 {
					t.Logf("%s was read as %s: %.200q", a.Title, out.Mode, strings.TrimSpace(a.Content))
				}
			}
		}
		if n < 20 || wrong*50 > n { // some are HTML, whatever their site says
			t.Errorf("%d of %d articles in %s were read as another format", wrong, n, format)
		}
	}
}
