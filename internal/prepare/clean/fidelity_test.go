package clean_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"

	"quarry"
	"quarry/internal/prepare/clean"
)

// oracle is an independent reader of Markdown. It knows GFM and footnotes, and no marks of site generators.
func oracle() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))
}

func parse(md goldmark.Markdown, src []byte) ast.Node {
	return md.Parser().Parse(gmtext.NewReader(src))
}

// truth is the text of an article by the oracle's tree, without block code, images and raw HTML, and the code by itself.
func truth(md goldmark.Markdown, src []byte) (text, code string) {
	var words, blocks strings.Builder
	_ = ast.Walk(parse(md, src), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock {
				words.WriteByte('\n')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				blocks.Write(line.Value(src))
			}
			return ast.WalkSkipChildren, nil
		case *ast.HTMLBlock, *ast.RawHTML, *ast.Image:
			return ast.WalkSkipChildren, nil
		case *ast.AutoLink:
			words.Write(n.Label(src))
		case *ast.Text:
			words.Write(n.Segment.Value(src))
			if n.SoftLineBreak() || n.HardLineBreak() {
				words.WriteByte('\n')
			}
		case *ast.String:
			words.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	return words.String(), blocks.String()
}

// plainArticle reports whether an article holds nothing but CommonMark and GFM, so that the oracle can judge it.
func plainArticle(a article) bool {
	for _, mark := range []string{"{{", "{%", "{:", "{#", "{/*", ":::", "[!", "<", "&", "\n: ", "\n:  ", "@[", "\\", "import "} {
		if strings.Contains(a.Content, mark) {
			return false
		}
	}
	return true
}

// TestArticlesGiveBackTheirWords renders articles in Markdown both directly and by way of the HTML that a content system
// would store, and compares the words with the oracle's.
func TestArticlesGiveBackTheirWords(t *testing.T) {
	t.Parallel()
	md := oracle()
	c := clean.New(clean.Config{MaxChars: clean.Off, Rules: clean.Rules{KeepURLs: true}})
	type score struct{ both, got, want, code, codeKept, articles int }
	var byHTML, byMarkdown score
	bySource := map[string]*score{}
	judge := func(s *score, a article, doc *quarry.Document, want, code map[[4]string]int) float64 {
		out, err := c.Clean(doc)
		if err != nil {
			t.Fatal(err)
		}
		got := shingles(wordsOf(string(out.Text)))
		both := common(want, got)
		s.both += both
		s.got += total(got)
		s.want += total(want)
		s.articles++
		for shingle, n := range code {
			if want[shingle] == 0 {
				s.code += n
				s.codeKept += min(n, got[shingle])
			}
		}
		return float64(both) / float64(max(total(want), total(got), 1))
	}
	for _, a := range articles(t, markdown, 30) {
		if !*whole && !plainArticle(a) {
			continue
		}
		src := []byte(a.Content)
		text, blocks := truth(md, src)
		want, code := shingles(wordsOf(text)), shingles(wordsOf(blocks))
		var body bytes.Buffer
		body.WriteString("<!-- wp:paragraph -->\n")
		if err := md.Convert(src, &body); err != nil {
			t.Fatal(err)
		}
		judge(&byHTML, a, &quarry.Document{Body: body.Bytes(), Format: html}, want, code)
		s := bySource[a.Source]
		if s == nil {
			s = &score{}
			bySource[a.Source] = s
		}
		if plainArticle(a) {
			judge(&byMarkdown, a, a.document(), want, code)
		}
		if f := judge(s, a, a.document(), want, code); f < 0.97 && plainArticle(a) {
			t.Logf("%s (%s): %.3f", a.ID, a.Source, f)
		}
	}
	for source, s := range bySource {
		t.Logf("%-30s %4d articles: recall %.4f precision %.4f code %.4f", source, s.articles,
			ratio(s.both, s.want), ratio(s.both, s.got), ratio(s.codeKept, s.code))
	}
	for way, s := range map[string]score{"HTML": byHTML, "Markdown": byMarkdown} {
		recall, precision, kept := ratio(s.both, s.want), ratio(s.both, s.got), ratio(s.codeKept, s.code)
		t.Logf("%s: %d articles, recall %.5f, precision %.5f, code kept %.5f", way, s.articles, recall, precision, kept)
		if recall < 0.998 || precision < 0.998 || s.codeKept > s.code/10_000 {
			t.Errorf("by way of %s: recall %.5f, precision %.5f, code kept %.5f", way, recall, precision, kept)
		}
	}
}

func ratio(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}
