package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"quarry/internal/cli"
	"quarry/internal/outcome/audit"
	"quarry/internal/testdata"
)

// base is a run that came to its end; tests work on copies of it.
var base struct{ dir, log string }

// faults make the run a hard one: doubled, dropped and broken answers, in another order than they were sent.
const faults = "quarry-fault=duplicate-record=0.05,drop-record=0.05,bad-json=0.1,record-error=0.05,shuffle,seed=7"

func TestMain(m *testing.M) {
	testdata.InMemory()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	base.dir = filepath.Join(dir, "run")
	source := filepath.Join(dir, "articles.jsonl")
	if err := os.WriteFile(source, articles(260), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code, out := quarryMain("run", source, "--dir", base.dir, "--backend", "echo", "--tag", faults, "--attempts", "2", "--keep-shards")
	base.log = out
	if code != 0 && code != 3 {
		fmt.Fprintf(os.Stderr, "the run that the tests audit ended with code %d:\n%s\n", code, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// articles makes a source with all that a source can have: among others a document without text, one with the request
// of another one, and an id that comes again.
func articles(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		text := fmt.Sprintf("Article number %d is about the number %d. It has a second sentence, and a third one follows.", i, i*i)
		switch i {
		case 17:
			text = " "
		case 40, 41:
			text = "These two are the same. It is enough to send one of them."
		}
		id, title := fmt.Sprintf("art/%d", i), fmt.Sprintf("Title %d", i)
		switch i {
		case 41:
			title = "Title 40"
		case 60:
			id = "art/59"
		}
		line, _ := json.Marshal(map[string]any{"id": id, "title": title, "content": text})
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// quarryMain runs the program in this process.
func quarryMain(args ...string) (int, string) {
	var out bytes.Buffer
	app := &cli.App{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Env: func(string) (string, bool) { return "", false }, Build: cli.Build{Version: "test"}}
	code := cli.Main(context.Background(), app, args)
	return code, out.String()
}

// bundle is a copy of the base run and of its source, to be damaged.
type bundle struct {
	t           *testing.T
	dir, source string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return copyOf(t, base.dir, filepath.Join(filepath.Dir(base.dir), "articles.jsonl"))
}

// copyOf copies a run over a source.
func copyOf(t *testing.T, dir, source string) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: filepath.Join(t.TempDir(), "run"), source: source}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "local" { // the stand-in's data
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(b.dir, rel), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(b.dir, rel), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// audit runs the command and gives its code and what it found.
func (b *bundle) audit(args ...string) (int, audit.Report) {
	b.t.Helper()
	var out, log bytes.Buffer
	app := &cli.App{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &log, Env: func(string) (string, bool) { return "", false }, Build: cli.Build{Version: "test"}}
	code := cli.Main(b.t.Context(), app, append([]string{"audit", "--dir", b.dir, "--json"}, args...))
	var r audit.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		b.t.Fatalf("audit --json gave %q: %v\n%s", out.String(), err, log.String())
	}
	return code, r
}

// lines reads a file of the run, unpacked.
func (b *bundle) lines(name string) []string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewReader(bytes.NewReader(text))
		if err != nil {
			b.t.Fatal(err)
		}
		defer z.Close()
		if text, err = io.ReadAll(z); err != nil {
			b.t.Fatal(err)
		}
	}
	out := strings.SplitAfter(string(text), "\n")
	if out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// write writes a file of the run.
func (b *bundle) write(name string, lines []string) {
	b.t.Helper()
	text := []byte(strings.Join(lines, ""))
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			b.t.Fatal(err)
		}
		text = z.EncodeAll(text, nil)
		if err := z.Close(); err != nil {
			b.t.Fatal(err)
		}
	}
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// The ways to damage one line.
func gone(lines []string, i int) []string { return slices.Delete(slices.Clone(lines), i, i+1) }

func doubled(lines []string, i int) []string { return slices.Insert(slices.Clone(lines), i, lines[i]) }

// replaced changes a line; it must not be without effect.
func replaced(t *testing.T, lines []string, i int, from, to string) []string {
	t.Helper()
	out := slices.Clone(lines)
	out[i] = strings.Replace(out[i], from, to, 1)
	if out[i] == lines[i] {
		t.Fatalf("no %q in %s", from, lines[i])
	}
	return out
}

// with finds the first line that has all of these texts, and none after a "!".
func with(t *testing.T, lines []string, texts ...string) int {
	t.Helper()
	i := slices.IndexFunc(lines, func(line string) bool {
		for _, text := range texts {
			unwanted, not := strings.CutPrefix(text, "!")
			if strings.Contains(line, unwanted) == not {
				return false
			}
		}
		return true
	})
	if i < 0 {
		t.Fatalf("no line with %q among %d", texts, len(lines))
	}
	return i
}
