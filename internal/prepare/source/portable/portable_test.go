package portable_test

import (
	"strings"
	"testing"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/portable"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	span := func(text string) string { return `{"_type":"span","_key":"k","marks":[],"text":"` + text + `"}` }
	block := func(more, text string) string {
		return `{"_type":"block","_key":"k",` + more + `"markDefs":[],"children":[` + span(text) + `]}`
	}
	for _, c := range []struct{ name, in, want string }{
		{"paragraphs", block(`"style":"normal",`, "A &lt; B") + "," + block("", "C < D"), "<p>A &amp;lt; B</p><p>C &lt; D</p>"},
		{"headings and a quotation", block(`"style":"h2",`, "T") + "," + block(`"style":"blockquote",`, "Q"), "<h2>T</h2><blockquote>Q</blockquote>"},
		{"a style of the site's own", block(`"style":"lead",`, "L"), "<p>L</p>"},
		{"marks and links", `{"_type":"block","children":[` + span("a ") + `,{"_type":"span","marks":["strong","l1"],"text":"b"},{"_type":"span","marks":["code"],"text":"c<d"}],"markDefs":[{"_key":"l1","_type":"link","href":"https://e.x"}]}`, "<p>a b<code>c&lt;d</code></p>"},
		{"line breaks", block("", `a\nb`), "<p>a<br>b</p>"},
		{"a list", block(`"listItem":"bullet","level":1,`, "a") + "," + block(`"listItem":"bullet","level":1,`, "b"), "<ul><li>a</li><li>b</li></ul>"},
		{"nested lists", block(`"listItem":"bullet","level":1,`, "a") + "," + block(`"listItem":"number","level":2,`, "b") + "," + block(`"listItem":"bullet","level":1,`, "c") + "," + block("", "d"), "<ul><li>a</li><ol><li>b</li></ol><li>c</li></ul><p>d</p>"},
		{"one list after another", block(`"listItem":"bullet",`, "a") + "," + block(`"listItem":"number",`, "b"), "<ul><li>a</li></ul><ol><li>b</li></ol>"},
		{"an image", block("", "a") + `,{"_type":"image","alt":"x","caption":"The quay","asset":{"_ref":"image-1","_type":"reference"}}`, "<p>a</p><figcaption>The quay</figcaption>"},
		{"code", `{"_type":"code","language":"go","code":"a < b"}`, "<pre><code>a &lt; b</code></pre>"},
		{"a table", `{"_type":"table","rows":[{"_key":"r","cells":["a","b"]},{"cells":["c","d < e"]}]}`, "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d &lt; e</td></tr></table>"},
		{"a break", `{"_type":"break","style":"lineBreak"}`, "<hr>"},
		{"raw HTML", `{"_type":"html","html":"<p>x</p>"}`, "<div><p>x</p></div>"},
		{"a block of the site's own", `{"_type":"callout","tone":"warning","title":"Mind","body":[` + block("", "the gap") + `]}`, "<p>Mind</p><p>the gap</p>"},
		{"an accordion", `{"_type":"faq","items":[{"_key":"1","question":"Why?","answer":[` + block("", "Because.") + `]},{"question":"How?","answer":"So."}]}`, "<p>Why?</p><p>Because.</p><p>How?</p><p>So.</p>"},
		{"a reference", block("", "a") + `,{"_type":"reference","_ref":"abc--> def"}`, "<p>a</p><!-- sanity:reference abc____def -->"},
		{"a reference in a block of the site's own", `{"_type":"related","post":{"_type":"reference","_ref":"p1"}}`, "<!-- sanity:reference p1 -->"},
		{"an object between spans", `{"_type":"block","children":[` + span("a ") + `,{"_type":"footnote","text":[` + block("", "n") + `]},` + span(" b") + `]}`, "<p>a <p>n</p> b</p>"},
		{"what is no block", block("", "a") + `,7,null,"x",[1],{"_type":"video","url":"https://e.x"}`, "<p>a</p>"},
		{"a block without its type", block("", "a") + `,{"children":[{"text":"b"}]}`, "<p>a</p><p>b</p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := []byte("[" + c.in + "]")
			if err := jsonl.Check([]byte(`{"a":` + string(in) + `}`)); err != nil {
				t.Fatal(err)
			}
			if !portable.Is(in) {
				t.Error("it is not recognized")
			}
			if got := string(portable.AppendHTML([]byte("before"), in)); got != "before"+c.want {
				t.Errorf("got  %s\nwant before%s", got, c.want)
			}
		})
	}
	for in, want := range map[string]bool{`[]`: true, `[{"_type":"block"}]`: true, `[{"type":"paragraph"}]`: false, `["a"]`: false, `[1]`: false, `{"_type":"block"}`: false, `"x"`: false, ``: false} {
		if portable.Is([]byte(in)) != want {
			t.Errorf("Is(%s) = %v", in, !want)
		}
	}
}

// Nesting costs no more than its depth, and ends.
func TestNesting(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{`{"_type":"a","body":[`, `{"_type":"block","children":[`, `{"_type":"a","items":[{"b":`} {
		closing := strings.NewReplacer("{", "}", "[", "]").Replace(strings.Map(func(r rune) rune {
			if r == '{' || r == '[' {
				return r
			}
			return -1
		}, unit))
		reversed := []byte(closing)
		for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
			reversed[i], reversed[j] = reversed[j], reversed[i]
		}
		in := "[" + strings.Repeat(unit, 500) + `"x"` + strings.Repeat(string(reversed), 500) + "]"
		if got := portable.AppendHTML(nil, []byte(in)); len(got) > 10_000 {
			t.Errorf("%d bytes", len(got))
		}
	}
}
