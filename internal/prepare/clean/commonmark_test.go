package clean_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// specExample is one example of the CommonMark specification: Markdown, and the HTML it stands for.
type specExample struct {
	number         int
	section        string
	markdown, html string
}

// specExamples reads the examples out of the specification's text, where → stands for a tab.
func specExamples(t *testing.T) []specExample {
	t.Helper()
	spec, err := os.ReadFile("testdata/commonmark/spec.txt")
	if err != nil {
		t.Fatal(err)
	}
	const fence = "````````````````````````````````"
	var examples []specExample
	section := ""
	var part *strings.Builder
	var md, out strings.Builder
	for line := range bytes.Lines(spec) {
		s := strings.TrimSuffix(string(line), "\n")
		switch {
		case s == fence+" example":
			md.Reset()
			out.Reset()
			part = &md
		case s == fence && part != nil:
			part = nil
			examples = append(examples, specExample{
				number: len(examples) + 1, section: section,
				markdown: strings.ReplaceAll(md.String(), "→", "\t"), html: strings.ReplaceAll(out.String(), "→", "\t"),
			})
		case s == "." && part == &md:
			part = &out
		case part != nil:
			part.WriteString(s + "\n")
		case strings.HasPrefix(s, "#"):
			section = strings.TrimLeft(s, "# ")
		}
	}
	return examples
}

// otherByDesign are the examples in which tags that HTML does not know are kept as text, so that `List<String>` and `<T>`
// lose nothing, and a few fine points of no weight in articles.
var otherByDesign = map[int]string{
	150: "<foo> is no element",
	163: "the text between JSX components is Markdown",
	201: "<bar> is no element", 491: "<foo bar> is no element", 494: "<b> is never closed",
	391: "a bold line with a blank before its end is bold",
	540: "labels are folded by character, so that ẞ is not SS",
	590: "![[foo]] takes in another note",
	613: "<bab> is no element",
	629: "a CDATA section goes as a whole",
}

// TestCommonMarkExamples renders each example twice, from its Markdown and from the HTML that the specification gives for
// it, with block code kept: the words must be the same.
func TestCommonMarkExamples(t *testing.T) {
	t.Parallel()
	examples := specExamples(t)
	if len(examples) != 652 {
		t.Fatalf("the specification has %d examples, want 652", len(examples))
	}
	c := clean.New(clean.Config{Rules: clean.Rules{Code: "keep", KeepURLs: true, KeepHidden: true, CollapseNewlines: true}})
	words := func(body string, f quarry.Format) string {
		got, err := c.Clean(&quarry.Document{Body: []byte(body), Format: f})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(got.Text)), " ")
	}
	for _, e := range examples {
		got, want := words(e.markdown, markdown), words(e.html, html)
		if reason, ok := otherByDesign[e.number]; (got == want) == ok {
			t.Errorf("example %d (%s), by design %q:\n%q\n got %q\nwant %q", e.number, e.section, reason, e.markdown, got, want)
		}
	}
}
