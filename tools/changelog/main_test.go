package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const beginning = "# Changelog\n\nChanges since the last release are in files.\n"

// repository is a copy of what the command works on.
func repository(t *testing.T, page string, fragments map[string]string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "changelog", "unreleased"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("CHANGELOG.md", page)
	for name, text := range fragments {
		write(filepath.Join("changelog", "unreleased", name), text)
	}
	return root
}

func page(t *testing.T, root string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func unreleased(t *testing.T, root string) int {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(root, "changelog", "unreleased", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func TestFragmentsBecomeTheSectionOfAVersion(t *testing.T) {
	t.Parallel()
	root := repository(t, beginning, map[string]string{
		"b.md": "- second\n  with a second line\n- third\n",
		"a.md": "A paragraph\nof two lines.\n\nAnd another",
	})
	if err := release(root, "0.1.0"); err != nil {
		t.Fatal(err)
	}
	first := "\n## 0.1.0\n\n- A paragraph\n  of two lines.\n- And another\n- second\n  with a second line\n- third\n"
	if got, want := page(t, root), beginning+first; got != want {
		t.Fatalf("CHANGELOG.md is\n%s\nwant\n%s", got, want)
	}
	if left := unreleased(t, root); left != 0 {
		t.Errorf("%d fragments are left", left)
	}

	again := repository(t, page(t, root), map[string]string{"c.md": "- later\n"})
	if err := release(again, "0.1.0"); err != nil {
		t.Fatal(err)
	}
	if got, want := page(t, again), beginning+first+"- later\n"; got != want {
		t.Errorf("prepared again, CHANGELOG.md is\n%s\nwant\n%s", got, want)
	}

	next := repository(t, page(t, again), map[string]string{"d.md": "- next\n"})
	if err := release(next, "0.2.0"); err != nil {
		t.Fatal(err)
	}
	if got, want := page(t, next), beginning+"\n## 0.2.0\n\n- next\n"+first+"- later\n"; got != want {
		t.Errorf("with a second version, CHANGELOG.md is\n%s\nwant\n%s", got, want)
	}

	more := repository(t, page(t, next), map[string]string{"e.md": "- more\n"})
	if err := release(more, "0.2.0"); err != nil {
		t.Fatal(err)
	}
	if got, want := page(t, more), beginning+"\n## 0.2.0\n\n- next\n- more\n"+first+"- later\n"; got != want {
		t.Errorf("with a second version prepared again, CHANGELOG.md is\n%s\nwant\n%s", got, want)
	}
}

func TestWhatCannotBeReleasedChangesNothing(t *testing.T) {
	t.Parallel()
	released := beginning + "\n## 0.2.0\n\n- b\n\n## 0.1.0\n\n- a\n"
	for _, tt := range []struct {
		name, version, wants string
		fragments            map[string]string
	}{
		{"a version with a v", "v0.3.0", `"v0.3.0"`, map[string]string{"a.md": "- a\n"}},
		{"no version", "", `""`, map[string]string{"a.md": "- a\n"}},
		{"no fragment", "0.3.0", "nothing to release", nil},
		{"an empty fragment", "0.3.0", "b.md: the fragment is empty", map[string]string{"a.md": "- a\n", "b.md": "\n"}},
		{"a fragment with a heading", "0.3.0", "a.md: the heading", map[string]string{"a.md": "# A\n- a\n"}},
		{"a version that is released", "0.1.0", "0.1.0 is not the newest", map[string]string{"a.md": "- a\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, released, tt.fragments)
			if err := release(root, tt.version); err == nil || !strings.Contains(err.Error(), tt.wants) {
				t.Errorf("release(%q) = %v, want an error with %q", tt.version, err, tt.wants)
			}
			if got := page(t, root); got != released {
				t.Errorf("CHANGELOG.md is\n%s\nwant it unchanged", got)
			}
			if left := unreleased(t, root); left != len(tt.fragments) {
				t.Errorf("%d fragments are left, want %d", left, len(tt.fragments))
			}
		})
	}
}

// The fragments of this repository can be released as they are.
func TestTheRepositorysOwnFragments(t *testing.T) {
	t.Parallel()
	own := filepath.Join("..", "..")
	fragments := map[string]string{}
	files, err := filepath.Glob(filepath.Join(own, "changelog", "unreleased", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == ".gitkeep" { // git keeps no empty folder
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fragments[filepath.Base(file)] = string(text)
	}
	if len(fragments) == 0 {
		t.Skip("nothing is unreleased")
	}
	root := repository(t, page(t, own), fragments)
	if err := release(root, "99.0.0"); err != nil {
		t.Fatal(err)
	}
	if left := unreleased(t, root); left != 0 {
		t.Errorf("%d files are no fragments (*.md)", left)
	}
	if got := page(t, root); strings.Count(got, "\n## 99.0.0\n") != 1 || !strings.HasPrefix(got, "# Changelog\n") {
		t.Errorf("CHANGELOG.md begins\n%.200s", got)
	}
}
