package cli

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func TestLinesFitThePage(t *testing.T) {
	t.Parallel()
	texts := []string{
		"a line that fits", "words and words and words, so many of them that no page of this width holds them in one line",
		strings.Repeat("x", 200), "採石場の石は谷へ運ばれ、そこで石工が受け取ります。" + strings.Repeat("石", 60) + " and on", "",
	}
	for _, text := range texts {
		for _, width := range []int{20, 21, 40, 80} {
			got := wrapped(text, 4, 6, width)
			for line := range strings.Lines(got) {
				if n := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("wrapped(%q, 4, 6, %d) has a line of %d cells: %q", text, width, n, line)
				}
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if squeeze(got) != squeeze(text) {
				t.Errorf("wrapped(%q, 4, 6, %d) = %q: it is another text", text, width, got)
			}
		}
	}
}
