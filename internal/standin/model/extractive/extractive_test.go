package extractive_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/model/extractive"
)

func TestSentences(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, lang, in string
		want           []string
	}{
		{"English", "en", "One is here. Two is there! Is three? Yes.", []string{"One is here.", "Two is there!", "Is three?", "Yes."}},
		{"abbreviations and initials", "en", "Use a tool, e.g. Git, or ask Dr. Smith. J. Doe wrote it.", []string{"Use a tool, e.g. Git, or ask Dr. Smith.", "J. Doe wrote it."}},
		{"names with points", "en", "Node.js and .NET run v1.2.3 of it. Fine.", []string{"Node.js and .NET run v1.2.3 of it.", "Fine."}},
		{"a parenthesis holds a sentence", "en", "It works (see below. It is long) and ends. Next.", []string{"It works (see below. It is long) and ends.", "Next."}},
		{"a quotation's end", "en", `He said "stop." Then he left.`, []string{`He said "stop."`, "Then he left."}},
		{"Japanese", "ja", "一つ目です。二つ目！三つ目？はい。", []string{"一つ目です。", "二つ目！", "三つ目？", "はい。"}},
		{"Japanese brackets hold a sentence", "ja", "彼は「行く。帰る。」と言った。次です（注。ここ）。", []string{"彼は「行く。帰る。」と言った。", "次です（注。ここ）。"}},
		{"a bracket that never closes", "ja", "（開いた。" + strings.Repeat("長い文", 100) + "。終わり。", []string{"（開いた。" + strings.Repeat("長い文", 100) + "。", "終わり。"}},
		{"marks in a row", "ja", "本当？！すごい。。。次", []string{"本当？！", "すごい。。。", "次"}},
		{"names with points in Japanese", "ja", "Node.js を使います。v1.2 です。", []string{"Node.js を使います。", "v1.2 です。"}},
		{"English inside Japanese", "ja", "これは good. です。This is it. 次です。", []string{"これは good.", "です。", "This is it.", "次です。"}},
		{"nothing", "en", "  ", nil},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, extractive.SentencesOf(c.in, c.lang)); diff != "" {
			t.Errorf("%s: sentences of %q (-want +got):\n%s", c.name, c.in, diff)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"This is the text of an article and it is in English.", "en"},
		{"これは日本語の記事です。", "ja"},
		{"ＡＰＩを使う方法 using the AWS SDK for Go and the CLI です", "ja"},
		{"这是一个中文文章，没有假名。", "zh"},
		{"이것은 한국어 기사입니다.", "ko"},
		{"Это статья на русском языке.", "ru"},
		{"Der Artikel ist nicht lang und das ist gut, mit einem Ende und der Text ist auf Deutsch für die Leser.", "de"},
		{"Les articles sont dans une langue pour les lecteurs qui sont avec vous sur le site des amis.", "fr"},
		{"foo_bar baz", "en"},
		{"123 456", ""},
		{"", ""},
	} {
		if got := extractive.Language(c.text); got != c.want {
			t.Errorf("Language(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

const prose = "The cache keeps the results of queries in memory. It drops the oldest results when the memory is full. Every result carries the time at which it was stored."

func TestNothingButProseIsChosen(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, in string }{
		{"code in front, fenced", "```go\n// This comment looks like a sentence of the article.\nfunc main() {}\n```\n\n" + prose},
		{"code in front, indented", "    npm install the cache package now.\n    # This comment looks like a sentence.\n\nSee [x](http://y).\n\n" + prose},
		{"a fence that never closes", prose + "\n\n```"},
		{"headings, items, cells", "# The cache is a heading that ends like a sentence.\n\n- The first item ends like a sentence too.\n- The second does as well, and is long.\n\n" + prose + "\n\n| The cell | ends like a sentence of the article. |"},
		{"numbered items", "1. The first step is to install the cache.\n2. The second step is to run the cache.\n\n" + prose},
		{"an item that goes on", "- The item begins here and it\n  goes on in the next line, which ends it.\n\n" + prose},
		{"HTML", "<h1>The cache is a heading that ends so.</h1><pre>This is the code of the cache here.</pre><ul><li>The first item ends like a sentence too.</li></ul><table><tr><td>The cell</td><td>It is a sentence of the table here.</td></tr></table><script>var a = 'This is a script of the page.';</script><p>" + prose + "</p>"},
		{"a table as HTML inside Markdown", "## A\n\n<table>\n<tr>\n<td>The cell is a sentence of the table here.</td>\n</tr>\n</table>\n\n" + prose},
		{"boilerplate in front", "Subscribe to our newsletter for more articles like this. Click here to read the terms of service of this page.\n\n" + prose},
		{"front marks of a generator", "{% Img src=\"x\" %}\n:::note\n[!NOTE]\n[ref]: http://example.com\n\n" + prose},
	}
	for _, c := range cases {
		d := extractive.Read("Cache", c.in)
		if len(d.Sentences) < 2 {
			t.Errorf("%s: %q, want at least two sentences", c.name, d.Sentences)
		}
		for _, s := range d.Sentences {
			if !strings.Contains(prose, s) {
				t.Errorf("%s: chose %q, which is no sentence of the prose", c.name, s)
			}
		}
	}
}

func TestVerbatimWhereTheTextIsClean(t *testing.T) {
	t.Parallel()
	in := "The function takes **kwargs and a list[int] of x_1 values in *args order. The type vector<int> holds the `values` of a[0](b) calls here."
	d := extractive.Read("", in)
	if got := d.Summary(); got != in {
		t.Errorf("summary %q, want the text as it is", got)
	}
	wrapped := extractive.Read("", "The text of the cache\n  is wrapped at\tsome column, as is usual.\nThe next sentence of the text begins\nin a new line.")
	want := []string{"The text of the cache is wrapped at some column, as is usual.", "The next sentence of the text begins in a new line."}
	if diff := cmp.Diff(want, wrapped.Sentences); diff != "" {
		t.Errorf("white space is folded (-want +got):\n%s", diff)
	}
}

func TestFallsBackToTheArticlesOwnWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"prose without an end", "fast key value store", []string{"fast key value store"}},
		{"list items only", "# Bolt\n\n- one file on disk\n- many readers at once", []string{"one file on disk", "many readers at once"}},
		{"headings only", "# Bolt\n\n## Install it now\n", []string{"Bolt", "Install it now"}},
		{"code only", "```\nmake install\n```", []string{"make install"}},
		{"no letters", "1234 +++ 5", nil},
		{"nothing", " \n\t", nil},
	} {
		d := extractive.Read("", c.in)
		if len(d.Sentences) == 0 && len(c.want) == 0 {
			continue
		}
		if diff := cmp.Diff(c.want, d.Sentences); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, title, in, want string }{
		{"given", " A  title ", "# Heading\n\n" + prose, "A title"},
		{"first heading", "", "# Heading\n\n" + prose, "Heading"},
		{"underlined heading", "", "Heading\n=======\n\n" + prose, "Heading"},
		{"heading of HTML", "", "<h2>Head<b>ing</b></h2><p>" + prose + "</p>", "Heading"},
		{"short sentence", "", prose, "The cache keeps the results of queries in memory."},
		{"long sentence cut at a word", "", strings.Repeat("word ", 60) + ".", strings.TrimSpace(strings.Repeat("word ", 24))},
	} {
		if got := extractive.Read(c.title, c.in).Title; got != c.want {
			t.Errorf("%s: title %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzRead holds that no text crashes the reader or makes it write what is not in the text.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		prose, "# a\n\n- b\n\n| c | d |\n\n```\ne\n```\n", "<p>a <b>b</b><br>c</p><ul><li>d", "これは日本語です。「引用。」\n\n- 項目", "[a](b) ![c](d) `e` **f** _g_ \\* <br> {{h}} {% i %}",
		"a\n===\n", "\xff\xfe", "<table><tr><td>a", "1. a\n2. b", "[[[[[[[[[[", "(((((((((( a. B", "「「「「「。。。", "<!-- a", ":::\n[!NOTE]\n[a]: b",
	} {
		f.Add("", s)
		f.Add("Title", s)
	}
	f.Fuzz(func(t *testing.T, title, text string) {
		d := extractive.Read(title, text)
		if len(d.Sentences) > 3 {
			t.Fatalf("%d sentences", len(d.Sentences))
		}
		if !utf8.ValidString(text) || strings.ContainsAny(text, "<&\\{[*_`|") {
			return // what marks and entities become is not compared
		}
		plain := strings.Join(strings.Fields(text), " ")
		for _, s := range d.Sentences {
			if !strings.Contains(plain, s) && !slices.ContainsFunc(strings.Fields(s), func(w string) bool { return strings.Contains(plain, w) }) {
				t.Fatalf("%q does not stand in %q", s, text)
			}
		}
		_ = d.Summary()
		d.Keywords(5)
	})
}

func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("# Heading\n\n"+prose+" "+strings.ReplaceAll(prose, "cache", "server")+"\n\n- an item\n- another\n\n", 16)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		extractive.Read("Cache", text)
	}
}
