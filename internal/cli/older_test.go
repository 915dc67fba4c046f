package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry/internal/cli"
)

// What only reads a run reads the directories of all earlier formats, and leaves each of their files as it is.
func TestWhatOnlyReadsReadsAllFormats(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "docs.jsonl")
	line := `{"id":"a","title":"A","content":"<p>Stone is cut from the face of a hill.</p>"}` + "\n"
	if err := os.WriteFile(source, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	fixtures, err := filepath.Glob(filepath.Join("..", "..", "cmd", "quarry", "testdata", "formats", "*", "*"))
	if err != nil || len(fixtures) < 6 {
		t.Fatalf("%d fixtures, %v", len(fixtures), err)
	}
	for _, fixture := range fixtures {
		t.Run(filepath.Base(filepath.Dir(fixture))+"/"+filepath.Base(fixture), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(dir, os.DirFS(fixture)); err != nil {
				t.Fatal(err)
			}
			_, err := os.Stat(filepath.Join(dir, "results.jsonl"))
			ended := err == nil
			before := digests(t, dir)
			exported := filepath.Join(t.TempDir(), "out.csv")
			for _, args := range [][]string{{"status"}, {"history"}, {"audit"}, {"report"}, {"export", "-o", exported}, {"plan", source}} {
				var out bytes.Buffer
				app := &cli.App{
					Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Env: func(string) (string, bool) { return "", false }, Build: cli.Build{Version: "test"},
				}
				code := cli.Main(context.Background(), app, append(args, "--dir", dir))
				if needsResults := args[0] == "report" || args[0] == "export"; code != 0 && (ended || !needsResults) {
					t.Errorf("%s gave code %d: %s", args[0], code, out.String())
				}
				for path, digest := range digests(t, dir) {
					was, known := before[path]
					itsOwn := strings.HasPrefix(path, "ledger.db-") || args[0] == "export" // the index of SQLite's log, the record of exports
					if known && was != digest || !known && !itsOwn {
						t.Errorf("%s changed %s", args[0], path)
					}
					before[path] = digest
				}
			}
		})
	}
}

func digests(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS(dir), path)
		found[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
