package plan_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/sample"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// doc is a document as the index has it: what it asks is one byte, and bytes may be one of the index's marks.
type doc struct {
	id    string
	asks  byte
	bytes uint32
	parts int
}

// findings writes documents into the index of a pass and compares them with each other and with the pass before.
func findings(t *testing.T, dir string, n int, pilot int, before *index.Known, docs ...doc) (index.Pass, *plan.Findings) {
	t.Helper()
	e := effect.New(nil)
	pass := index.Of(e, dir, n)
	must(t, os.MkdirAll(pass.Path(""), 0o755))
	ids := dedupe.NewSorter(e, dedupe.Config{Dir: pass.SortDir(), Name: "ids"})
	keys := dedupe.NewSorter(e, dedupe.Config{Dir: pass.SortDir(), Name: "keys"})
	out, err := pass.Create()
	must(t, err)
	defer out.Abort()
	picked := sample.New(pilot)
	for order, d := range docs {
		entry := index.Entry{Hash: index.HashOf(quarry.DocumentID(d.id)), Key: dedupe.Hash{d.asks}, Bytes: d.bytes}
		if entry.Disposition() != index.Broken {
			must(t, ids.Add(dedupe.Entry{Hash: entry.Hash, Order: int64(order)}))
		}
		if entry.Disposition() == index.Main {
			must(t, keys.Add(dedupe.Entry{Hash: entry.Key, Order: int64(order)}))
			picked.Add(sample.Stratum{}, dedupe.Entry{Hash: entry.Hash, Order: int64(order)})
		}
		for range d.parts {
			must(t, out.AddPart(int64(order), 10))
		}
		must(t, out.Add(&entry))
	}
	must(t, out.Commit())
	joined, err := pass.Join(t.Context(), ids, int64(len(docs)), before)
	must(t, err)
	repeats, err := pass.FindRepeats(ids, keys)
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(joined.Close(), repeats.Close(), ids.Close(), keys.Close())) })
	return pass, &plan.Findings{Repeats: repeats, Sample: picked, Joined: joined, Before: before}
}

// known ends the documents of a pass, each as its mark says, after 2 attempts.
func known(t *testing.T, pass index.Pass, marks string) *index.Known {
	t.Helper()
	ends, err := pass.CreateEnds()
	must(t, err)
	for i := range marks {
		must(t, ends.Add(int64(i), index.Ended(marks[i]), 2, 1))
	}
	must(t, ends.Commit(int64(len(marks))))
	k := pass.Known(int64(len(marks)))
	t.Cleanup(k.Close)
	return k
}

func takes(t *testing.T, pass index.Pass) string {
	t.Helper()
	b, err := os.ReadFile(pass.Path("takes"))
	must(t, err)
	return string(b)
}

func TestWhatBecomesOfEachDocument(t *testing.T) {
	t.Parallel()
	pass, found := findings(t, t.TempDir(), 1, 0, nil,
		doc{id: "a", asks: 1, bytes: 100},
		doc{id: "twin", asks: 1, bytes: 100},
		doc{id: "a", asks: 2, bytes: 100},
		doc{id: "empty", bytes: index.EmptyBytes},
		doc{id: "huge", bytes: index.TooLargeBytes},
		doc{id: "broken", bytes: index.BrokenBytes},
		doc{id: "long", asks: 3, bytes: 50, parts: 5},
		doc{id: "a", bytes: index.EmptyBytes},
	)
	p := plan.Plan{Unreadable: 1}
	must(t, p.Decide(t.Context(), pass, found))
	if got, want := takes(t, pass), "msielxmi"; got != want {
		t.Errorf("takes = %s, want %s", got, want)
	}
	if p.Documents != 5 || p.Asked != 2 || p.Same != 1 || p.SameID != 2 || p.Empty != 1 || p.TooLarge != 1 || p.Orders != 8 || p.AskedLines != 150 {
		t.Errorf("plan = %+v", p)
	}
	if p.Documents != p.Asked+p.Same+p.Empty+p.TooLarge+p.Unchanged {
		t.Errorf("%d documents are %d asked, %d the same, %d empty, %d too large and %d unchanged", p.Documents, p.Asked, p.Same, p.Empty, p.TooLarge, p.Unchanged)
	}
	if p.Long != 1 || p.Parts != 5 || p.Records() != 6 || p.Stages() != 7 {
		t.Errorf("%d long documents in %d parts make %d records, %d with the merges, want 1, 5, 6 and 7", p.Long, p.Parts, p.Records(), p.Stages())
	}
}

func TestNoDocumentsLeaveNoDecisions(t *testing.T) {
	t.Parallel()
	pass, found := findings(t, t.TempDir(), 1, 0, nil, doc{id: "broken", bytes: index.BrokenBytes})
	p := plan.Plan{Unreadable: 1}
	if err := p.Decide(t.Context(), pass, found); !errors.Is(err, plan.ErrNoDocuments) {
		t.Errorf("Decide = %v, want %v", err, plan.ErrNoDocuments)
	}
	if _, err := os.Stat(pass.Path("takes")); err == nil {
		t.Error("the decisions about no document were written")
	}
}

func TestThePilotIsToppedUpWithTheSmallestHashes(t *testing.T) {
	t.Parallel()
	var docs []doc
	for i := range 8 { // all but the first ask the same
		docs = append(docs, doc{id: string(rune('a' + i)), asks: byte(min(i, 1)), bytes: 100})
	}
	docs = append(docs, doc{id: "x", asks: 9, bytes: 100}, doc{id: "y", asks: 10, bytes: 30, parts: 3}, doc{id: "z", asks: 11, bytes: 100})
	pass, found := findings(t, t.TempDir(), 1, 4, nil, docs...)
	var p plan.Plan
	must(t, p.Decide(t.Context(), pass, found))
	drawn := p.Pilot
	must(t, p.TopUpPilot(t.Context(), pass, 5))
	if p.Pilot != 5 || p.Asked != 5 || strings.Count(takes(t, pass), "p") != 5 {
		t.Errorf("the pilot has %d of %d documents (%s; %d were drawn), want all 5", p.Pilot, p.Asked, takes(t, pass), drawn)
	}
	if p.PilotRecords() != p.Records() || p.Records() != 7 {
		t.Errorf("the pilot has %d of %d records, want all 7", p.PilotRecords(), p.Records())
	}
	p.NoPilot()
	if p.Pilot != 0 || p.PilotRecords() != 0 {
		t.Errorf("without a pilot, it has %d documents and %d records", p.Pilot, p.PilotRecords())
	}
	p.AllPilot()
	if p.Pilot != 5 || p.PilotRecords() != 7 {
		t.Errorf("as the whole, the pilot has %d documents and %d records, want 5 and 7", p.Pilot, p.PilotRecords())
	}
}

func TestAnAnswerOfThePassBeforeIsKept(t *testing.T) {
	t.Parallel()
	old := []doc{
		{id: "kept", asks: 1, bytes: 100},
		{id: "changed", asks: 2, bytes: 100},
		{id: "changed too", asks: 3, bytes: 100},
		{id: "failed", asks: 4, bytes: 100},
		{id: "gone", asks: 5, bytes: 100},
	}
	now := []doc{
		{id: "kept", asks: 1, bytes: 100},
		{id: "changed", asks: 20, bytes: 100},
		{id: "changed too", asks: 30, bytes: 100},
		{id: "failed", asks: 4, bytes: 100},
		{id: "new", asks: 6, bytes: 100},
	}
	for name, c := range map[string]struct {
		refresh int64
		takes   string
		want    plan.Plan
	}{
		"all that changed is asked":        {takes: "ummmm", want: plan.Plan{Unchanged: 1, Changed: 2, Again: 1, Asked: 4}},
		"no more than a few are refreshed": {refresh: 1, takes: "umumm", want: plan.Plan{Unchanged: 2, Changed: 1, Stale: 1, Again: 1, Asked: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first, _ := findings(t, dir, 1, 0, nil, old...)
			pass, found := findings(t, dir, 2, 0, known(t, first, "oooro"), now...)
			found.RefreshMax = c.refresh
			var p plan.Plan
			must(t, p.Decide(t.Context(), pass, found))
			if got := takes(t, pass); got != c.takes {
				t.Errorf("takes = %s, want %s", got, c.takes)
			}
			if p.Unchanged != c.want.Unchanged || p.Changed != c.want.Changed || p.Stale != c.want.Stale || p.Again != c.want.Again || p.Asked != c.want.Asked {
				t.Errorf("plan = %+v, want %+v", p, c.want)
			}
			if against := (plan.Against{New: 1, Altered: 2}); *p.Against != against {
				t.Errorf("beside the pass before: %+v, want %+v", *p.Against, against)
			}
			tries, err := pass.OpenTried()
			must(t, err)
			defer func() { _ = tries.Close() }()
			if n, err := tries.Of(3); err != nil || n.Last != 2 {
				t.Errorf("the failed document was tried %+v (%v), want 2 times", n, err)
			}
		})
	}
}

func TestWhatWasLeftOutDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan plan.Plan
		want string
	}{
		{plan.Plan{Documents: 3, Empty: 1, Same: 1}, ""},
		{plan.Plan{Unreadable: 1, SameID: 2}, "3 items could not be read"},
		{plan.Plan{TooLarge: 2}, "2 documents ended failed"},
	} {
		err := c.plan.Err()
		var q *quarry.Error
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v.Err() = %v, want none", c.plan, err)
			}
			continue
		}
		if !errors.As(err, &q) || q.Kind != quarry.BadItems || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v.Err() = %v, want bad items: %s", c.plan, err, c.want)
		}
	}
}

func TestDroppedPartsAddUp(t *testing.T) {
	t.Parallel()
	var counts clean.Counts
	counts.Note(rule.Script, 10)
	var p plan.Plan
	p.Drop(&counts)
	p.Drop(&counts)
	if got := p.Dropped[rule.Script.String()]; got.Items != 2 || got.Bytes != 20 {
		t.Errorf("dropped scripts = %+v, want 2 of 20 bytes", got)
	}
}
