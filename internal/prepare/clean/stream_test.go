package clean_test

import (
	"runtime"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// TestGiantMarkdownIsRenderedAsItsParts puts so many documents into one that its blocks are written as they come: the text
// is that of the parts.
func TestGiantMarkdownIsRenderedAsItsParts(t *testing.T) {
	t.Parallel()
	c := clean.New(clean.Config{MaxChars: clean.Off})
	var body, want strings.Builder
	for n := 0; body.Len() < 3<<20; n++ {
		tt := markCases[n%len(markCases)]
		if strings.Contains(tt.name, "never ends") || strings.Contains(tt.in, "<") {
			continue // what is closed anywhere is looked for in the whole document
		}
		body.WriteString("# Part\n\n" + tt.in + "\n\n# End\n\n")
		want.WriteString("# Part\n\n" + tt.want + "\n\n# End\n\n")
	}
	out, err := c.Clean(&quarry.Document{Body: []byte(body.String()), Format: markdown})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.Text); got != strings.TrimSpace(want.String()) {
		t.Errorf("the text differs: %s", firstDifference(strings.Fields(got), strings.Fields(want.String())))
	}
}

// TestGiantMarkdownTakesNoGiantMemory measures what is allocated in all while one large document is cleaned, of kinds
// that make a block, an item or a mark of every few bytes.
func TestGiantMarkdownTakesNoGiantMemory(t *testing.T) {
	const size, fixed = 3 << 19, 24 << 20 // what one piece of a paragraph takes does not depend on the size
	for _, unit := range []string{"*a ", "[a", "a\n\n", "> a\n\n", "- a\n", "- - a\n", "a\n", "`a\n", "    a\n", "|a|\n|-|\n", "<b>x"} {
		body := []byte(strings.Repeat(unit, size/len(unit)))
		c := clean.New(clean.Config{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.Clean(&quarry.Document{Body: body, Format: markdown}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16*size+fixed {
			t.Errorf("%q: %d MB allocated for %d MB", unit, grown>>20, size>>20)
		}
	}
}
