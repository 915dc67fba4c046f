package sanitize_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"quarry/internal/outcome/publish/sanitize"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"a < b & c":                  "a &lt; b &amp; c",
		"<p>one<p>two":               "<p>one</p><p>two</p>",
		"<b><i>x</b>y</i>":           "<b><i>x</i></b><i>y</i>",
		"<P CLASS=x onclick=y>A</P>": "<p>A</p>",
		`<p style="background:url(//e.x)" id=form>A</p>`:           "<p>A</p>",
		"<ul><li>1<li>2</ul>":                                      "<ul><li>1</li><li>2</li></ul>",
		"<table><tr><td colspan=2 onload=x>A</table>":              `<table><tbody><tr><td colspan="2">A</td></tr></tbody></table>`,
		"<pre>\n\n a\n</pre>":                                      "<pre>\n\n a\n</pre>",
		"<br/>A<hr>":                                               "<br>A<hr>",
		"<ruby>石<rt>いし</rt></ruby>":                                "<ruby>石<rt>いし</rt></ruby>",
		`<bdo dir="rtl">A</bdo>`:                                   `<bdo dir="rtl">A</bdo>`,
		`<time datetime="2026-01-02T03:04:05+09:00">A</time>`:      `<time datetime="2026-01-02T03:04:05+09:00">A</time>`,
		`<a href=" https://e.x/?a=1&amp;b=2 " title='"'>A</a>`:     `<a href="https://e.x/?a=1&amp;b=2" title="&#34;">A</a>`,
		`<a href="/post#part">A</a>`:                               `<a href="/post#part">A</a>`,
		`<a href="mailto:a@e.x">A</a>`:                             `<a href="mailto:a@e.x">A</a>`,
		"<a>A</a>":                                                 "A",
		`<img src="mailto:a@e.x">`:                                 "",
		`<img src="data:image/png;base64,AA==">`:                   "",
		"<!-- c --><!doctype html><?php x ?>A":                     "A",
		"<form action=x><input name=y><button>A":                   "A",
		"<svg><script>x</script><p>y</svg>A":                       "<p>yA</p>", // a p ends the svg
		"<math><mtext><style><img src=x></math>A":                  "",          // a style that does not end
		"<math><mi>x</mi></math>A":                                 "A",
		"<noscript><p title=\"</noscript><img src=x onerror=y>\">": `<img src="x">&#34;&gt;`,
		"<title><img src=x></title><textarea></textarea>A":         "A",
		"<template><b>x</b></template>A":                           "A",
		"<plaintext><b>x":                                          "",
		"<x-y onclick=z>A</x-y>":                                   "A",
		"<scr<script>ipt>x</script>A":                              "ipt&gt;xA",
	} {
		if got := sanitize.HTML(in); got != want {
			t.Errorf("HTML(%q) = %q, want %q", in, got, want)
		}
	}
}

// Ways in which addresses hide their scheme, most of them from OWASP's XSS filter evasion cheat sheet.
func TestAddressesOfOtherSchemesGo(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"javascript:x", "JaVaScRiPt:x", " javascript:x", "java\tscript:x", "java\nscript:x", "java\rscript:x", "java&#x09;script:x", "java&#10;script:x",
		"&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;x", "&#0000106avascript:x", "javascript&colon;x", "java&Tab;script:x",
		"java&NewLine;script:x", "\x01javascript:x", "\x00javascript:x", "java\x00script:x", "&#14;  javascript:x", "vbscript:x", "data:text/html,x", "livescript:x",
		"feed:javascript:x", "view-source:javascript:x", "file:///etc/passwd", "blob:x", "filesystem:x", "jav%61script:x", "%6aavascript:x", ":x", "http://[x", "https://e.x/a b",
	} {
		for _, quote := range []string{`"`, "'"} {
			in := "<a href=" + quote + address + quote + ">A</a><img src=" + quote + address + quote + ">"
			if got := sanitize.HTML(in); got != "A" {
				t.Errorf("HTML(%q) = %q, want A", in, got)
			}
		}
	}
}

func TestTextThatIsNestedTooDeeplyIsEscaped(t *testing.T) {
	t.Parallel()
	in := strings.Repeat("<b><div>", 50_000) + "<script>x</script>"
	if got := sanitize.HTML(in); strings.Contains(got, "<script") || strings.Contains(got, "<b") && strings.Count(got, "<b") > 600 {
		t.Errorf("HTML of 100,000 open elements has %d bytes, and elements", len(got))
	}
}

// left are all elements and attributes that a sanitized text may have, written down a second time.
var left = strings.Fields(`article aside section details summary figure figcaption h1 h2 h3 h4 h5 h6 hgroup p div span br hr wbr pre blockquote q a img
	abbr acronym cite code dfn em kbd mark s samp strong sub sup var time b i small strike tt u bdi bdo ruby rb rp rt rtc del ins ol ul li dl dt dd
	table caption colgroup col thead tbody tfoot tr td th`)

var leftAttributes = strings.Fields(`dir lang title open cite href src alt width height datetime start reversed value span colspan rowspan scope`)

// FuzzHTML reads what is left as a browser would, also within elements that change how a browser reads.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		"<p>A</p><script>x</script>", "<svg><style><!--</style><img src=x onerror=y>-->", "<math><mi><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=x&gt;'>",
		"<noscript><p title='</noscript><img src=x>'>", "<a href='java&#10;script:x'>", "<table><b><tr><a href=x>", "<select><b>x</select>", "<ruby>a<rt>b", "<pre>\n\nx", "<p/><br/><a//href=x>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := sanitize.HTML(in)
		for _, around := range []string{"body", "div", "td", "svg", "noscript"} {
			context := &html.Node{Type: html.ElementNode, Data: around}
			nodes, err := html.ParseFragmentWithOptions(strings.NewReader(out), context, html.ParseOptionEnableScripting(false))
			if err != nil {
				continue // nested too deeply
			}
			for _, n := range nodes {
				check(t, n)
				for d := range n.Descendants() {
					check(t, d)
				}
			}
		}
	})
}

func check(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Type == html.TextNode {
		return
	}
	if n.Type != html.ElementNode || !slices.Contains(left, n.Data) {
		t.Fatalf("node %q of type %d is left", n.Data, n.Type)
	}
	for _, a := range n.Attr {
		if !slices.Contains(leftAttributes, a.Key) {
			t.Fatalf("attribute %q of %s is left", a.Key, n.Data)
		}
		if a.Key == "href" || a.Key == "src" || a.Key == "cite" {
			u, err := url.Parse(a.Val)
			if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto" || strings.ContainsFunc(a.Val, func(r rune) bool { return r <= ' ' }) {
				t.Fatalf("address %q is left", a.Val)
			}
		}
	}
}
