package dir_test

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tree writes files into a folder of the test's own.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFolder(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"b.md":             "# B",
		"a-b/x.html":       "<p>x",
		"a/y.HTM":          "<p>y",
		"a.markdown":       "# A",
		"z.txt":            "\xef\xbb\xbfplain",
		"many.jsonl":       "{\"id\":1,\"body\":\"x\"}\n{\"id\":2}\n{\"id\":3,\"body\":\"y\"}",
		"picture.png":      "\x89PNG",
		".git/notes.md":    "hidden",
		".hidden.md":       "hidden",
		"deep/er/more.md":  "deep",
		"broken.md":        "caf\xe9 日本語 と 文章",
		"large.txt":        strings.Repeat("x", 300),
		"sjis.html":        "<meta charset=Shift_JIS>\x93\xfa\x96{\x8c\xea",
		"empty.txt":        "",
		"truncated.txt.gz": "\x1f\x8b\x08\x00",
	})
	s := &dir.Source{Root: root, Config: item.Config{MaxBytes: 200}, Index: 1}
	sourcetest.Run(t, s)
	var got []string
	for _, e := range sourcetest.Read(t, s) {
		d := e.Document
		if e.Fault != "" {
			got = append(got, strings.TrimPrefix(e.Fault, filepath.ToSlash(root)+"/"))
		} else {
			got = append(got, string(d.ID)+" "+string(d.Format)+" "+string(d.Body))
		}
	}
	want := []string{
		"a/y.HTM html <p>y",
		"a-b/x.html html <p>x",
		"a.markdown markdown # A",
		"b.md markdown # B",
		"broken.md: invalid UTF-8 at byte 3",
		"deep/er/more.md markdown deep",
		"empty.txt text ",
		"large.txt: item is above the limit of 200 bytes",
		"1  x",
		`many.jsonl:2: no body in "2"`,
		"3  y",
		"sjis.html html <meta charset=Shift_JIS>日本語",
		"truncated.txt.gz: cannot be read: unpack: gzip: unexpected EOF",
		"z.txt text plain",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFolderOfRealMarkdown(t *testing.T) {
	t.Parallel()
	root := testdata.Path(t, "markdown")
	s := &dir.Source{Root: root}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 205 || len(faults) > 0 {
		t.Fatalf("%d documents and %v, want 205", len(docs), faults)
	}
	ids := map[quarry.DocumentID]bool{}
	for _, d := range docs {
		ids[d.ID] = true
		onDisk, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(string(d.ID))))
		if err != nil || string(onDisk) != string(d.Body) {
			t.Errorf("%s is not what the file holds: %v", d.ID, err)
		}
		if d.At.File != path.Join(filepath.ToSlash(root), string(d.ID)) {
			t.Errorf("%s is said to lie at %s", d.ID, d.At.File)
		}
	}
	if len(ids) != 205 {
		t.Errorf("%d ids, want 205", len(ids))
	}
}

func TestFolderWithoutTexts(t *testing.T) {
	t.Parallel()
	for _, root := range []string{tree(t, map[string]string{"a.png": "x"}), filepath.Join(t.TempDir(), "gone")} {
		n := 0
		for _, err := range (&dir.Source{Root: root}).Blocks(t.Context(), quarry.Position{}) {
			n++
			if err == nil {
				t.Errorf("%s gave a block", root)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d blocks or errors, want one error", root, n)
		}
	}
}

func TestWhatCannotBeReadDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("rights do not bind here; the walk over a link to nowhere is tested below")
	}
	root := tree(t, map[string]string{"a/x.md": "x", "b.md": "y", "c.md": "z"})
	for _, name := range []string{"a", "b.md"} {
		if err := os.Chmod(filepath.Join(root, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "a"), 0o700) })
	docs, faults := sourcetest.Documents(t, &dir.Source{Root: root})
	if len(docs) != 1 || len(faults) != 2 {
		t.Errorf("%d documents and %q, want one and two faults", len(docs), faults)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"real/a.md": "a", "b.md": "b"})
	for link, to := range map[string]string{"nowhere.md": "gone.md", "file.md": "b.md", "loop": ".", "again": "real"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skip(err)
		}
	}
	docs, faults := sourcetest.Documents(t, &dir.Source{Root: root})
	var ids []string
	for _, d := range docs {
		ids = append(ids, string(d.ID))
	}
	if diff := cmp.Diff([]string{"b.md", "file.md", "real/a.md"}, ids); diff != "" {
		t.Error(diff)
	}
	if len(faults) != 1 || !strings.HasSuffix(faults[0], "nowhere.md: cannot be read: no such file or directory") {
		t.Errorf("faults %q, want that nowhere.md cannot be read", faults)
	}
	outer := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, outer); err != nil {
		t.Fatal(err)
	}
	if docs, _ := sourcetest.Documents(t, &dir.Source{Root: outer}); len(docs) != 3 {
		t.Errorf("through a link to the folder: %d documents, want 3", len(docs))
	}
}

func TestAFileThatBreaksOff(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.jsonl.gz": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + "junk", "b.md": "b"})
	s := &dir.Source{Root: root}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 1 || len(faults) != 1 || !strings.Contains(faults[0], "a.jsonl.gz: cannot be read: ") {
		t.Errorf("%d documents and %q, want one, and that a.jsonl.gz cannot be read", len(docs), faults)
	}
}

func TestOneText(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.md": "# A"})
	file, err := stream.Local(filepath.Join(root, "a.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := &dir.Text{File: file, Format: quarry.FormatMarkdown}
	sourcetest.Run(t, s)
	docs, _ := sourcetest.Documents(t, s)
	if len(docs) != 1 || docs[0].ID != "a.md" || string(docs[0].Body) != "# A" {
		t.Errorf("got %+v", docs)
	}
	for _, err := range (&dir.Source{Root: file.Name}).Blocks(t.Context(), quarry.Position{}) {
		if err == nil || errors.Is(err, dir.ErrNoFiles) {
			t.Errorf("a file as a folder: %v, want that it is none", err)
		}
	}
}

// A run names the folder as it was typed, and a later command may spell it in another way.
func TestReadingContinuesWhereAnotherSpellingOfTheFolderStopped(t *testing.T) {
	root := tree(t, map[string]string{"posts/1.md": "one", "posts/2.md": "two", "posts/many.jsonl": "{\"id\":1,\"body\":\"x\"}\n", "posts/posts/4.md": "four"})
	t.Chdir(root)
	whole := filepath.ToSlash(filepath.Join(root, "posts"))
	for _, was := range []string{"posts", "./posts", whole, "."} {
		if was == "." {
			t.Chdir(whole)
		}
		var all []quarry.Position
		for b, err := range (&dir.Source{Root: was}).Blocks(t.Context(), quarry.Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b.First)
		}
		for i, from := range all {
			var got int
			for b, err := range (&dir.Source{Root: whole}).Blocks(t.Context(), from) {
				if err != nil {
					t.Fatal(err)
				}
				if got++; got == 1 && path.Base(b.First.File) != path.Base(from.File) {
					t.Errorf("from %s, as %s: begins at %s", from.File, was, b.First.File)
				}
			}
			if want := len(all) - i; got != want {
				t.Errorf("from %s, as %s: %d blocks, want %d", from.File, was, got, want)
			}
		}
	}
}
