package dir_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
)

// looked reads a folder and gives the ids in it, and the lines about the rest.
func looked(t *testing.T, s *dir.Source) (ids, lines []string) {
	t.Helper()
	book := new(note.Book)
	s.Config.Notes = book
	for _, e := range sourcetest.Read(t, s) {
		ids = append(ids, string(e.Document.ID)+e.Fault)
	}
	lines = book.Take()
	sourcetest.Run(t, s)
	return ids, lines
}

const (
	resultLine = `{"id":"a","status":"ok","output":{},"attempts":1,"usage":{},"cost_usd":null,"document":{}}`
	buildList  = `{"modelInvocationType":"InvokeModel","quotas":{},"shards":[]}`
)

func TestWhatQuarryWroteIsNoSource(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.md":                     "# A",
		"quarry-run/lock":          "123\n",
		"quarry-run/report.html":   "<p>report",
		"quarry-run/results.jsonl": resultLine,
		"sub/run/ledger.db":        "SQLite format 3\x00",
		"sub/run/index/0001/x.txt": "x",
		"sub/b.md":                 "# B",
		"out/shards.json":          buildList,
		"out/s00001.jsonl":         `{"recordId":"a","modelInput":{}}`,
		"quarry-local/iam.db":      "x",
		"quarry-local/s3/blobs/x":  "x",
		"quarry-local/local.log":   "x",
		"new/a.txt":                "being written",
		"exported.jsonl":           resultLine + "\n" + resultLine,
		"mine.jsonl":               `{"id":"m","status":"publish","body":"x"}`,
		"lock":                     "not a process",
		"notes/lock/c.md":          "# C",
		"notes/ledger.db":          "mine",
		"shards/shards.json":       "[]",
		"shards/s00001.jsonl":      `{"id":"s","body":"x"}`,
		"stand/s3/text.md":         "# D",
	})
	ids, lines := looked(t, &dir.Source{Root: root, Skip: []string{filepath.Join(root, "new"), ""}})
	if diff := cmp.Diff([]string{"a.md", "m", "notes/lock/c.md", "s", "stand/s3/text.md", "sub/b.md"}, ids); diff != "" {
		t.Error(diff)
	}
	const want = "not read: 6 entries (build out, output new, run directory sub/run, run directory quarry-run, " +
		"results of a run exported.jsonl, data of quarry local quarry-local); to read a folder or file, name it as a separate source"
	if !slices.Contains(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestARunDirectoryThatIsTheSource(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.md": "# A", "lock": "7\n", "report.html": "<p>", "results.jsonl": resultLine, "failed.jsonl": "", "raw/x.txt": "x", "drafts/b.md": "# B",
	})
	ids, lines := looked(t, &dir.Source{Root: root})
	if diff := cmp.Diff([]string{"a.md", "drafts/b.md"}, ids); diff != "" {
		t.Error(diff)
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "3 entries (file of the run directory report.html,") {
		t.Errorf("%q", lines)
	}
}

func TestWhatIsNoFileIsCounted(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.md": "# A", ".git/x": "x", ".obsidian/n.md": "# N", ".draft.md": "# D", ".gitignore": "x", "deep/.cache/n.md": "# N"})
	elsewhere := tree(t, map[string]string{"b.md": "# B"})
	for link, target := range map[string]string{"linked": elsewhere, "one.md": filepath.Join(elsewhere, "b.md"), "null.txt": os.DevNull, "gone.md": filepath.Join(root, "nothing")} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Skip(err)
		}
	}
	ids, lines := looked(t, &dir.Source{Root: root, Config: item.Config{}})
	gone := filepath.ToSlash(filepath.Join(root, "gone.md")) + ": cannot be read: no such file or directory"
	if diff := cmp.Diff([]string{"a.md", gone, "one.md"}, ids); diff != "" {
		t.Error(diff)
	}
	const want = "not read: 6 entries (hidden folder .git, hidden file .draft.md, hidden folder .obsidian, " +
		"device or socket null.txt, hidden folder deep/.cache, link to the folder linked); to read a folder or file, name it as a separate source"
	if diff := cmp.Diff([]string{want}, lines); diff != "" {
		t.Error(diff)
	}
}
