package outfile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/outfile"
)

// world is a folder with a run directory, two sources, and someone's file.
func world(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"run/ledger.db": "ledger", "run/index/0001/entries": "entries", "docs.jsonl": "source", "site/deep/a.md": "page", "mine.csv": "mine", "Ünïcode name.jsonl": "source",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func guard(dir string) *outfile.Guard {
	return &outfile.Guard{Dir: filepath.Join(dir, "run"), Inputs: []outfile.Input{
		{What: "a source", Path: filepath.Join(dir, "docs.jsonl")},
		{What: "a source", Path: filepath.Join(dir, "site")},
		{What: "a source", Path: filepath.Join(dir, "gone.jsonl")},
		{What: "a source", Path: filepath.Join(dir, "Ünïcode name.jsonl")},
	}}
}

func TestInputsAreFoundByEveryName(t *testing.T) {
	t.Parallel()
	links := runtime.GOOS != "windows"
	tests := []struct {
		name string
		link [2]string // a symbolic link: its name, and where it leads
		hard [2]string
		out  string
		want string // of the error; empty: it may be written
	}{
		{name: "a new file", out: "new.csv"},
		{name: "somebody's file, which is the caller's to judge", out: "mine.csv"},
		{name: "a source", out: "docs.jsonl", want: "it is a source"},
		{name: "a source with other letters than ASCII", out: "Ünïcode name.jsonl", want: "it is a source"},
		{name: "a source by a longer way", out: "site/../docs.jsonl", want: "it is a source"},
		{name: "a source that is gone", out: "gone.jsonl", want: "it is a source"},
		{name: "a new file whose name begins as a source's does", out: "docs.jsonl.csv"},
		{name: "a new file in a folder that is a source", out: "site/new.csv", want: "inside the folder"},
		{name: "a new file deep in such a folder", out: "site/deep/new.csv", want: "inside the folder"},
		{name: "a page of such a folder", out: "site/deep/a.md", want: "inside the folder"},
		{name: "a file of the run", out: "run/ledger.db", want: "inside the run directory"},
		{name: "a new file in the run's directory", out: "run/new.csv", want: "inside the run directory"},
		{name: "a new file deep in the run's directory", out: "run/index/0001/new.csv", want: "inside the run directory"},
		{name: "a link to a source", link: [2]string{"l.csv", "docs.jsonl"}, out: "l.csv", want: "it is a source"},
		{name: "a link to a link to a source", link: [2]string{"l.csv", "l2.csv"}, out: "l.csv"},
		{name: "a link to a source that is gone", link: [2]string{"l.csv", "gone.jsonl"}, out: "l.csv", want: "it is a source"},
		{name: "a link to the run's directory", link: [2]string{"l", "run"}, out: "l/new.csv", want: "inside the run directory"},
		{name: "a link into the run's directory that leads to no file yet", link: [2]string{"l.csv", "run/later.csv"}, out: "l.csv", want: "inside the run directory"},
		{name: "a link to itself", link: [2]string{"l.csv", "l.csv"}, out: "l.csv", want: "too many"},
		{name: "a second name of a source", hard: [2]string{"h.csv", "docs.jsonl"}, out: "h.csv", want: "it is a source"},
		{name: "a second name of a page", hard: [2]string{"h.csv", "site/deep/a.md"}, out: "h.csv", want: "inside the folder"},
		{name: "a second name of a file of the run", hard: [2]string{"h.csv", "run/index/0001/entries"}, out: "h.csv", want: "inside the run directory"},
		{name: "a second name of somebody's file", hard: [2]string{"h.csv", "mine.csv"}, out: "h.csv"},
		{name: "a folder", out: "site", want: "it is a folder"},
		{name: "a folder that does not exist", out: "no/such/x.csv", want: "does not exist"},
		{name: "a name that says folder", out: "new.csv/", want: "no such folder"},
		{name: "a file below a file", out: "mine.csv/x.csv", want: "not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !links && (tt.link[0] != "" || tt.name == "a file below a file") {
				t.Skip("links need rights here")
			}
			dir := world(t)
			if tt.link[0] != "" {
				if err := os.Symlink(tt.link[1], filepath.Join(dir, tt.link[0])); err != nil {
					t.Fatal(err)
				}
			}
			if tt.hard[0] != "" {
				if err := os.Link(filepath.Join(dir, tt.hard[1]), filepath.Join(dir, tt.hard[0])); err != nil {
					t.Fatal(err)
				}
			}
			target, err := outfile.Find(dir+"/"+tt.out, nil)
			if err == nil {
				err = guard(dir).Check(target)
			}
			var q *quarry.Error
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s: %v, want no error", tt.out, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: %v, want %q", tt.out, err, tt.want)
			case err != nil && (!errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Hint == ""):
				t.Errorf("%s: %#v, want kind BadUsage and a hint", tt.out, err)
			}
		})
	}
}

func TestStandardOutputThatIsASourceIsRefused(t *testing.T) {
	t.Parallel()
	dir := world(t)
	for name, refused := range map[string]bool{"docs.jsonl": true, "site/deep/a.md": true, "mine.csv": false} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		target, err := outfile.Find("-", f)
		if err == nil {
			err = guard(dir).Check(target)
		}
		if (err != nil) != refused {
			t.Errorf("Check(standard output to %s) = %v, want refused %v", name, err, refused)
		}
		_ = f.Close()
	}
}

// writeDraft writes text where a name leads.
func writeDraft(t *testing.T, e *effect.Effects, target outfile.Target, dir, text string, before func()) (err error) {
	d, err := outfile.Begin(e, target, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Abort()) }()
	f, err := e.Create(d.Path)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if before != nil {
		before()
	}
	return d.Commit(t.Context(), nil)
}

func TestAFileThatAppearsOrChangesMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"new.csv", "mine.csv"} {
		dir := world(t)
		path := filepath.Join(dir, name)
		target, err := outfile.Find(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = writeDraft(t, effect.New(nil), target, dir, "ours", func() {
			if err := os.WriteFile(path, []byte("theirs, written now"), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		got, _ := os.ReadFile(path)
		if err == nil || string(got) != "theirs, written now" {
			t.Errorf("%s: %v, and the file holds %q", name, err, got)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".quarry-*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// A process that dies at any effect leaves the old file or the new one, and a record that knows it.
func TestACrashLeavesAFileThatTheRecordKnows(t *testing.T) {
	t.Parallel()
	died := errors.New("died")
	for n := 1; ; n++ {
		dir := world(t)
		path, runDir := filepath.Join(dir, "out.csv"), filepath.Join(dir, "run")
		export := func(hook effect.Hook, text string) error {
			e := effect.New(hook)
			target, err := outfile.Find(path, nil)
			if err != nil {
				return err
			}
			staged := filepath.Join(dir, "digest")
			if err := os.WriteFile(staged, []byte(text), 0o600); err != nil {
				return err
			}
			digest, err := outfile.Digest(t.Context(), staged)
			if err != nil {
				return err
			}
			r := outfile.ReadRecord(runDir)
			r.Add(target.Path, "", digest)
			if err := r.Save(e, runDir); err != nil {
				return err
			}
			if err := writeDraft(t, e, target, dir, text, nil); err != nil {
				return err
			}
			r.Done(target.Path, "")
			return r.Save(e, runDir)
		}
		if err := export(nil, "first"); err != nil {
			t.Fatal(err)
		}
		err := export(func(p effect.Point) error {
			if p.N >= int64(n) {
				return died
			}
			return nil
		}, "second")
		got, readErr := os.ReadFile(path)
		if readErr != nil || string(got) != "first" && string(got) != "second" {
			t.Fatalf("crash at effect %d: %q, %v", n, got, readErr)
		}
		digest, digestErr := outfile.Digest(t.Context(), path)
		r := outfile.ReadRecord(runDir)
		if known := r.Digests(path, ""); digestErr != nil || !strings.Contains(fmt.Sprint(known), digest) {
			t.Fatalf("crash at effect %d: the record has %v, the file is %s (%v)", n, known, digest, digestErr)
		}
		if err == nil {
			if len(r.Exports) != 1 {
				t.Errorf("the record has %v at the end, want one entry", r.Exports)
			}
			return
		}
	}
}

func TestWriteNewNeverReplaces(t *testing.T) {
	t.Parallel()
	dir := world(t)
	if err := outfile.WriteNew(effect.New(nil), filepath.Join(dir, "mine.csv"), []byte("ours")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteNew(a file that exists) = %v, want fs.ErrExist", err)
	}
	if err := outfile.WriteNew(effect.New(nil), filepath.Join(dir, "new.yaml"), []byte("ours")); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"mine.csv": "mine", "new.yaml": "ours"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != want || err != nil {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := outfile.WriteNew(effect.New(nil), filepath.Join(dir, "link.yaml"), []byte("ours")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteNew(a link that leads nowhere) = %v, want fs.ErrExist", err)
	}
}

func TestAFIFOWithoutAReaderIsWaitedForUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no FIFOs here")
	}
	dir := world(t)
	path := filepath.Join(dir, "fifo")
	if err := makeFIFO(path); err != nil {
		t.Skip(err)
	}
	target, err := outfile.Find(path, nil)
	if err != nil || target.Kind != outfile.Stream {
		t.Fatalf("Find(a FIFO) = %+v, %v", target, err)
	}
	d, err := outfile.Begin(effect.New(nil), target, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Commit(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit = %v, want context.Canceled", err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0) // lets the goroutine that opens it end
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(reader.Close(), d.Abort()); err != nil {
		t.Error(err)
	}
}
