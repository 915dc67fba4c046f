package note_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/source/note"
)

func TestLinesCountByLabel(t *testing.T) {
	t.Parallel()
	var b note.Book
	for range 3 {
		b.Count(note.Unpublished, "attachment")
	}
	b.Count(note.Unpublished, "draft post")
	b.Count(note.Ignored, ".rst")
	want := []string{
		"left out: 4 items that are no published posts or pages (3 attachment, 1 draft post); to read them, name the types: --where post_type=post --where post_type=attachment",
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
