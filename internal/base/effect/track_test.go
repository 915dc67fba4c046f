package effect_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry/internal/base/effect"
)

// taken gives what a tracker took as text: a name with its content, or with "gone".
func taken(t *testing.T, tr *effect.Tracker) []string {
	t.Helper()
	changes, err := tr.Take()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range changes {
		switch {
		case c.Dir:
			all = append(all, c.Name+"/")
			continue
		case c.File == nil:
			all = append(all, c.Name+" gone")
			continue
		}
		text, err := io.ReadAll(io.NewSectionReader(c.File, 0, c.Size))
		if err := errors.Join(err, c.File.Close()); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s", c.Name, text))
	}
	slices.Sort(all)
	return all
}

// put makes a file as package atomicfile does.
func put(t *testing.T, e *effect.Effects, path, text string) {
	t.Helper()
	f, err := e.Create(path + ".tmp")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Sync(), f.Close(), e.Rename(path+".tmp", path)); err != nil {
		t.Fatal(err)
	}
}

func TestATrackerTakesWhatIsThereAtOneMoment(t *testing.T) {
	t.Parallel()
	e, dir := effect.New(nil), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(e.MkdirAll(at("pass/deep")))
	put(t, e, at("before"), "x")
	tr := e.Track(dir, func(name string) bool { return !strings.HasSuffix(name, ".tmp") && name != "log" })
	want := func(what string, names ...string) {
		t.Helper()
		if got := taken(t, tr); !slices.Equal(got, names) {
			t.Errorf("%s: %q, want %q", what, got, names)
		}
	}
	want("nothing happened")
	put(t, e, at("a"), "1")
	put(t, e, at("log"), "not kept")
	put(t, e, filepath.Join(t.TempDir(), "outside"), "1")
	want("a file", "a 1")
	want("it was taken")
	put(t, e, at("a"), "2")
	put(t, e, at("a"), "3")
	want("a file that came twice", "a 3")
	tr.Again("a")
	must(e.Remove(at("before")))
	want("a file again, and one that went", "a 3", "before gone")
	put(t, e, at("pass/one"), "1")
	put(t, e, at("pass/deep/two"), "2")
	must(e.Copy(at("a"), at("b")))
	want("files of a folder, and a copy", "b 3", "pass/deep/two 2", "pass/one 1")
	must(e.RemoveAll(at("pass")))
	must(e.MkdirAll(at("pass/deep")))
	put(t, e, at("pass/deep/two"), "new")
	want("a folder that was made again", "pass gone", "pass/", "pass/deep/", "pass/deep/two new")
	must(e.Rename(at("pass"), at("dropped")))
	want("a folder that has another name", "dropped/", "pass gone")
	must(e.MkdirAll(at("empty")))
	want("a folder", "empty/")

	f, err := e.Append(at("lines"))
	must(err)
	_, err = f.Write([]byte("one\n"))
	must(errors.Join(err, f.Sync()))
	changes, err := tr.Take()
	must(err)
	put(t, e, at("lines.tmp2"), "")
	_, err = f.Write([]byte("two\n"))
	must(errors.Join(err, f.Sync(), f.Close(), os.WriteFile(at("other"), []byte("later"), 0o600), e.Rename(at("other"), at("lines"))))
	text, err := io.ReadAll(io.NewSectionReader(changes[0].File, 0, changes[0].Size))
	if err := errors.Join(err, changes[0].File.Close()); err != nil || string(text) != "one\n" {
		t.Errorf("what was taken reads %q, %v after the name changed, want what it was then", text, err)
	}
	want("what came since", "lines later", "lines.tmp2 ", "other gone")
}
