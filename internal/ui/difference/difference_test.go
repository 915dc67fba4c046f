package difference_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quarry/internal/ui/difference"
)

// marked puts what only one text has into brackets.
func marked(list []difference.Span) string {
	var b strings.Builder
	for _, s := range list {
		if s.Same {
			b.WriteString(s.Text)
		} else {
			b.WriteString("[" + s.Text + "]")
		}
	}
	return b.String()
}

func TestWordsThatDifferAreMarked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, inA, inB string }{
		{"one two three", "one 2 three", "one [two] three", "one [2] three"},
		{"same", "same", "same", "same"},
		{"", "new", "", "[new]"},
		{"東京都の話", "東京の話", "東京[都]の話", "東京の話"},
		{"<p>Hello <b>world</b></p>", "Hello world", "[<p>]Hello [<b>]world[</b></p>]", "Hello world"},
		{strings.Repeat("x y ", 2000) + "end", strings.Repeat("x y ", 2000) + "last", "", ""},
	} {
		a, b := difference.Of(c.a, c.b)
		if c.inA == "" && c.inB == "" {
			if m := marked(a); !strings.HasSuffix(m, " [end]") || strings.Count(m, "[") != 1 {
				t.Errorf("a long text: %s", m[len(m)-20:])
			}
			continue
		}
		if marked(a) != c.inA || marked(b) != c.inB {
			t.Errorf("%q and %q: %s and %s, want %s and %s", c.a, c.b, marked(a), marked(b), c.inA, c.inB)
		}
	}
}

// TestSpansAreTheTexts compares random texts, also long ones that are cut at anchors.
func TestSpansAreTheTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", " ", "東", "京", "<", "é", "\n", "🎉"})
		a := strings.Join(rapid.SliceOfN(word, 0, 2000).Draw(t, "a"), "")
		b := strings.Join(rapid.SliceOfN(word, 0, 2000).Draw(t, "b"), "")
		inA, inB := difference.Of(a, b)
		var allA, allB, sameA, sameB strings.Builder
		for _, s := range inA {
			allA.WriteString(s.Text)
			if s.Same {
				sameA.WriteString(s.Text)
			}
		}
		for _, s := range inB {
			allB.WriteString(s.Text)
			if s.Same {
				sameB.WriteString(s.Text)
			}
		}
		if allA.String() != a || allB.String() != b {
			t.Fatalf("the spans of %q and %q are %q and %q", a, b, allA.String(), allB.String())
		}
		if sameA.String() != sameB.String() {
			t.Fatalf("what is the same differs: %q and %q", sameA.String(), sameB.String())
		}
	})
}
