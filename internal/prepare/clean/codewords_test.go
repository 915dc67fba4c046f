package clean_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"quarry/internal/prepare/clean"
)

// raw is what WPBakery stores of a block of raw HTML.
func raw(body string) string {
	return "[vc_raw_html]" + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(url.QueryEscape(body), "+", "%20"))) + "[/vc_raw_html]"
}

// TestWordsInShortcodes: what a reader sees of a shortcode is in its attributes or in its body.
func TestWordsInShortcodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"a heading of WPBakery", `<p>A.</p>[vc_custom_heading text="A heading" font_container="tag:h2"]<p>B.</p>`, "A.\n\nA heading\n\nB."},
		{"a call to action", `[vc_cta h2="Call us" h4="Any time" btn_title="Go"]We answer.[/vc_cta]`, "Call us\nAny time\nGo\nWe answer."},
		{"a button and a toggle", `[vc_btn title="Buy"][vc_toggle title="Why?"]Because.[/vc_toggle]`, "Buy\nWhy?\nBecause."},
		{"a tab", `[vc_tta_tabs][vc_tta_section title="One" tab_id="1"]Text.[/vc_tta_section][/vc_tta_tabs]`, "One\nText."},
		{"a blurb of Divi", `[et_pb_section fb_built="1" title="x"][et_pb_row][et_pb_blurb title="Fast" url="#"]It is.[/et_pb_blurb][/et_pb_row][/et_pb_section]`, "Fast\nIt is."},
		{"a header of Divi", `[et_pb_fullwidth_header title="Hello" subhead="World" button_one_text="Start"]Text.[/et_pb_fullwidth_header]`, "Hello\nWorld\nStart\nText."},
		{"a spoiler", `[su_spoiler title="More" style="fancy"]Text.[/su_spoiler]`, "More\nText."},
		{"a heading of Enfold", `[av_heading heading='Apples &amp; pears' tag='h2']`, "Apples & pears"},
		{"a button of Enfold", `[av_button label='Read on' link='x']`, "Read on"},
		{"a toggle of Avada", `[fusion_toggle title="Q" open="no"]A.[/fusion_toggle]`, "Q\nA."},
		{"a person", `[vc_testimonial name="Ada" position="Engineer"]Fine.[/vc_testimonial]`, "Ada\nEngineer\nFine."},
		{"a menu's name is none of a person", `<p>A.</p>[su_menu name="main"]`, "A."},
		{"King Composer", `[kc_row][kc_title text="Hello"][/kc_row]`, "Hello"},
		{"Flatsome", `[ux_banner][ux_text]Hello.[/ux_text][/ux_banner]`, "Hello."},
		{"markup in an attribute", `[vc_custom_heading text="One <em>two</em>"]`, "One two"},
		{"hidden markup in an attribute", `[vc_custom_heading text="One <i hidden>two"]<p>B.</p>`, "One\n\nB."},
		{"an old caption", `[caption id="a" width="3" caption="A lighthouse"]<img src="a.png">[/caption]`, "A lighthouse"},
		{"names of the parts of a page", `[vc_row title="x" admin_label="y"][vc_column title="z"]Text.[/vc_column][/vc_row]`, "Text."},
		{"the title of an image is none", `<p>A.</p>[et_pb_image src="a.png" title_text="t" title="t"]`, "A."},
		{"raw HTML", "<p>A.</p>" + raw("<p>Hello raw</p>") + "<p>B.</p>", "A.\n\nHello raw\n\nB."},
		{"raw HTML of the classic editor", "[vc_row][vc_column]" + raw("<h2>T</h2><p>100% of + it</p>") + "[/vc_column][/vc_row]", "## T\n\n100% of + it"},
		{"raw HTML in Japanese", raw("<p>日本語</p>"), "日本語"},
		{"raw HTML with a script", raw("<script>x()</script><p>Text.</p>"), "Text."},
		{"raw HTML with an open element", raw("<div hidden>x") + "<p>B.</p>", "B."},
		{"raw HTML with a shortcode in it", raw("<p>[gallery]</p>"), "[gallery]"},
		{"raw HTML in a paragraph", "<p>A.</p><p>" + strings.Replace(strings.Replace(raw("<b>Hello</b>"), "html]", "html]<p>", 1), "[/", "</p>[/", 1) + "</p><p>B.</p>", "A.\n\nHello\n\nB."},
		{"what is no base64", "<p>A.</p>[vc_raw_html]not base 64![/vc_raw_html]<p>B.</p>", "A.\n\nB."},
		{"raw scripts", "<p>A.</p>[vc_raw_js]JTNDc2NyaXB0[/vc_raw_js]<p>B.</p>", "A.\n\nB."},
		{"where a tree is needed", `[vc_custom_heading text="A heading"]<p hidden>x<p>C.` + raw("<p>D.</p>"), "A heading\n\nC.\n\nD."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, html).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			if !strings.Contains(tt.in, "<p>") && strings.Contains(tt.in, "_") && !strings.HasPrefix(tt.in, "[caption") && tt.name != "what is no base64" {
				if out := cleaned(t, clean.Config{}, tt.in, ""); string(out.Text) != tt.want {
					t.Errorf("of an unknown format, read as %s, the text is %q", out.Mode, out.Text)
				}
			}
		})
	}
}

// TestCaptionsInMarks: words that a reader sees, such as those below an image, are in the attributes of a mark.
func TestCaptionsInMarks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"a caption", "A.\n\n{{< figure src=\"x.png\" caption=\"The *quay*.\" >}}\n\nB.", "A.\n\nThe quay.\n\nB."},
		{"a title and a caption", `{{< figure src="x.png" title="T" caption="C" >}}`, "T C"},
		{"an attribution", `{{< figure src="x.png" caption="C" attr="Photo by Ada" attrlink="https://e.x" >}}`, "C Photo by Ada"},
		{"in single quotes", `{{% figure src="x.png" caption='C of "it"' %}}`, `C of "it"`},
		{"in backticks", "{{< figure src=`x.png` caption=`C` >}}", "C"},
		{"over several lines", "A.\n\n{{< figure\n  src=\"x.png\"\n  title=\"T\"\n  caption=\"C\"\n>}}\n\nB.", "A.\n\nT C\n\nB."},
		{"below a paragraph", "A.\n{{< figure src=\"x.png\" caption=\"C\" >}}\nB.", "A.\n\nC\n\nB."},
		{"in a list", "- {{< figure src=\"x.png\" caption=\"C\" >}}\n- b", "- C\n- b"},
		{"of another shortcode", `{{< img src="x.png" caption="C" title="T" >}}`, "C"},
		{"of Liquid", `{% include figure image_path="/x.png" alt="a" caption="C" %}`, "C"},
		{"closing itself", `{{< figure src="x.png" caption="C" />}}`, "C"},
		{"in a block of HTML", "<div>\n{{< figure src=\"x.png\" caption=\"C\" >}}\n</div>", "C"},
		{"an equals sign in the address", `{{< figure src="x.png?a=b&caption=no" caption="C" >}}`, "C"},
		{"in a sentence, with marks", `See {{< figure src="x.png" caption="the **bold** _one_" >}} there.`, "See the bold one there."},
		{"marks that end in the words", `[*a {{< figure src="x.png" caption="x](u) *y" >}}* b`, "[a x](u) *y b"},
		{"details", `{{< details summary="Why?" >}}So.{{< /details >}}`, "Why? So."},
		{"details on lines", "{{< details title=\"Why?\" >}}\nSo.\n{{< /details >}}", "Why?\n\nSo."},
		{"a notice", "{{% notice note \"T\" %}}\nSo.\n{{% /notice %}}", "T\n\nSo."},
		{"a notice without a title", "{{% notice note %}}\nSo.\n{{% /notice %}}", "So."},
		{"a tab", "{{< tab name=\"T\" >}}\nSo.\n{{< /tab >}}", "T\n\nSo."},
		{"a tab's header", "{{% tab header=\"T\" lang=\"go\" %}}\nSo.\n{{% /tab %}}", "T\n\nSo."},
		{"expand", "{{< expand \"T\" \"...\" >}}\nSo.\n{{< /expand >}}", "T\n\nSo."},
		{"an admonition", "{{< admonition type=\"tip\" title=\"T\" open=true >}}\nSo.\n{{< /admonition >}}", "T\n\nSo."},
		{"an admonition without names", "{{< admonition \"tip\" \"T\" >}}\nSo.\n{{< /admonition >}}", "T\n\nSo."},
		{"a title over several lines", "{{< alert\n  color=\"red\" title=\"T\" >}}\nSo.\n{{< /alert >}}", "T\n\nSo."},
		{"an include of Liquid", `{% include callout.html type="info" content="Mind *it*." %}`, "Mind it."},
		{"a tab of GitBook", "{% tab title=\"T\" %}\nSo.\n{% endtab %}", "T\n\nSo."},
		{"a frame has no title that is read", `{{< youtube id="x" title="no" >}}` + "\n\nSo.", "So."},
		{"an included frame", `{% include video.html id="x" title="no" %}` + "\n\nSo.", "So."},
		{"a statement", `{% assign title = "no" %}` + "\n\nSo.", "So."},
		{"a condition", `{% if page.title == "no" %}So.{% endif %}`, "So."},
		{"a link", `See [it]({{< ref "no.md" >}}).`, "See it."},
		{"an id of tabs", "{{< tabs \"no\" >}}\nSo.\n{{< /tabs >}}", "So."},
		{"a figure of Quarto", "![The *quay*](e.png){#fig-quay width=50%}\n\nSo.", "The quay\n\nSo."},
		{"an image with attributes", "![no](e.png){width=50%}\n\nSo.", "So."},
		{"a tab of JSX", "<Tabs>\n<TabItem value=\"a\" label=\"T\">\n\nSo.\n\n</TabItem>\n</Tabs>", "T\n\nSo."},
		{"a card of JSX", "<Card title=\"T\" icon=\"no\">\nSo.\n</Card>", "T\n\nSo."},
		{"a card over several lines", "<Card\n  icon={<Icon name=\"no\" />}\n  title=\"The **T**\"\n>\n\nSo.\n\n</Card>", "The T\n\nSo."},
		{"a card after an expression", "<Card data={{a: \"x\", title: \"no\"}} title=\"T\">\nSo.\n</Card>", "T\n\nSo."},
		{"a chart over several lines", "<Chart\n  title=\"no\"\n/>\n\nSo.", "So."},
		{"a card that closes itself", "<LinkCard title=\"T\" description=\"D\" href=\"/no\" />\n\nSo.", "T\n\nD\n\nSo."},
		{"a component in a sentence", "A <Badge label=\"new\">one</Badge> here.", "A new one here."},
		{"an element of HTML", "<div title=\"no\">\nSo.\n</div>", "So."},
		{"a link of JSX", "<Link title=\"no\" to=\"x\">So.</Link>", "So."},
		{"none", "A.\n\n{{< figure src=\"x.png\" alt=\"a\" >}}\n\nB.", "A.\n\nB."},
		{"an empty one", "A.\n\n{{< figure src=\"x.png\" caption=\"\" >}}\n\nB.", "A.\n\nB."},
		{"a quote without an end", "A.\n\n{{< figure src=\"x.png\" caption=\"C >}}\n\nB.", "A.\n\nB."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}
