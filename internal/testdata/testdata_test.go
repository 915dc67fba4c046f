package testdata_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quarry/internal/testdata"
)

// recorder stands where a test would and keeps what Path reports of it.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestRecorded" }

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record calls Path as a test's goroutine would, so that a report may end it.
func record(name ...string) (path string, r *recorder) {
	r = &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		path = testdata.Path(r, name...)
	}()
	<-done
	return path, r
}

func TestPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUARRY_DATA", dir)
	for _, tt := range []struct {
		name, entry, ci string
		data            string // QUARRY_DATA, where it is not the folder
		path            string
		skipped, failed bool
	}{
		{name: "an entry that exists has its absolute path", entry: "there.jsonl", path: filepath.Join(dir, "there.jsonl")},
		{name: "no entry is the folder itself", path: dir},
		{name: "a missing entry skips", entry: "absent.jsonl", skipped: true},
		{name: "a missing entry fails on CI", entry: "absent.jsonl", ci: "true", failed: true},
		{name: "a machine that says it has no corpus skips on CI too", entry: "there.jsonl", ci: "true", data: "none", skipped: true},
		{name: "a name may not leave the corpus", entry: "../there.jsonl", failed: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			if tt.data != "" {
				t.Setenv("QUARRY_DATA", tt.data)
			}
			path, r := record(tt.entry)
			if path != tt.path || (r.skipped != "") != tt.skipped || (r.failed != "") != tt.failed {
				t.Fatalf("Path(%q) = %q (skipped %q, failed %q), want %q", tt.entry, path, r.skipped, r.failed, tt.path)
			}
			if said := r.skipped + r.failed; said != "" && !strings.Contains(said, tt.entry) {
				t.Errorf("report %q does not name %q", said, tt.entry)
			}
		})
	}
}
