package clean_test

import (
	"testing"

	"quarry/internal/clean"
)

// TestWaysToHideText are the ways in which pages hide instructions from people and show them to models, and their
// harmless neighbours.
func TestWaysToHideText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		attributes string
		hidden     bool
	}{
		{`hidden`, true},
		{`HIDDEN=""`, true},
		{`hidden=until-found`, true},
		{`aria-hidden="true"`, true},
		{`aria-hidden=TRUE`, true},
		{`style="display:none"`, true},
		{`style='color:red;  DISPLAY : none !important;'`, true},
		{`style=display:none`, true},
		{`style="visibility:hidden"`, true},
		{`style="visibility:collapse"`, true},
		{`style="font-size:0"`, true},
		{`style="font-size: 0.0em"`, true},
		{`style="opacity:0"`, true},
		{`style="opacity:.0"`, true},
		{`style="position:absolute;left:-9999px"`, true},
		{`style="text-indent:-1000px"`, true},
		{`style="left:-99em"`, true},
		{`style="display&#58;none"`, true},
		{`style="display:&#x6e;one"`, true},
		{`style="dis/**/play:none"`, true},
		{`style="d\69splay:n\6fne"`, true},
		{`style="\64 isplay:none"`, true},
		{"style=\"display:\n none\"", true},
		{`title="hidden"`, false},
		{`data-hidden`, false},
		{`aria-hidden="false"`, false},
		{`style="display:block"`, false},
		{`style="font-size:0.9em"`, false},
		{`style="font-size:10px"`, false},
		{`style="opacity:0.5"`, false},
		{`style="opacity:1"`, false},
		{`style="left:-5px"`, false},
		{`style="background:url(display:none)"`, false},
		{`class="hidden"`, false},
		{`style="overflow:hidden"`, false},
	} {
		want := "a b c"
		if tt.hidden {
			want = "a c"
		}
		for _, body := range []string{"a <b " + tt.attributes + ">b</b> c", "<p>a <i " + tt.attributes + ">b</i> c</p>"} {
			if got := string(cleaned(t, clean.Config{}, body, html).Text); got != want {
				t.Errorf("with %s the text is %q, want %q", tt.attributes, got, want)
			}
		}
		if got := string(cleaned(t, clean.Config{}, "a <b "+tt.attributes+">b</b> c", markdown).Text); got != want && tt.attributes != "hidden" {
			t.Errorf("in Markdown, with %s the text is %q, want %q", tt.attributes, got, want)
		}
	}
}
