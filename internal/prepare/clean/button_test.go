package clean_test

import (
	"strings"
	"testing"

	"quarry/internal/prepare/clean"
)

// TestButtonsThatAreText: what opens a part of an article is a part of it; what sends a form is not.
func TestButtonsThatAreText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"in a heading of WordPress", `<h3 class="wp-block-accordion-heading"><button type="button"><span>Can I cancel?</span></button></h3><div><p>Yes.</p></div>`, "### Can I cancel?\n\nYes."},
		{"in a heading of Bootstrap", `<h2 class="accordion-header"><button class="accordion-button">How long?</button></h2><p>Three days.</p>`, "## How long?\n\nThree days."},
		{"in a heading with an icon", `<h4><button>Why?<svg><title>open</title></svg></button></h4><p>So.</p>`, "#### Why?\n\nSo."},
		{"in a term", `<dl><dt><button>Why?</button></dt><dd>So.</dd></dl>`, "Why?\nSo."},
		{"in a term without an end tag", `<dl><dt><button>Why?</button><dd>So. <button>Send</button></dl>`, "Why?\nSo."},
		{"in a summary", `<details><summary><button>Why?</button></summary><p>So.</p></details>`, "Why?\n\nSo."},
		{"aria-expanded", `<div><button aria-expanded="false">Why?</button></div><p>So.</p>`, "Why?\n\nSo."},
		{"aria-controls", `<div><button aria-controls="a1">Why?</button></div><p>So.</p>`, "Why?\n\nSo."},
		{"data-bs-toggle", `<div><button data-bs-toggle="collapse">Why?</button></div><p>So.</p>`, "Why?\n\nSo."},
		{"data-toggle", `<div><button data-toggle="collapse">Why?</button></div><p>So.</p>`, "Why?\n\nSo."},
		{"tabs side by side", `<div role="tablist"><button role="tab">Go</button><button role="tab">Rust</button></div><p>So.</p>`, "Go Rust\n\nSo."},
		{"what a reader can find", `<h3><button>Why?</button></h3><div hidden="until-found"><p>So.</p></div>`, "### Why?\n\nSo."},
		{"a button of a form", `<p>So.</p><form><button type="submit">Send</button></form>`, "So."},
		{"a button after a question", `<details><summary>Why?</summary><p>So.</p><button>Copy</button></details>`, "Why?\n\nSo."},
		{"a button after a heading", `<h2>Why?</h2><button>Copy</button><p>So.</p>`, "## Why?\n\nSo."},
		{"a hidden button", `<h2>Why?<button hidden>Copy</button></h2><p>So.</p>`, "## Why?\n\nSo."},
		{"a list to choose from", `<h2>Why?<select><option>a</select></h2><p>So.</p>`, "## Why?\n\nSo."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, html).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			if got := string(cleaned(t, clean.Config{}, strings.ReplaceAll(tt.in, "<p>So", "\n\n<p>So"), markdown).Text); strings.Contains(got, "?") != strings.Contains(tt.want, "?") {
				t.Errorf("in Markdown the text is %q, want %q", got, tt.want)
			}
			if got := string(cleaned(t, clean.Config{As: clean.AsPage}, "<main>"+tt.in+strings.Repeat("<p>A paragraph that is long enough, with a comma, to be an article of a page.</p>", 6)+"</main>", html).Text); !strings.Contains(got, "?") && strings.Contains(tt.want, "?") {
				t.Errorf("as a page the text is %q", got)
			}
		})
	}
}
