package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"quarry/internal/prepare/source"
)

// TestMarksAreNoObjects: Markdown that begins with a mark of a template is Markdown, also where it is named by itself.
func TestMarksAreNoObjects(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a.md": "markdown", "a.html": "html", "a.jsonl": "jsonl"} {
		for _, head := range []string{"{{< details summary=\"Why\" >}}\nA.\n{{< /details >}}\n", "{% include a.html text=\"A\" %}\n", "{# \"a\" #}\nA.\n", "{:.lead}\nA \"b\".\n"} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
				t.Fatal(err)
			}
			if kind, err := source.KindOf(t.Context(), path, source.Config{}); err != nil || kind != want {
				t.Errorf("%s with %q is %q, %v", name, head, kind, err)
			}
		}
	}
}

// TestExtensions: where the content does not tell the kind of a file, its extension does.
func TestExtensions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.md":   "markdown",
		"a.htm":  "html",
		"a.text": "text",
		"a.tab":  "tsv",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("A text.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if kind, err := source.KindOf(t.Context(), path, source.Config{}); err != nil || kind != want {
			t.Errorf("%s is %q, %v, want %q", name, kind, err, want)
		}
	}
}
