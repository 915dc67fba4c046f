package clean_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/clean/htmltext"
	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// twoWays renders HTML with the scanner and over the tree of golang.org/x/net/html, with the same rules.
type twoWays struct {
	scan, tree             htmltext.Renderer
	scanWriter, treeWriter plain.Writer
	counts                 rule.Counts
	settings               rule.Settings
}

func newTwoWays() *twoWays {
	w := &twoWays{}
	w.scan = htmltext.Renderer{W: &w.scanWriter, Settings: &w.settings, Counts: &w.counts}
	w.tree = htmltext.Renderer{W: &w.treeWriter, Settings: &w.settings, Counts: &w.counts}
	return w
}

// words renders a document both ways. Without ok the scanner itself asks for the tree.
func (w *twoWays) words(t *testing.T, src []byte) (scan, tree []string, ok bool) {
	t.Helper()
	w.scanWriter.Reset()
	w.scan.Reset()
	w.treeWriter.Reset()
	w.tree.Reset()
	ok = w.scan.Document(src)
	if err := w.tree.Tree(src); err != nil {
		t.Fatal(err)
	}
	scanned, _ := w.scanWriter.Finish()
	treed, _ := w.treeWriter.Finish()
	return wordsOf(string(scanned)), wordsOf(string(treed)), ok
}

func TestScannerReadsTheWordsOfTheTree(t *testing.T) {
	t.Parallel()
	w := newTwoWays()
	documents, asked, differ := 0, 0, 0
	for _, a := range articles(t, html, 60) {
		documents++
		scan, tree, ok := w.words(t, []byte(a.Content))
		if !ok {
			asked++
			continue
		}
		if slices.Equal(scan, tree) {
			continue
		}
		differ++
		t.Logf("%s (%s): %s", a.ID, a.Source, firstDifference(scan, tree))
		if lost := missing(tree, scan); lost*1000 > len(tree) {
			t.Errorf("%s (%s): %d of %d words are lost", a.ID, a.Source, lost, len(tree))
		}
	}
	t.Logf("%d documents, %d differ, %d asked for the tree", documents, differ, asked)
	if differ*500 > documents {
		t.Errorf("%d of %d documents have other words than HTML5's tree, want 0.2 %% at most", differ, documents)
	}
}

func firstDifference(a, b []string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	from := max(0, n-5)
	return cmp.Diff(strings.Join(b[from:min(len(b), n+12)], " "), strings.Join(a[from:min(len(a), n+12)], " "))
}

// missing counts the words of want that got has not.
func missing(want, got []string) int {
	have := map[string]int{}
	for _, w := range got {
		have[w]++
	}
	n := 0
	for _, w := range want {
		if have[w]--; have[w] < 0 {
			n++
		}
	}
	return n
}

// TestScannerReadsTheWordsOfTheTreeInSmallFiles does the same with the small files of testdata, which need no corpus and
// hold what the corpus does not.
func TestScannerReadsTheWordsOfTheTreeInSmallFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/html/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("no small files: %v", err)
	}
	w := newTwoWays()
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n, piece := range bytes.Split(src, []byte("\n=====\n")) {
			scan, tree, ok := w.words(t, piece)
			if ok && !slices.Equal(scan, tree) {
				t.Errorf("%s, piece %d: %s", file, n+1, firstDifference(scan, tree))
			}
		}
	}
}
