package run_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/cut"
	"quarry/internal/run/prepare"
)

// partChars is the cap of inParts: a section of longDocs fits, two do not.
const partChars = 300

// partQuotas are the provider's of inParts: any number of records from the minimum on can be cut into jobs.
const partQuotas = `{"*":{"min_records":3,"records_per_job":6,"records_per_file":6}}`

// inParts asks documents of more than partChars characters in parts.
func inParts(t *testing.T) func(*run.Config) {
	t.Helper()
	part, err := prompt.New(prompt.Config{}.ForParts(""))
	if err != nil {
		t.Fatal(err)
	}
	merge, err := prompt.New(prompt.Config{}.ForMerge(""))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *run.Config) {
		c.Clean = clean.Config{MaxChars: partChars, Long: clean.LongMerge}
		c.Long = &prepare.Long{Part: part, Merge: merge}
		c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob = 6, 6
	}
}

// longDocs makes n documents, of which every third has one section, the next two, the next three, and one that asks what
// another asks.
func longDocs(n int) string {
	var b strings.Builder
	doc := func(id string, i int) {
		fmt.Fprintf(&b, `{"id":%q,"title":"Article %d","content":"`, id, i)
		for part := range i%3 + 1 {
			fmt.Fprintf(&b, "<h2>Section %d of %d</h2><p>Number %d tells how quarry %d works on its face. Stone is cut from the hill, block by block, all through the year. "+
				"Carts take number %d of section %d down to the valley, and masons of the town dress it there.</p>", part, i, i, part, i, part)
		}
		b.WriteString(`"}` + "\n")
	}
	for i := range n {
		doc(fmt.Sprintf("doc-%03d", i), i)
	}
	doc("twin", 2)
	return b.String()
}

// partsAsked gives, by document, which parts were answered how often, and under 0 the merge, as the provider knows it.
func (w *world) partsAsked(t *testing.T) map[string]map[int]int64 {
	t.Helper()
	asked := map[string]map[int]int64{}
	for id, answered := range w.bill(t) {
		record := quarry.RecordID(id)
		stem, _, _ := strings.Cut(id, "-")
		stem = strings.ReplaceAll(stem, "_", "-")
		if asked[stem] == nil {
			asked[stem] = map[int]int64{}
		}
		asked[stem][record.PartNumber()] += answered
	}
	return asked
}

func TestLongDocumentsAreAskedInPartsAndMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: longDocs(7), quotas: partQuotas, cfg: inParts(t)})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.auditClean(t)
	if p := out.Planned; p.Asked != 7 || p.Long != 4 || p.Parts != 10 {
		t.Errorf("planned %d documents, %d of them in %d parts; want 7, 4 and 10", p.Asked, p.Long, p.Parts)
	}
	results, _ := w.results(t)
	asked := w.partsAsked(t)
	for i := range 7 {
		id := fmt.Sprintf("doc-%03d", i)
		r, parts := results[id], i%3+1
		wantAttempts, wantParts := parts+1, parts
		if parts == 1 {
			wantAttempts, wantParts = 1, 0
		}
		if r.Status != quarry.StatusOK || r.Parts != wantParts || r.Attempts != wantAttempts || r.RecordID.PartNumber() != 0 || len(r.Output) == 0 {
			t.Errorf("document %s ended %s by record %s, %d parts, %d attempts; want %d and %d", id, r.Status, r.RecordID, r.Parts, r.Attempts, wantParts, wantAttempts)
		}
		if len(asked[id]) != wantAttempts || asked[id][0] != 1 {
			t.Errorf("document %s was asked as %v, want %d records and one about the whole", id, asked[id], wantAttempts)
		}
	}
	if twin := results["twin"]; twin.SameAs != "doc-002" || twin.Status != quarry.StatusOK || twin.Usage != (quarry.Usage{}) {
		t.Errorf("twin = %+v, want the answer of doc-002, for nothing", twin)
	}
	if asked["twin"] != nil {
		t.Errorf("twin was asked as %v", asked["twin"])
	}
	var sum quarry.Usage
	for _, r := range results {
		sum.Add(r.Usage)
	}
	if sum != out.Totals.Usage || sum.InputTokens <= 7*100 {
		t.Errorf("the documents took %v, the run %v", sum, out.Totals.Usage)
	}

	// The same command sends nothing; another prompt for the merge sends the long documents again, and no other.
	if again, _, err := w.run(t, nil); err != nil || again.Totals.OK != 8 {
		t.Fatalf("the second run: %v, %+v", err, again.Totals)
	}
	before := len(w.bill(t))
	plain := w.cfg
	w.cfg = func(c *run.Config) {
		plain(c)
		merge, err := prompt.New(prompt.Config{}.ForMerge("Make one of these:\n\nTitle: {{.Title}}\n\nArticle:\n{{.Text}}"))
		if err != nil {
			t.Fatal(err)
		}
		c.Long = &prepare.Long{Part: c.Long.Part, Merge: merge}
		c.Settings = "y"
	}
	out, _, err = w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.auditClean(t)
	if p := out.Planned; p.Changed != 4 || p.Unchanged != 3 || p.Asked != 4 || out.Totals.OK != 8 {
		t.Errorf("with another merge %d are changed, %d unchanged, %d asked, %d ok; want 4, 3, 4 and 8", p.Changed, p.Unchanged, p.Asked, out.Totals.OK)
	}
	if asked := len(w.bill(t)) - before; asked != 14 {
		t.Errorf("%d records were asked anew, want 14", asked)
	}
}

func TestPartThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: longDocs(10), quotas: partQuotas, fault: "record-error=0.4,seed=2", cfg: func(c *run.Config) {
		inParts(t)(c)
		c.Attempts, c.NoPilot = 1, true
	}})
	tries := 0
	for ; tries < 40; tries++ {
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.auditClean(t)
		results, _ := w.results(t)
		asked := w.partsAsked(t)
		failed := 0
		for id, r := range results {
			if r.Status == quarry.StatusOK || r.SameAs != "" {
				continue
			}
			failed++
			part := r.RecordID.PartNumber()
			switch {
			case r.Status != quarry.StatusFailed || r.Error == nil || len(r.Output) > 0:
				t.Errorf("document %s: %+v, want it failed with an error", id, r)
			case r.Parts > 0 && part > 0 && !strings.HasPrefix(r.Error.Message, fmt.Sprintf("part %d of %d: ", part, r.Parts)):
				t.Errorf("document %s: %s, want it to name part %d of %d", id, r.Error.Message, part, r.Parts)
			case part > 0 && asked[id][0] > 0:
				t.Errorf("document %s was merged although part %d failed", id, part)
			}
		}
		if failed == 0 {
			if out.Totals.OK != 11 {
				t.Errorf("%d documents ended ok, want 11", out.Totals.OK)
			}
			break
		}
	}
	if tries == 0 || tries == 40 {
		t.Errorf("all were answered after %d runs; want some to fail first, and none for ever", tries+1)
	}
	for id, answered := range w.bill(t) {
		if answered > 1 {
			t.Errorf("record %s was answered %d times", id, answered)
		}
	}
}

func TestTooFewToMergeOnAWS(t *testing.T) {
	t.Parallel()
	onAWS := func(more func(*run.Config)) func(*run.Config) {
		return func(c *run.Config) {
			inParts(t)(c)
			c.Local, c.NoPilot = false, true
			more(c)
		}
	}
	t.Run("is refused before anything is sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: longDocs(3), quotas: partQuotas, cfg: onAWS(func(*run.Config) {})})
		_, _, err := w.run(t, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Hint, "--below-minimum ondemand") {
			t.Fatalf("got %v, want a limit and the way out", err)
		}
		if bill := w.bill(t); len(bill) > 0 {
			t.Errorf("%d records were asked", len(bill))
		}
	})
	t.Run("is asked on demand with leave to", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: longDocs(3), quotas: partQuotas, cfg: onAWS(func(c *run.Config) { c.BelowMinimum = cut.OnDemand })})
		w.ended(t, map[string]quarry.Status{"doc-000": "ok", "doc-001": "ok", "doc-002": "ok", "twin": "ok"})
		w.auditClean(t)
	})
	t.Run("may happen to stragglers, whose parts were asked twice", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: longDocs(12), quotas: partQuotas, fault: "record-error=0.1,seed=2", cfg: onAWS(func(*run.Config) {})})
		if _, _, err := w.run(t, nil); err != nil {
			t.Fatal(err)
		}
		w.auditClean(t)
		results, _ := w.results(t)
		unmerged := 0
		for _, r := range results {
			if r.Error != nil && r.Error.Kind == quarry.KindBelowMinimum && strings.Contains(r.Error.Message, "parts are answered") {
				unmerged++
			}
		}
		if unmerged == 0 {
			t.Error("no document was left unmerged: nothing was tested")
		}
	})
}

func TestLongDocumentSpreadOverJobs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"id":"book","title":"A book","content":"`)
	for i := range 20 {
		fmt.Fprintf(&b, "<h2>Chapter %d</h2><p>%s</p>", i, strings.Repeat(fmt.Sprintf("Chapter %d goes on about stone. ", i), 8))
	}
	b.WriteString(`"}` + "\n")
	w := newWorld(t, worldConfig{docs: b.String() + longDocs(4), quotas: partQuotas, cfg: inParts(t)})
	out := w.ended(t, map[string]quarry.Status{"book": "ok", "doc-000": "ok", "doc-001": "ok", "doc-002": "ok", "doc-003": "ok", "twin": "ok"})
	w.auditClean(t)
	results, _ := w.results(t)
	if got := results["book"].Parts; got != 20 {
		t.Errorf("the book was asked in %d parts, want 20", got)
	}
	if jobs := len(out.Report.Jobs); jobs < 4 {
		t.Errorf("%d jobs, want the parts of the book in several", jobs)
	}
}

func TestPartsAreAskedCallByCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: longDocs(6), quotas: partQuotas, fault: "record-error=0.3,bad-json=0.2,seed=9", cfg: untilAnswered(func(c *run.Config) {
		inParts(t)(c)
		c.Mode = quarry.ModeOnDemand
	})})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.auditClean(t)
	if out.Totals.OK != 7 || out.Report.Mode != quarry.ModeOnDemand {
		t.Errorf("%d documents ended ok in mode %s, want 7 by calls", out.Totals.OK, out.Report.Mode)
	}
}

// TestAdoptTakesPartsOver loses the run's directory after each job, adopts the run and continues with the sources.
func TestAdoptTakesPartsOver(t *testing.T) {
	t.Parallel()
	cfg := worldConfig{docs: longDocs(6), quotas: `{"*":{"min_records":1,"records_per_job":6,"records_per_file":6}}`, cfg: oneIsEnough(inParts(t))}
	for jobs := 1; ; jobs++ {
		w := newWorld(t, cfg)
		_, _, err := w.run(t, dieAfterJob(jobs))
		if err == nil {
			if jobs < 4 {
				t.Errorf("only %d jobs were made: the second stage was never lost", jobs-1)
			}
			return
		}
		id := w.runID(t)
		if err := os.RemoveAll(w.dir); err != nil {
			t.Fatal(err)
		}
		if found, _, ok := w.home(t, id); !ok || found.Jobs != jobs {
			t.Errorf("after job %d: taken over %v, with %d jobs", jobs, ok, found.Jobs)
		}
		w.auditClean(t)
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatalf("after job %d: go on with the sources: %v", jobs, err)
		}
		w.auditClean(t)
		if out.Totals.OK != 7 || out.Totals.Total != 7 {
			t.Errorf("after job %d: %d of %d documents ended ok, want 7", jobs, out.Totals.OK, out.Totals.Total)
		}
		w.answeredOnce(t, fmt.Sprintf("after job %d", jobs))
	}
}
