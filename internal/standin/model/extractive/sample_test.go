package extractive_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"quarry/internal/standin/model/extractive"
	"quarry/internal/testdata"
)

type article struct {
	ID, Title, Lang, Format, Content string
}

func sample(t *testing.T) []article {
	t.Helper()
	f, err := os.Open(testdata.Path(t, "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []article
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var a article
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// page is what a browser's tree says about an article: all its text, and the texts that are no prose, white space taken out.
type page struct {
	all   string
	other []string
}

// readPage goes by the tree of goldmark and a full HTML parser, neither of which reads the texts in the package under test.
func readPage(t *testing.T, a article) page {
	t.Helper()
	source := a.Content
	if a.Format == "markdown" {
		var buf bytes.Buffer
		md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(goldhtml.WithUnsafe()))
		if err := md.Convert([]byte(source), &buf); err != nil {
			t.Fatal(err)
		}
		source = buf.String()
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var p page
	p.all = dense(textOf(root))
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "pre":
				p.other = append(p.other, dense(textOf(n)))
				return
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return p
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style") {
		return ""
	}
	var out strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		out.WriteString(textOf(c))
	}
	return out.String()
}

// dense is a text without white space: what is left does not depend on how it was folded.
func dense(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func TestSampleSentencesAreTheArticlesOwnProse(t *testing.T) {
	t.Parallel()
	for _, a := range sample(t) {
		p := readPage(t, a)
		d := extractive.Read(a.Title, a.Content)
		if d.Lang != a.Lang {
			t.Errorf("%s: language %q, want %q", a.ID, d.Lang, a.Lang)
		}
		if len(d.Sentences) == 0 {
			t.Errorf("%s: no sentence", a.ID)
		}
		at := 0
		for _, s := range d.Sentences {
			key := dense(s)
			i := strings.Index(p.all[at:], key)
			if i < 0 {
				t.Errorf("%s: %q is not in the article after the sentence before", a.ID, s)
				continue
			}
			at += i + len(key)
			for _, other := range p.other {
				if strings.Contains(other, key) {
					t.Errorf("%s: %q stands in a heading, list item, table cell or code", a.ID, s)
				}
			}
		}
	}
}
