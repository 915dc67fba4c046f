package clean_test

import (
	"testing"

	"quarry/internal/prepare/clean"
)

// TestCommentsOfTemplates: what a template leaves out inside of a sentence can turn its meaning round.
func TestCommentsOfTemplates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"Liquid", "This sentence is {% comment %}not {% endcomment %}visible.", "This sentence is visible."},
		{"Liquid that trims", "It is {%- comment -%}not {%- endcomment -%} visible.", "It is visible."},
		{"two in a sentence", "a {% comment %}x{% endcomment %}b {% comment %}y{% endcomment %}c", "a b c"},
		{"a tag that is a comment", "a {% # no %}b", "a b"},
		{"what is captured", "a {% capture x %}no{% endcapture %}b\n\n{% capture y %}\nno\n{% endcapture %}\n\nc", "a b\n\nc"},
		{"a comment without an end", "a {% comment %}b", "a b"},
		{"Hugo", "a {{/* no */}}b {{- /* no\nno */ -}} c", "a b c"},
		{"Hugo's shortcode", "a {{< comment >}}no{{< /comment >}}b {{% comment %}}no{{% /comment %}}c", "a b c"},
		{"kramdown", "a {::comment}no{:/comment}b\n\n{::comment}\nno\n{:/comment}\n\nc", "a b\n\nc"},
		{"kramdown's marks", "{::nomarkdown}<b>a</b>{:/nomarkdown} c", "a c"},
		{"Nunjucks", "a {# no #}b {#- no -#}c {#no#}d", "a b c d"},
		{"Obsidian", "a %%no%% b\n\n%%\nno\n\nno\n%%\n\nc", "a b\n\nc"},
		{"percents are text", "100%% of 50%% and 5% of 6%", "100%% of 50%% and 5% of 6%"},
		{"an id is no comment", "## a {#id}\n\nb", "## a\n\nb"},

		{"an image with a width", "a\n\n![x](https://x.example/y.png =250x)\n\nb", "a\n\nb"},
		{"an image with a size", "a ![x](y.png =100x200) b ![x](y.png =50%x) c ![x](y.png \"t\" =300x) d ![x](y.png =300x \"t\") e", "a b c d e"},
		{"an image of a wiki", "a ![[y.png]] b ![[y.png|200]] c [[File:y.png|thumb|words]] d", "a b c d"},
		{"an equals sign in a link", "[a](b =c) d", "[a](b =c) d"},
		{"Hugo's figure", "a\n\n{{< figure src=\"y.png\" caption=\"A lighthouse.\" >}}\n\nb", "a\n\nA lighthouse.\n\nb"},
		{"Hugo's figure with a title", "{{< figure src=\"y.png\" title=\"A lighthouse.\" >}}", "A lighthouse."},
		{"Hugo's figure without words", "a\n\n{{< figure src=\"y.png\" >}}\n\nb", "a\n\nb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWordsOfShortcodes: captions and titles are in attributes, and a reader sees them.
func TestWordsOfShortcodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"an old caption", `[caption id="a" width="300" caption="A lighthouse at dusk."]<img src="a.jpg" />[/caption]`, "A lighthouse at dusk."},
		{"a caption as it is written now", `[caption id="a"]<img src="a.jpg" /> A lighthouse.[/caption]`, "A lighthouse."},
		{"a heading of a builder", `[vc_row][vc_column][vc_custom_heading text="Our mission" font_container="tag:h2"][vc_column_text]Body.[/vc_column_text][vc_btn title="Read more"][/vc_column][/vc_row]`, "Our mission\nBody.\nRead more"},
		{"boxes", `[su_box title="Box"]in it[/su_box] [su_spoiler title='Q: why?']Because.[/su_spoiler]`, "Box\nin it\nQ: why?\nBecause."},
		{"a button and a tweet", `a [button text="Buy now" link="x"] b [tweet text="said so"]`, "a\nBuy now\nb\nsaid so"},
		{"references", `[su_box title="Q &amp; A"]b[/su_box]`, "Q & A\nb"},
		{"other attributes", `[su_box box_title="no" style="no"]b[/su_box]`, "b"},
		{"a body in base64", `a[vc_raw_html]JTNDcCUzRQ==[/vc_raw_html]b`, "a\n\nb"},
		{"a builder that is not known by name", `[et_pb_blurb title="Fast" admin_label="no"]It is.[/et_pb_blurb]`, "Fast\nIt is."},
		{"brackets are text", `a [b title="c"] d`, `a [b title="c"] d`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, html).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}
