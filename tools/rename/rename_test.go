package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var full = flag.Bool("full", false, "rename a copy of this repository and build it")

func put(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do(t, root, "git", "init", "-q")
	do(t, root, "git", "add", "-A")
}

func do(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestRenameChangesThePathOfTheModuleAndNothingElse(t *testing.T) {
	t.Parallel()
	const to = "example.org/x/otter"
	was := map[string]string{
		"go.mod":       "module otter\n\ngo 1.26.0\n\nrequire example.org/otter/other v1.0.0\n",
		"tools/go.mod": "module otter/tools\n\nrequire otter v0.0.0\n\nreplace otter => ../\n",
		"otter.go":     "package otter\n\nconst prefix = \"otter/\" // in the bucket: otter/<run>/, of the program otter\n",
		"internal/a/a.go": "package a // as otter/internal/a says\n\nimport (\n\t\"fmt\"\n\n\talias \"otter\"\n\t\"otter/internal/b\"\n\t\"otterman/c\"\n)\n\n" +
			"var key, pkg = \"otter/preflight\", \"otter/internal/b\"\n\nfunc f() { fmt.Println(alias.ID, b.X, c.Y) }\n",
		"docs/a.md":     "`go build otter/cmd/otter`, s3://bucket/otter/internal, otter/internals, ./otter/cmd\n",
		"cmd/q/main.go": "package main\n",
		"picture.bin":   "\x00otter/internal/a",
	}
	want := map[string]string{
		"go.mod":       "module " + to + "\n\ngo 1.26.0\n\nrequire example.org/otter/other v1.0.0\n",
		"tools/go.mod": "module " + to + "/tools\n\nrequire " + to + " v0.0.0\n\nreplace " + to + " => ../\n",
		"otter.go":     was["otter.go"],
		"internal/a/a.go": "package a // as " + to + "/internal/a says\n\nimport (\n\t\"fmt\"\n\n\talias \"" + to + "\"\n\t\"" + to + "/internal/b\"\n\t\"otterman/c\"\n)\n\n" +
			"var key, pkg = \"otter/preflight\", \"" + to + "/internal/b\"\n\nfunc f() { fmt.Println(alias.ID, b.X, c.Y) }\n",
		"docs/a.md":     "`go build " + to + "/cmd/otter`, s3://bucket/otter/internal, otter/internals, ./otter/cmd\n",
		"cmd/q/main.go": was["cmd/q/main.go"],
		"picture.bin":   was["picture.bin"],
	}
	root := t.TempDir()
	put(t, root, was)
	if err := run(root, to); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		have, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != want[name] {
			t.Errorf("%s is now\n%s\nwant\n%s", name, have, want[name])
		}
	}
	if err := run(root, "otter"); err == nil {
		t.Error("a path that cannot be fetched was taken")
	}
}

// The copy is of the last commit. It must build, pass vet and the tests of its root, and name the old path nowhere.
func TestThisRepositoryBuildsUnderAnotherPath(t *testing.T) {
	if !*full {
		t.Skip("builds everything once more; -full runs it")
	}
	copied := filepath.Join(t.TempDir(), "quarry")
	do(t, "../..", "git", "clone", "-q", "--no-hardlinks", ".", copied)
	if err := run(copied, "example.org/x/quarry"); err != nil {
		t.Fatal(err)
	}
	do(t, copied, "go", "build", "./...")
	do(t, copied, "go", "vet", "./...")
	do(t, copied, "go", "test", ".")
	do(t, filepath.Join(copied, "tools"), "go", "vet", "./notice", "./rename", "./wording")
	do(t, copied, "go", "run", "-C", "tools", "./notice", "-check")
}
