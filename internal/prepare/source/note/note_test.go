package note_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/source/note"
)

func TestLinesCountByLabel(t *testing.T) {
	t.Parallel()
	var b note.Book
	for range 3 {
		b.Count(note.Unpublished, note.Reached("attachment", "post_type=attachment"))
	}
	b.Count(note.Unpublished, note.Reached("draft product", "post_type=product", "status=draft"))
	b.Count(note.Ignored, ".rst")
	want := []string{
		"left out: 4 items that are not published, or no texts (3 attachment, 1 draft product); to read those of one kind: --where post_type=attachment, or --where post_type=product --where status=draft",
		"ignored: 1 file of other types (1 .rst)",
	}
	if diff := cmp.Diff(want, b.Take()); diff != "" {
		t.Error(diff)
	}
	b.Count(note.Ignored, ".rst")
	if again := b.Take(); len(again) > 0 {
		t.Errorf("a second reading says %q", again)
	}
}

func TestManyLabelsAreOne(t *testing.T) {
	t.Parallel()
	var b note.Book
	for i := range 1000 {
		b.Count(note.Ignored, fmt.Sprint(i))
	}
	if got := b.Take(); len(got) != 1 || len(got[0]) > 1000 {
		t.Errorf("%q", got)
	}
	var none *note.Book
	none.Count(note.Ignored, "x")
	if got := none.Take(); got != nil {
		t.Errorf("%q", got)
	}
}

// Single items are named, ids in their order as numbers, and not more of them than a line can hold.
func TestNamedItems(t *testing.T) {
	t.Parallel()
	var b note.Book
	for i := 100; i > 0; i-- {
		b.Count(note.Protected, fmt.Sprint(i))
	}
	b.Count(note.Locked, `7 "Secret"`)
	b.Count(note.Arrays, "posts of a.json, and not pages")
	b.Count(note.Arrays, "posts of a.json, and not pages")
	want := []string{
		"left out: 100 posts with password protection (37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48 and 88 more); to read them: --where protected=true",
		`left out: 1 post with password protection, whose text the site does not return (7 "Secret"); log in as a user who may edit them and add ?context=edit`,
		"read: the array posts of a.json, and not pages",
	}
	if diff := cmp.Diff(want, b.Take()); diff != "" {
		t.Error(diff)
	}
}
