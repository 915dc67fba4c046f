package atomicfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// A file that is renamed before it is synced can be empty under its own name after a power cut.
func TestAFileIsSyncedBeforeItAppears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		write func(e *effect.Effects, path string) error
	}{
		{"a small file", func(e *effect.Effects, path string) error { return atomicfile.Write(e, path, []byte("content")) }},
		{"an empty file", func(e *effect.Effects, path string) error { return atomicfile.Write(e, path, nil) }},
		{"a compressed file", func(e *effect.Effects, path string) error {
			_, err := atomicfile.CopyZstd(e, path, strings.NewReader(strings.Repeat("content ", 100_000)))
			return err
		}},
		{"a file larger than the buffer", func(e *effect.Effects, path string) error {
			w, err := atomicfile.Create(e, path)
			if err != nil {
				return err
			}
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
			return atomicfile.CommitAll(w)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			var did []string
			e := effect.New(func(p effect.Point) error {
				if p.When == effect.After {
					verb, _, _ := strings.Cut(p.What, " ")
					did = append(did, verb)
				}
				if _, err := os.Stat(path); p.When == effect.Before && err == nil {
					t.Errorf("the file is there before %s", p.What)
				}
				return nil
			})
			if err := c.write(e, path); err != nil {
				t.Fatal(err)
			}
			synced, renamed := slices.Index(did, "sync"), slices.Index(did, "rename")
			if synced < 0 || renamed < synced || slices.Index(did[synced:], "write") >= 0 {
				t.Errorf("the file was made by %q, want all writes, then sync, then rename", did)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// A caller that sees the last of several files sees them all.
func TestNoFileIsCommittedAfterOneThatFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := effect.New(nil)
	var files []*atomicfile.Writer
	for _, name := range []string{"a", "taken/b", "c"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		w, err := atomicfile.Create(e, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		files = append(files, w)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "b", "full"), 0o700); err != nil { // a directory cannot be replaced
		t.Fatal(err)
	}
	if err := atomicfile.CommitAll(files...); err == nil {
		t.Error("a file took the place of a directory")
	}
	for name, want := range map[string]bool{"a": true, "c": false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

func TestAnAbortedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, create := range map[string]func(*effect.Effects, string) (*atomicfile.Writer, error){"plain": atomicfile.Create, "packed": atomicfile.CreateZstd} {
		w, err := create(effect.New(nil), filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		w.Abort()
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v, want nothing", left, err)
	}
}

// Buffers and encoders are kept from one file to the next.
func TestAFileHoldsNothingOfTheOneBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) *atomicfile.Writer {
		w, err := atomicfile.CreateZstd(effect.New(nil), filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for i := range 20 {
		write("aborted", "of another file ").Abort()
		content := strings.Repeat("content ", i)
		if err := atomicfile.CommitAll(write("a", content), write("b", "content of b")); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a": content, "b": "content of b"} {
			packed, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			z, err := zstd.NewReader(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := z.DecodeAll(packed, nil)
			z.Close()
			if err != nil || string(got) != want {
				t.Errorf("file %s of round %d holds %q, %v; want %q", name, i, got, err, want)
			}
		}
	}
}
