package lines_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/run/lines"
)

// numbered is a line with the order that it is sorted by.
type numbered struct {
	Order int64  `json:"order"`
	From  string `json:"from"`
}

// write makes a file of lines, compressed where its name ends so.
func write(t *testing.T, name string, all ...numbered) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	create := atomicfile.Create
	if strings.HasSuffix(name, ".zst") {
		create = atomicfile.CreateZstd
	}
	w, err := create(effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, l := range all {
		if err := lines.Write(w, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	want := []numbered{{1, "a"}, {2, "<b>&"}}
	for _, name := range []string{"plain.jsonl", "packed.jsonl.zst"} {
		var got []numbered
		for l, err := range lines.Read[numbered](write(t, name, want...)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Read(%s) = %v, want %v", name, got, want)
		}
	}
}

func TestReadSaysWhichFileIsBroken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "torn.jsonl")
	if err := os.WriteFile(path, []byte("{\"order\":1}\n{\"order\":"), 0o644); err != nil {
		t.Fatal(err)
	}
	var last error
	n := 0
	for _, err := range lines.Read[numbered](path) {
		n, last = n+1, err
	}
	if n != 2 || last == nil || !strings.Contains(last.Error(), path) {
		t.Errorf("Read(torn) gave %d lines and %v, want one line and an error that names %s", n, last, path)
	}
}

func TestWriteLeavesMarkupAsItIs(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := lines.Write(&b, map[string]string{"text": "<a> & b"}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "{\"text\":\"<a> & b\"}\n"; got != want {
		t.Errorf("Write = %q, want %q", got, want)
	}
}

func TestRawKeepsEveryByte(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "one\n", "one\ntwo", "\n\n", strings.Repeat("x", 300<<10) + "\nend\n"} {
		path := filepath.Join(t.TempDir(), "raw")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for l, err := range lines.Raw(path) {
			if err != nil {
				t.Fatal(err)
			}
			if i := bytes.IndexByte(l, '\n'); i >= 0 && i != len(l)-1 {
				t.Errorf("Raw gave %q, which is more than a line", l)
			}
			got = append(got, l...)
		}
		if string(got) != content {
			t.Errorf("Raw gave %d bytes in all, want the file's %d", len(got), len(content))
		}
	}
}

func TestMergeGivesLinesByOrderThenByRank(t *testing.T) {
	t.Parallel()
	files := []lines.Sorted{
		{Path: write(t, "retry.jsonl.zst", numbered{1, "retry"}, numbered{5, "retry"}), Rank: 3},
		{Path: write(t, "second.jsonl", numbered{4, "second"}, numbered{5, "second"}), From: 4, Rank: 2},
		{Path: write(t, "first.jsonl", numbered{0, "first"}, numbered{1, "first"}, numbered{3, "first"}), Rank: 1},
		{Path: filepath.Join(t.TempDir(), "missing.jsonl"), From: 2, Optional: true},
	}
	var got []numbered
	for l, err := range lines.Merge(files, func(l *numbered) int64 { return l.Order }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	want := []numbered{{0, "first"}, {1, "first"}, {1, "retry"}, {3, "first"}, {4, "second"}, {5, "second"}, {5, "retry"}}
	if !slices.Equal(got, want) {
		t.Errorf("Merge = %v, want %v", got, want)
	}
}

func TestMergeGoesByRankInWhateverOrderTheFilesAreNamed(t *testing.T) {
	t.Parallel()
	var files []lines.Sorted
	var want []numbered
	names := []string{"a", "b", "c", "d"}
	for rank, name := range names {
		var all []numbered
		for order := range int64(3) {
			all = append(all, numbered{order, name})
		}
		files = append(files, lines.Sorted{Path: write(t, name+".jsonl", all...), Rank: rank})
	}
	for order := range int64(3) {
		for _, name := range names {
			want = append(want, numbered{order, name})
		}
	}
	// Each file first, last and between: the order of a heap hangs on that of the files.
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}, {3, 0, 1, 2}, {1, 2, 3, 0}} {
		var named []lines.Sorted
		for _, i := range order {
			named = append(named, files[i])
		}
		var got []numbered
		for l, err := range lines.Merge(named, func(l *numbered) int64 { return l.Order }) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Merge of the files %v = %v, want %v", order, got, want)
		}
	}
}

func TestAMissingFileIsAnErrorUnlessItIsOptional(t *testing.T) {
	t.Parallel()
	there, missing := write(t, "there.jsonl", numbered{1, "a"}), filepath.Join(t.TempDir(), "missing.jsonl.zst")
	for _, optional := range []bool{true, false} {
		var got []numbered
		var err error
		files := []lines.Sorted{{Path: there}, {Path: missing, Optional: optional}}
		for l, e := range lines.Merge(files, func(n *numbered) int64 { return n.Order }) {
			if err = e; err == nil {
				got = append(got, l)
			}
		}
		var q *quarry.Error
		named := errors.As(err, &q) && q.Subject == missing && q.Hint != ""
		if named == optional || (optional && len(got) != 1) {
			t.Errorf("optional %t: got %v and %v", optional, got, err)
		}
	}
}

func TestMergeOpensAFileWhenItsTurnComes(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	if err := os.WriteFile(broken, []byte("no JSON"), 0o644); err != nil {
		t.Fatal(err)
	}
	files := []lines.Sorted{{Path: write(t, "first.jsonl", numbered{0, "first"}, numbered{9, "first"})}, {Path: broken, From: 5}}
	n := 0
	var last error
	for _, err := range lines.Merge(files, func(l *numbered) int64 { return l.Order }) {
		n, last = n+1, err
		if n == 1 && err != nil {
			t.Fatalf("Merge read a file whose lines are not next: %v", err)
		}
	}
	if n != 2 || last == nil {
		t.Errorf("Merge gave %d lines and %v, want one line and then the broken file's error", n, last)
	}
}
