package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/outcome/audit"
)

// chapters makes a source of which every second document is sent in three parts.
func chapters(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		var text strings.Builder
		for c := range 1 + 2*(i%2) {
			fmt.Fprintf(&text, "## Chapter %d\n\nArticle number %d has chapter %d. %s\n\n", c, i, c, strings.Repeat("It goes on for a while about this. ", 6))
		}
		line, _ := json.Marshal(map[string]any{"id": fmt.Sprintf("art/%d", i), "title": fmt.Sprintf("Title %d", i), "content": text.String(), "format": "markdown"})
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

func TestLongDocumentsAreProvenPartByPart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := filepath.Join(dir, "articles.jsonl")
	if err := os.WriteFile(source, chapters(220), 0o600); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	code, log := quarryMain("run", source, "--dir", run, "--backend", "echo", "--long", "merge", "--max-chars", "400", "--tag", faults, "--attempts", "3")
	if code != 0 && code != 3 {
		t.Fatalf("the run ended with code %d:\n%s", code, log)
	}
	const merges = "journal/r00001.jsonl.zst" // and the retry queue of the round
	if code, r := copyOf(t, run, source).audit(); code != 0 || r.Checked.OK < 200 || r.Checked.Records < 540 {
		t.Fatalf("the untouched run: code %d, %+v\n%s", code, r, log)
	}
	ok := func(texts ...string) func(*testing.T, []string) int {
		return func(t *testing.T, l []string) int { t.Helper(); return with(t, l, texts...) }
	}
	part2 := ok(`-p0002-a1"`, rightly)
	whole := ok(`"parts":3`, rightly, "!-p000")
	for name, c := range map[string]struct {
		file string
		find func(*testing.T, []string) int
		edit func(t *testing.T, lines []string, i int) []string
		list func(*audit.Report) []quarry.DocumentID
	}{
		"a part's answer is taken out of the journal": {mainJournal, part2, cut, func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"a part's answer is another":                  {mainJournal, part2, swap("Article number", "Article nomber"), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"a part's answer was bad":                     {mainJournal, part2, swap(rightly, `"class":"schema_invalid"`), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"a part is another one":                       {mainPart, ok("-p0002-a1"), swap("-p0002-", "-p0007-"), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"a part says it is one of four":               {mainPart, ok("-p0002-a1"), swap(`"parts":3`, `"parts":4`), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"the merge is taken out of the journal":       {merges, whole, cut, func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"the result is not the merge's":               {resultsFile, ok(`"parts":3`, `"status":"ok"`), swap(`read in 3 parts`, `read in 2 parts`), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"the result counts fewer parts":               {resultsFile, ok(`"parts":3`, `"status":"ok"`), swap(`"parts":3`, `"parts":2`), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"the result counts fewer attempts":            {resultsFile, ok(`"attempts":4,`, `"status":"ok"`), swap(`"attempts":4`, `"attempts":1`), func(r *audit.Report) []quarry.DocumentID { return r.Altered }},
		"a part's raw answer stands twice":            {mainRaw, ok("-p0002-a1", "modelOutput"), double, func(r *audit.Report) []quarry.DocumentID { return r.AnsweredTwice }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := copyOf(t, run, source)
			lines := b.lines(c.file)
			i := c.find(t, lines)
			_, rest, _ := strings.Cut(lines[i], `art`)
			id := quarry.DocumentID("art/" + strings.TrimLeft(rest[:strings.IndexAny(rest, `"-`)], "/_"))
			b.write(c.file, c.edit(t, lines, i))
			code, r := b.audit()
			named := false
			for _, got := range c.list(&r) {
				named = named || got == id
			}
			if code != 8 || !named {
				t.Errorf("code %d; want 8 and %s named in %+v", code, id, r.Found)
			}
		})
	}
}
