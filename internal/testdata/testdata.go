// Package testdata finds the real texts that tests and benchmarks read: articles, exports of content systems and
// specification suites that are too large, or not licensed, to live in the repository.
//
// It owns the question where that folder is and what happens without it. It opens no file and is imported by tests
// only. A path it returns exists.
package testdata

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// none is the value of QUARRY_DATA on a machine that has no corpus and is not expected to have one.
const none = "none"

// Path returns the absolute path of one entry of the corpus, its name given in parts ("wxr", "small.xml"); without a
// name it returns the folder itself.
//
// The folder is $QUARRY_DATA, else ../shared/data next to the module's root. A missing entry skips the test with a line
// that names it, and fails the test where CI is "true", so that a machine without the corpus cannot pass by silence.
// QUARRY_DATA=none says that there is no corpus: every test that needs it is skipped, on CI too.
func Path(t testing.TB, name ...string) string {
	t.Helper()
	root, from := os.Getenv("QUARRY_DATA"), "QUARRY_DATA"
	if root == none {
		t.Skipf("CORPUS MISSING: %s needs %q, and QUARRY_DATA is %q", t.Name(), filepath.Join(name...), none)
	}
	if root == "" {
		module, err := moduleRoot()
		if err != nil {
			t.Fatalf("find the corpus: %v", err)
		}
		root, from = filepath.Join(filepath.Dir(module), "shared", "data"), "the default place; set QUARRY_DATA"
	}
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatalf("find the corpus: %v", err)
	}
	entry := filepath.Join(name...)
	if entry != "" && !filepath.IsLocal(entry) {
		t.Fatalf("find the corpus: %q is not a name inside it", entry)
	}
	path := filepath.Join(root, entry)
	if _, err := os.Stat(path); err != nil {
		report := t.Skipf
		if strings.EqualFold(os.Getenv("CI"), "true") {
			report = t.Fatalf
		}
		report("CORPUS MISSING: %s needs %q under %s (%s): %v", t.Name(), entry, root, from, err)
	}
	return path
}

// moduleRoot walks up from the working directory, which go test sets to the folder of the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", &os.PathError{Op: "find go.mod above", Path: dir, Err: os.ErrNotExist}
		}
	}
}
