package audit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
)

// twoPasses makes a run of two passes: what is new is sent, and what is known keeps its answer.
func twoPasses(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, dir: filepath.Join(t.TempDir(), "run"), source: filepath.Join(t.TempDir(), "articles.jsonl")}
	for _, n := range []int{20, 35} {
		if err := os.WriteFile(b.source, articles(n), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := quarryMain("run", b.source, "--dir", b.dir, "--backend", "echo"); code != 0 {
			t.Fatalf("the run ended with code %d:\n%s", code, out)
		}
	}
	return b
}

func TestAnswersThatWereTakenOverAreThoseOfTheirPass(t *testing.T) {
	t.Parallel()
	b := twoPasses(t)
	code, r := b.audit()
	if code != 0 || !r.Clean() || !r.Ended || r.Checked.Earlier != 19 || r.Documents != 35 || !r.Checked.SourcesRead {
		t.Fatalf("audit gave code %d and %+v", code, r)
	}
	lines := b.lines(resultsFile)
	old := with(t, lines, `"id":"art/3"`)
	if err := os.Remove(filepath.Join(b.dir, resultsFile)); err != nil { // the index has the file under a name of its own
		t.Fatal(err)
	}
	b.write(resultsFile, replaced(t, lines, old, "Article number", "Article nomber"))
	if code, r := b.audit(); code != 8 || !slices.Equal(r.Altered, []quarry.DocumentID{"art/3"}) {
		t.Errorf("audit gave code %d and %+v", code, r)
	}
}

func TestARecordThatIsSentInTwoPassesIsPaidTwice(t *testing.T) {
	t.Parallel()
	b := twoPasses(t)
	var first, second string
	for _, e := range []struct {
		id   string
		file *string
	}{{`"id":"art/3"`, &first}, {`"id":"art/30"`, &second}} {
		names, err := filepath.Glob(filepath.Join(b.dir, "journal", "*0000?.jsonl.zst"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			name = filepath.Join("journal", filepath.Base(name))
			if strings.Contains(strings.Join(b.lines(name), ""), e.id) {
				*e.file = name
			}
		}
	}
	if first == "" || second == "" || first == second {
		t.Fatalf("the passes have the journals %q and %q", first, second)
	}
	lines := b.lines(first)
	b.write(second, append(b.lines(second), lines[with(t, lines, `"id":"art/3"`)]))
	if code, r := b.audit(); code != 8 || !slices.Equal(r.PaidTwice, []quarry.DocumentID{"art/3"}) {
		t.Errorf("audit gave code %d and %+v", code, r)
	}
}
