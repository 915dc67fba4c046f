package clean_test

import (
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

// TestReferences: what a text refers to and its source does not have is counted.
func TestReferences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		format   quarry.Format
		want     int64
	}{
		{"a reusable block", `<p>A.</p><!-- wp:block {"ref":12} /--><p>B.</p>`, html, 1},
		{"with further attributes", `<!-- wp:block {"align":"wide","ref":12} /-->`, html, 1},
		{"two of them", "<!-- wp:block {\"ref\":1} /-->\n<!-- wp:block {\"ref\":2} /-->", html, 2},
		{"without blanks", `<!--wp:block {"ref":12} /--><p>B.</p>`, html, 1},
		{"an entry of Contentful", `<p>A.</p><!-- contentful:entry abc -->`, html, 1},
		{"inside of a sentence", `<p>A <!-- contentful:entry abc --> b.</p>`, html, 1},
		{"a document of Sanity", `<p>A.</p><!-- sanity:reference abc -->`, html, 1},
		{"in Markdown", "A.\n\n<!-- wp:block {\"ref\":12} /-->\n\nB.", markdown, 1},
		{"where a tree is needed", `<p>A.</p><!-- wp:block {"ref":12} /--><p hidden>x<p>C.`, html, 1},
		{"in a page", `<!doctype html><html><body><main><p>A.</p><!-- wp:block {"ref":12} /--></main></body></html>`, html, 1},
		{"hidden", `<div hidden><!-- wp:block {"ref":12} /--></div><p>A.</p>`, html, 0},
		{"another block", `<!-- wp:block-quote {"ref":12} --><!-- wp:paragraph {"ref":1} --><p>A.</p>`, html, 0},
		{"a block without a reference", `<!-- wp:block {"slug":"x"} /--><p>A.</p>`, html, 0},
		{"a comment", `<!-- see contentful:entry abc --><p>A.</p>`, html, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := cleaned(t, clean.Config{}, tt.in, tt.format)
			if got := out.Dropped[rule.Reference].Items; got != tt.want {
				t.Errorf("%d references, want %d: %v", got, tt.want, out.Dropped)
			}
		})
	}
}
