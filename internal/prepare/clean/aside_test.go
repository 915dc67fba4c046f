package clean_test

import (
	"testing"

	"quarry/internal/prepare/clean"
)

// TestAsides are the boxes and tabs that documentation generators indent or fence. Their bodies are text like any other.
func TestAsides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"an admonition", "A.\n\n!!! warning \"Mind this\"\n\n    The body.\n\nB.", "A.\n\nMind this\n\nThe body.\n\nB."},
		{"without an empty line", "!!! warning \"Mind this\"\n    The body.\n\nB.", "Mind this\n\nThe body.\n\nB."},
		{"without a title", "!!! note\n\n    The body.\n    More.\n\nB.", "The body. More.\n\nB."},
		{"with an empty title", "!!! note \"\"\n    The body.", "The body."},
		{"with two classes", "!!! note inline end \"T\"\n    The body.", "T\n\nThe body."},
		{"of a kind of the author's own", "!!! pied-piper \"T\"\n    The body.", "T\n\nThe body."},
		{"of a kind of the author's own, without a title", "!!! pied-piper\n\n    The body.", "The body."},
		{"details", "??? note \"T\"\n\n    The body.\n\n???+ tip\n    Open.", "T\n\nThe body.\n\nOpen."},
		{"several paragraphs and a list", "!!! tip\n    One.\n\n    Two:\n\n    - a\n    - b\n\nB.", "One.\n\nTwo:\n\n- a\n- b\n\nB."},
		{"code in it", "!!! tip\n    One.\n\n    ```sh\n    rm -rf /\n    ```\n\n        indented code\n\n    Two.", "One.\n\nTwo."},
		{"tabs", "=== \"Linux\"\n\n    Use apt.\n\n=== \"macOS\"\n\n    Use brew.\n\nAfter.", "Linux\n\nUse apt.\n\nmacOS\n\nUse brew.\n\nAfter."},
		{"a tab that is open, and one that is new", "===! \"A\"\n    a\n\n===+ \"B\"\n    b", "A\n\na\n\nB\n\nb"},
		{"nested", "!!! note \"Outer\"\n\n    Text.\n\n    ??? tip \"Inner\"\n\n        Deep.\n\n    More.\n\nB.", "Outer\n\nText.\n\nInner\n\nDeep.\n\nMore.\n\nB."},
		{"tabs in an admonition", "!!! example\n\n    === \"A\"\n\n        a\n\n    === \"B\"\n\n        b", "A\n\na\n\nB\n\nb"},
		{"in a list", "1. Step:\n\n    !!! note \"T\"\n\n        The body.\n\n2. Next.", "- Step:\nT\nThe body.\n- Next."},
		{"in a list without an empty line", "- Step:\n\n    !!! note\n        The body.\n\n- Next.", "- Step:\nThe body.\n- Next."},
		{"after a paragraph", "A.\n!!! note \"T\"\n    The body.", "A.\n\nT\n\nThe body."},
		{"indented with tabs", "!!! note \"T\"\n\n\tThe body.\n\nB.", "T\n\nThe body.\n\nB."},
		{"with Windows line ends", "!!! note \"T\"\r\n\r\n    The body.\r\n\r\nB.", "T\n\nThe body.\n\nB."},
		{"an exclamation is text", "!!! That is great\n\nB.", "!!! That is great\n\nB."},
		{"questions are text", "??? what\n\nB.", "??? what\n\nB."},
		{"an underline is a heading", "Title\n===\n\nB.", "# Title\n\nB."},

		{"a directive", "A.\n\n```{note}\nThe body.\n```\n\nB.", "A.\n\nThe body.\n\nB."},
		{"a directive with a title and options", "```{admonition} The *title*\n:class: tip\n:name: x\n\nThe body.\n\n- a\n```\nB.", "The title\n\nThe body.\n\n- a\n\nB."},
		{"a directive with options in YAML", "```{dropdown} More\n---\nopen: true\n---\nThe body.\n```\nB.", "More\n\nThe body.\n\nB."},
		{"text on the directive's line", "```{warning} Mind this.\n```\nB.", "Mind this.\n\nB."},
		{"nested directives", "`````{tab-set}\n````{tab-item} Linux\n```{note}\nUse apt.\n```\n````\n````{tab-item} macOS\nUse brew.\n````\n`````\nB.", "Linux\n\nUse apt.\n\nmacOS\n\nUse brew.\n\nB."},
		{"code in a directive", "````{tip}\nRun it:\n```sh\nrm -rf /\n```\nDone.\n````\nB.", "Run it:\n\nDone.\n\nB."},
		{"a figure's caption", "```{figure} a.png\n:width: 200px\nThe caption.\n```\nB.", "The caption.\n\nB."},
		{"a directive in a list", "- a\n\n  ```{note}\n  The body.\n  ```\n\n- b", "- a\nThe body.\n- b"},
		{"a directive of code", "```{code-block} python\nx = 1\n```\n\n```{python}\nx = 1\n```\n\n```{r setup, include=FALSE}\nx <- 1\n```\nB.", "B."},
		{"a directive that is never closed", "```{note}\nThe body.\n\nB.", "The body.\n\nB."},
		{"colons", ":::{admonition} The title\n:class: tip\nThe body.\n:::\nB.", "The title\n\nThe body.\n\nB."},
		{"code between colons", ":::{code-block} python\nx = 1\n:::\nB.", "B."},
		{"a callout of Quarto", "::: {.callout-note title=\"The title\"}\nThe body.\n:::\nB.", "The title\n\nThe body.\n\nB."},
		{"blocks of PyMdown", "/// note | The title\nThe body.\n///\n\n//// tab | A\n/// html | div.x\na\n///\n////\nB.", "The title\n\nThe body.\n\nA\n\na\n\nB."},
		{"slashes are text", "//// and // are text\n\n/// wow, really\n\n//\nB.", "//// and // are text\n\n/// wow, really\n\n// B."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}
