package clean_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/source/sourcetest"
)

// A hostileFamily is a unit that is repeated between a head and a tail.
type hostileFamily struct {
	name             string
	format           quarry.Format
	head, unit, tail string
}

// hostileFamilies are inputs that make one reader of HTML or Markdown or another take time that grows with the square of
// their length.
var hostileFamilies = []hostileFamily{
	{"html less-than signs", html, "", "<", ""},
	{"html ampersands", html, "", "&", ""},
	{"html unknown references", html, "", "&abcdefghij", ""},
	{"html nested divs", html, "", "<div>", ""},
	{"html nested hidden divs", html, "", "<div hidden>", ""},
	{"html nested lists", html, "", "<ul><li>", ""},
	{"html nested tables", html, "", "<table><tr><td>", ""},
	{"html unclosed comments", html, "", "<!--", ""},
	{"html dashes in a comment", html, "<!--", "-", ""},
	{"html unclosed quotes", html, "", `<a b="`, ""},
	{"html attributes", html, "<a ", "b=c ", ""},
	{"html unclosed scripts", html, "", "<script>", ""},
	{"html end tags in a script", html, "<script>", "</", ""},
	{"html end tags", html, "", "</p>", ""},
	{"html open svg", html, "", "<svg><p>", ""},
	{"html of XML", html, "<?xml version='1.0'?><html>", "<a/><b c='", ""},
	{"html of XML, nested", html, "<?xml version='1.0'?><html>", "<", ""},
	{"html hidden paragraphs", html, "", "<p hidden>a", ""},
	{"html hidden spans and ends", html, "", "<span hidden></div>", ""},
	{"html inner elements of a hidden one", html, "<div hidden>", "<b></i>", ""},
	{"html nested sizes", html, "", `<div style="font-size:0">a`, ""},
	{"html end tags inside of a size", html, `<div style="font-size:0">`, "<b>a</i>", ""},
	{"html paragraphs inside of a size", html, `<div style="font-size:0">`, `<p style="font-size:1px">a`, ""},
	{"html nested blocks that wait for a script", html, "", `<div style="opacity:0"><p>a`, ""},
	{"html blocks side by side that wait for a script", html, "", `<div style="visibility:hidden"><p>a</div>`, ""},
	{"html declarations", html, `<i style="`, "display:none;", `">a`},
	{"html shortcodes without end", html, "", "[code]", ""},
	{"html words in shortcodes", html, "", `[vc_cta title="a" text="b" h2="c"]`, ""},
	{"html raw HTML in shortcodes", html, "", "[vc_raw_html]JTNDcCUzRQ==[/vc_raw_html]", ""},
	{"html raw HTML without end", html, "", "[vc_raw_html]JTNDcCUzRQ==", ""},
	{"unknown shortcodes", "", "", "[vc_row][vc_column]", ""},
	{"markdown captions", markdown, "", `{{< figure caption="a" title="b" >}}`, ""},
	{"markdown captions in one mark", markdown, "{{< figure ", `caption="a" `, ">}}"},
	{"html shortcode brackets", html, "[gallery]", "[gallery [", ""},
	{"html styles", html, "", `<i style="a:b;/*c">`, ""},
	{"html superscripts", html, "x", "<sup>2</sup>", ""},
	{"html ruby", html, "", "<ruby>a<rt>b", ""},
	{"markdown links without end", markdown, "", "[a](b", ""},
	{"markdown links with titles", markdown, "", `[a](b "c`, ""},
	{"markdown links with angles", markdown, "", "[a](<b", ""},
	{"markdown open brackets", markdown, "", "[", ""},
	{"markdown open images", markdown, "", "![[]()", ""},
	{"markdown closed brackets", markdown, "[a]: /b\n\n", "[a]", ""},
	{"markdown nested brackets", markdown, "[a]: /b\n\n", "[[a]", ""},
	{"markdown nested images", markdown, "", "![*a", strings.Repeat("](b)", 100)},
	{"markdown quotations", markdown, "", "> ", "a"},
	{"markdown quotation lines", markdown, strings.Repeat("> ", 40) + "a\n", "a\n", ""},
	{"markdown nested items", markdown, "", "- ", "a"},
	{"markdown deep items and blank lines", markdown, strings.Repeat("- ", 100) + "a\n", "\n", "b"},
	{"markdown emphasis", markdown, "", "*a **a ", ""},
	{"markdown mixed emphasis", markdown, "", "*a _b ", ""},
	{"markdown closing emphasis", markdown, "", "a** ", ""},
	{"markdown underscores", markdown, "", "a_b", ""},
	{"markdown tildes", markdown, "", "~~a ", ""},
	{"markdown backticks", markdown, "", "`a``b", ""},
	{"markdown growing runs of backticks", markdown, strings.Repeat("e```", 3), "``a`", ""},
	{"markdown less-than signs", markdown, "", "<", ""},
	{"markdown open tags", markdown, "", "<a ", ""},
	{"markdown open comments", markdown, "a", "<!-- ", ""},
	{"markdown open instructions", markdown, "a", "<?", ""},
	{"markdown open declarations", markdown, "a", "<!A ", ""},
	{"markdown autolinks", markdown, "", "<a:b", ""},
	{"markdown addresses", markdown, "", "http://a.b/_", ""},
	{"markdown references", markdown, "", "&amp", ""},
	{"markdown backslashes", markdown, "", "\\", ""},
	{"markdown definitions", markdown, "", "[a]: b\n", ""},
	{"markdown definitions with titles", markdown, "", "[a]: b 'c\n", ""},
	{"markdown footnotes", markdown, "", "[^a]: b\n", ""},
	{"markdown table rows", markdown, "a|b\n-|-\n", "|", ""},
	{"markdown tables", markdown, "", "a|b\n-|-\n", ""},
	{"markdown fences", markdown, "", "```\n~~~\n", ""},
	{"markdown open fences", markdown, "", "```js\n\nIt is the end of the code, and that is it.\n\n", ""},
	{"markdown open fences of two kinds", markdown, "", "```js\n\nIt is the end of the code, and that is it.\n\n~~~\n\nx = 1\n\n", ""},
	{"markdown sentences after an open fence", markdown, "```js\n", "It is the end of the code, and that is it.\n\nf(x) = g[1];\nf(x) = g[1];\n\n", ""},
	{"markdown headings after an open fence", markdown, "```js\n", "\n# a\n", ""},
	{"markdown indented shortcodes", markdown, "", "{{< a >}}\n    b\n{{< /a >}}\n", ""},
	{"markdown nested shortcodes", markdown, "", "{{< a >}}\n    ", "{{< /a >}}"},
	{"markdown open shortcodes", markdown, "", "{{< a >}}\n    b\n\n", "{{< /a >}}"},
	{"html preformatted prose", html, "", "<pre>It is the end of it, and that is it.</pre>", ""},
	{"html open preformatted prose", html, "", "<pre>It is the end of it, and that is it.", ""},
	{"html marks in preformatted prose", html, "<pre>It is the end of it, and that is it.", "<b></b>", "</pre>"},
	{"markdown template marks", markdown, "a", "{% ", ""},
	{"markdown template lines", markdown, "", "{% comment %}\n", ""},
	{"markdown template lines in quotations", markdown, "", "> {% comment %}\n\n", "{% endcomment %}"},
	{"markdown braces", markdown, "a", "{{", ""},
	{"markdown statements without end", markdown, "", "export const a = {\n\n", ""},
	{"markdown imports without end", markdown, "", "import {a\n\n", ""},
	{"markdown comments of JSX without end", markdown, "", "{/* a\n\n", ""},
	{"markdown components without end", markdown, "", "<Foo a={\n\n", ""},
	{"markdown attributes without end in HTML", markdown, "<div>\n", "<p a={", ""},
	{"markdown admonitions", markdown, "", "!!! note\n", ""},
	{"markdown nested admonitions", markdown, "", "!!! note\n    ", "a"},
	{"markdown questions", markdown, "", "??? a\n\n", ""},
	{"markdown directives", markdown, "", "```{note}\n", ""},
	{"markdown JSX", markdown, "a", "<A b={", ""},
	{"markdown dropped elements", markdown, "", "<video>a\n\n", ""},
	{"markdown hidden elements", markdown, "", "<i hidden>a", ""},
	{"markdown setext", markdown, "", "a\n-\n", ""},
	{"markdown underlines of definitions", markdown, "", "[a]: b\n===\n", ""},
	{"text bytes", text, "", "\x01 \t", ""},
	{"text combining marks", text, "a", "\u0301\u0323", ""},
	{"text selectors", text, "\u6f22", "\U000E0100", ""},
	{"text one grapheme", text, "\U0001F468", "\u200D\U0001F468", ""},
	{"text spaces", text, "a", " ", "b"},
	{"unknown brackets", "", "", "<![a](b", ""},
	{"page of elements that wait for a script", quarry.FormatPage, "<html><body>", `<div aria-hidden="true"><p style="font-size:0">a</div>`, ""},
	{"unknown page", "", "<html><body>", "<div><p>a", ""},
}

// linearSize is large enough for a square to show, and small enough for a test.
const linearSize = 32 << 10

// leastSpeed, in MB/s of the processor's time, is far below what any family takes on any machine, and far above what no one waits for.
const leastSpeed = 0.5

// TestHostileFamiliesAreLinear allows three times the time for twice the input, best of five.
func TestHostileFamiliesAreLinear(t *testing.T) {
	if raceDetector {
		t.Log("times mean nothing under the race detector; this test runs without it")
		return
	}
	c := clean.New(clean.Config{})
	clock := func(format quarry.Format, body []byte) time.Duration {
		best := time.Hour
		for range 2 {
			start := sourcetest.Spent(t) // of this process: others may take the machine
			if _, err := c.Clean(&quarry.Document{Body: body, Format: format}); err != nil {
				t.Fatal(err)
			}
			best = min(best, sourcetest.Spent(t)-start)
		}
		return best
	}
	for _, f := range hostileFamilies {
		t.Run(f.name, func(t *testing.T) {
			single, double := hostileBody(f, linearSize), hostileBody(f, 2*linearSize)
			once, twice := time.Hour, time.Hour
			// Another process may take the machine in the middle. More tries make both times better and a square no
			// straight line.
			for range 30 {
				once, twice = min(once, clock(f.format, single)), min(twice, clock(f.format, double))
				if twice <= 3*once || twice < time.Millisecond {
					speed := float64(len(double)) / 1e6 / max(twice.Seconds(), 1e-6)
					if t.Logf("%.1f MB/s", speed); speed < leastSpeed {
						t.Errorf("linear, but at %.1f MB/s: want %v", speed, leastSpeed)
					}
					return
				}
			}
			// The collector's work counts too, and comes in steps. A square continues.
			fourfold := time.Hour
			for range 10 {
				if fourfold = min(fourfold, clock(f.format, hostileBody(f, 4*linearSize))); fourfold <= 3*twice {
					return
				}
			}
			t.Errorf("%v for n, %v for 2n, %v for 4n", once, twice, fourfold)
		})
	}
}

// TestHostileFamiliesGiveCleanText holds the promises about every text against the families.
func TestHostileFamiliesGiveCleanText(t *testing.T) {
	t.Parallel()
	c := clean.New(clean.Config{})
	for _, f := range hostileFamilies {
		for _, format := range []quarry.Format{"", html, markdown, text, quarry.FormatPage} {
			out, err := c.Clean(&quarry.Document{Body: hostileBody(f, 2000), Format: format})
			if err != nil {
				t.Fatal(err)
			}
			if fault := faultIn(&out); fault != "" {
				t.Errorf("%s as %q: %s", f.name, format, fault)
			}
		}
	}
}

func hostileBody(f hostileFamily, size int) []byte {
	return []byte(f.head + strings.Repeat(f.unit, max(1, size/len(f.unit))) + f.tail)
}

// faultIn says which promise about a cleaned text is broken, or nothing.
func faultIn(out *clean.Cleaned) string {
	s := string(out.Text)
	switch {
	case !utf8.ValidString(s):
		return "the text is not valid UTF-8"
	case !norm.NFC.IsNormalString(s):
		return "the text is not in NFC"
	case strings.Trim(s, " \n") != s:
		return "blanks at its ends"
	case strings.Contains(s, "\n\n\n"):
		return "two empty lines"
	case strings.Contains(s, " \n"):
		return "a blank at the end of a line"
	case out.Classes != classesOf(s):
		return "its characters are counted wrong"
	}
	for _, r := range s {
		if forbidden(r) {
			return "it holds " + string([]rune{'U', '+'}) + strings.ToUpper(hex(r))
		}
	}
	return ""
}

func hex(r rune) string {
	const digits = "0123456789abcdef"
	var b []byte
	for shift := 20; shift >= 0; shift -= 4 {
		b = append(b, digits[r>>shift&15])
	}
	return string(b)
}

// forbidden says which characters no text may hold.
func forbidden(r rune) bool {
	switch {
	case r == '\n':
		return false
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return true
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r >= 0xE0000 && r <= 0xE007F, r == 0xFEFF, r == 0x200B:
		return true
	}
	return unicode.Is(unicode.Zs, r) && r != ' '
}

// classesOf counts characters one by one, where the writer counts them in runs.
func classesOf(s string) quarry.CharClasses { return plain.Classes([]byte(s)) }
