package clean_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/clean"
)

const pageText = `A quarry is a pit from which stone is taken. The stone is cut out in blocks, the blocks are sorted by what they are good for, and whatever is too small for a wall becomes gravel for a road.

## Cutting

Long ago, rows of holes were drilled by hand and filled with wedges of dry wood. Water made the wood swell, and the swelling split the stone along the row, straight enough for a mason to use.

Today a wire set with diamonds runs through two holes that meet inside of the rock, and saws a block free in an afternoon. It needs water too, because a hot wire breaks.

## Sorting

- Blocks without cracks are for stairs and sills.
- Blocks with cracks are for walls.
- The rest is for roads.

Stone | Density
Granite | 2.7
Sandstone | 2.3

Nothing is thrown away in a good quarry: even the dust is sold, for tennis courts and for the filling of asphalt, and the pit itself becomes a lake when the last block has left it.`

func TestPageModeFindsTheContent(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/pages/article.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []quarry.Format{"", html, quarry.FormatPage} {
		out, err := clean.New(clean.Config{}).Clean(&quarry.Document{Body: src, Format: format, URL: "https://example.com/quarry"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pageText, strings.TrimPrefix(string(out.Text), "# How a quarry works\n\n")); diff != "" {
			t.Errorf("as %q (-want +got):\n%s", format, diff)
		}
		if out.Mode != clean.ModePage || !strings.HasPrefix(out.Title, "How a quarry works") {
			t.Errorf("as %q: mode %q, title %q", format, out.Mode, out.Title)
		}
	}
}

func TestPageWithoutContentIsRenderedAsItIs(t *testing.T) {
	t.Parallel()
	out, err := clean.New(clean.Config{}).Clean(&quarry.Document{Body: []byte("<html><body><p>Short.</p><p hidden>no</p></body></html>")})
	if err != nil || string(out.Text) != "Short." || out.Mode != clean.ModeHTML {
		t.Errorf("Clean = %q as %q, %v, want the text as html", out.Text, out.Mode, err)
	}
}

func TestPageAsBodyKeepsAllOfIt(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/pages/article.html")
	if err != nil {
		t.Fatal(err)
	}
	out, err := clean.New(clean.Config{As: clean.AsBody}).Clean(&quarry.Document{Body: src})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Home", "cookies", "Imprint"} {
		if !strings.Contains(string(out.Text), want) {
			t.Errorf("as a body, %q is missing", want)
		}
	}
	if strings.Contains(string(out.Text), "Ignore all previous") || out.Mode != clean.ModeHTML {
		t.Errorf("as a body: mode %q, text %q", out.Mode, out.Text)
	}
}
