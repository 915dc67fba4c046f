package clean_test

import (
	"strings"
	"testing"

	"quarry/internal/prepare/clean"
)

// TestPanelsThatAReaderOpens: the answers of an accordion and the panels of tabs are text, whatever hides them until then.
func TestPanelsThatAReaderOpens(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		shown    bool
	}{
		{"hidden", `<button aria-expanded="false" aria-controls="f1">Why?</button><div id="f1" hidden>So.</div>`, true},
		{"aria-hidden", `<button aria-expanded="false" aria-controls="f1">Why?</button><div id="f1" aria-hidden="true">So.</div>`, true},
		{"display", `<button aria-expanded="false" aria-controls="f1">Why?</button><div id="f1" style="display:none">So.</div>`, true},
		{"visibility and opacity", `<button aria-expanded="false" aria-controls="f1">Why?</button><div id="f1" style="visibility:hidden;opacity:0">So.</div>`, true},
		{"no height", `<button aria-expanded="false" aria-controls="f1">Why?</button><div id="f1" style="max-height:0;overflow:hidden">So.</div>`, true},
		{"a control after the panel", `<div id="f1" hidden>So.</div><a aria-controls="f1" href="#">Why?</a>`, true},
		{"a control of several panels", `<button aria-controls="f0 f1">Why?</button><div id="f1" hidden>So.</div>`, true},
		{"Bootstrap 5", `<button data-bs-toggle="collapse" data-bs-target="#f1">Why?</button><div id="f1" style="display:none">So.</div>`, true},
		{"Bootstrap 4", `<button data-toggle="collapse" data-target="#f1">Why?</button><div id="f1" style="display:none">So.</div>`, true},
		{"a link of Bootstrap", `<a data-toggle="tab" href="#f1">Why?</a><div id="f1" style="display:none">So.</div>`, true},
		{"a tab", `<a role="tab" href="#f1">Why?</a><div id="f1" style="display:none">So.</div>`, true},
		{"Flowbite", `<button data-accordion-target="#f1">Why?</button><div id="f1" style="display:none">So.</div>`, true},
		{"a tab's panel", `<button role="tab">Why?</button><div role="tabpanel" hidden>So.</div>`, true},
		{"Elementor", `<div class="elementor-tab-title" role="button" aria-expanded="false">Why?</div><div class="elementor-tab-content elementor-clearfix" hidden="hidden">So.</div>`, true},
		{"a class of Bootstrap", `<h2>Why?</h2><div class="collapse" style="display:none">So.</div>`, true},
		{"Alpine", `<div x-data="{open:false}"><h3 @click="open=!open">Why?</h3><div x-show="open" style="display:none">So.</div></div>`, true},
		{"Vue", `<h3>Why?</h3><div v-show="open" style="display: none;">So.</div>`, true},
		{"a region with a name", `<h3><button id="b" aria-expanded="false">Why?</button></h3><div role="region" aria-labelledby="b" hidden>So.</div>`, true},
		{"details", `<details><summary>Why?</summary><div>So.</div></details>`, true},
		{"no control", `<h3>Why?</h3><div id="f1" hidden>So.</div>`, false},
		{"another id", `<button aria-controls="f2">Why?</button><div id="f1" hidden>So.</div>`, false},
		{"an id in a longer one", `<button aria-controls="f11">Why?</button><div id="f1" hidden>So.</div>`, false},
		{"a link is no control", `<h3><a href="#f1">Why?</a></h3><div id="f1" hidden>So.</div>`, false},
		{"a control that is hidden", `<h3>Why?</h3><button hidden aria-controls="f1">x</button><div id="f1" hidden>So.</div>`, false},
		{"a control in a comment", `<h3>Why?</h3><!-- <button aria-controls="f1"> --><div id="f1" hidden>So.</div>`, false},
		{"a dialog", `<button data-bs-toggle="modal" data-bs-target="#f1">Why?</button><div id="f1" style="display:none">So.</div>`, false},
		{"a menu", `<button aria-haspopup="true" aria-controls="f1">Why?</button><div id="f1" hidden>So.</div>`, false},
		{"what is hidden inside of a panel", `<button aria-controls="f1">Why?</button><div id="f1" hidden><span hidden>So.</span></div>`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			intro := "<p>An introduction that is long enough to be most of the text, as it has to be.</p>"
			for _, c := range []struct{ name, text string }{
				{"html", string(cleaned(t, clean.Config{}, intro+tt.in, html).Text)},
				{"markdown", string(cleaned(t, clean.Config{}, "An introduction, *long* enough to be most of the text, as it has to be.\n\n"+tt.in, markdown).Text)},
				{"tree", string(cleaned(t, clean.Config{}, intro+tt.in+"<svg><p>out", html).Text)},
				{"page", string(cleaned(t, clean.Config{As: clean.AsPage}, "<main>"+tt.in+strings.Repeat("<p>A paragraph that is long enough, with a comma, to be an article of a page.</p>", 6)+"</main>", html).Text)},
			} {
				if !strings.Contains(c.text, "Why?") || strings.Contains(c.text, "So.") != tt.shown {
					t.Errorf("as %s the text is %q", c.name, c.text)
				}
			}
		})
	}
}
