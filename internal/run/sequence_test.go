package run_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/audit"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/event"
	"quarry/internal/run/life"
	"quarry/internal/run/prepare"
)

// command is one change of the sources and one command after it.
type command struct {
	doc, variant int // the document that changes, and to which text; 0: it is gone
	asks         asks
	region       string
	mode         quarry.Mode
	known        bool        // existing answers are given
	refuse       bool        // the question has no answer
	gate         bool        // no pilot is good enough
	cap          *quarry.USD // nil: none
	kind         effect.Kind // of the effect at which the process dies
	at           int         // its number; 0: the process does not die
	side         effect.When // of it
	last         bool        // every pilot is good enough
	refresh      int64       // how many changed documents are asked; 0: all
	stop         int         // the event at which it is asked to stop; 0: it is not
}

// asks is what decides a key together with the text.
type asks struct {
	prompt int
	model  string
	text   bool // free text is asked for, and not an answer of a schema
}

var sequenceModels = []string{quarry.DefaultModel, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}

func drawCommand(t *rapid.T) command {
	seldom := func(what string) bool { return rapid.IntRange(0, 7).Draw(t, what) == 7 }
	c := command{
		doc: rapid.IntRange(0, 3).Draw(t, "doc"), variant: rapid.IntRange(0, 3).Draw(t, "variant"), mode: quarry.ModeJob,
		asks:  asks{prompt: rapid.IntRange(0, 1).Draw(t, "prompt"), model: sequenceModels[0], text: seldom("free text")},
		known: seldom("known"), refuse: seldom("refuse"), gate: seldom("gate"),
		kind: rapid.SampledFrom([]effect.Kind{effect.File, effect.SQL, effect.HTTP}).Draw(t, "kind"),
		side: rapid.SampledFrom([]effect.When{effect.Before, effect.After}).Draw(t, "side"),
	}
	if seldom("refresh some") {
		c.refresh = 1
	}
	if seldom("stops") {
		c.stop = rapid.IntRange(1, 40).Draw(t, "at event")
	}
	if seldom("other model") {
		c.asks.model = sequenceModels[1]
	}
	if seldom("other region") {
		c.region = "us-east-1"
	}
	if rapid.IntRange(0, 3).Draw(t, "on demand") == 3 {
		c.mode = quarry.ModeOnDemand
	}
	if seldom("capped") {
		usd := rapid.SampledFrom([]quarry.USD{0, 1_000_000_000, 10_000_000_000}).Draw(t, "cap")
		c.cap = &usd
	}
	if rapid.Bool().Draw(t, "dies") { // a run of these documents has about so many effects
		c.at = rapid.IntRange(1, map[effect.Kind]int{effect.File: 200, effect.SQL: 80, effect.HTTP: 40}[c.kind]).Draw(t, "at")
	}
	return c
}

// texts is the source with each document in its variant. The third is long: it is asked in parts.
func texts(variants []int) string {
	var b strings.Builder
	doc := func(id string, edition, sections int) {
		fmt.Fprintf(&b, `{"id":%q,"title":"Article","content":"`, id)
		for i := range sections {
			fmt.Fprintf(&b, "<p>Section %d of %s, edition %d, says how a quarry works. Stone is cut from the face of a hill, block by block, all through the year. "+
				"Carts take it down to the valley, and masons of the town dress it there.</p>", i, id, edition)
		}
		b.WriteString(`"}` + "\n")
	}
	for i, v := range variants {
		if v > 0 {
			doc(fmt.Sprintf("doc-%d", i), v, 1+2*(v/3))
		}
	}
	doc("always", 1, 1)
	return b.String()
}

// TestNoSequenceOfCommandsPaysTwice changes documents, prompts, models, schemas, Regions and modes back and forth, refuses, caps, stops
// and kills commands, and reads the provider's bill: no record is answered twice, and nothing is asked again once it has its answer.
func TestNoSequenceOfCommandsPaysTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawCommand), 3, 8).Draw(rt, "commands")
		fault := rapid.SampledFrom([]string{"", "", "record-error=0.3,bad-json=0.2"}).Draw(rt, "faults")
		if fault != "" {
			fault += fmt.Sprintf(",seed=%d", rapid.IntRange(0, 99).Draw(rt, "seed"))
		}
		q := newSequence(t, fault)
		defer q.end(t)
		variants := []int{1, 2, 3, 1}
		for i, c := range list {
			variants[c.doc] = c.variant
			if _, what := q.step(t, c, variants); what != "" {
				rt.Fatalf("command %d, %+v: %s", i, c, what)
			}
		}
		seen := map[asks]bool{}
		for _, c := range append(list, command{asks: asks{model: sequenceModels[0]}, mode: quarry.ModeJob}) { // each comes to its end, whatever came before
			if seen[c.asks] {
				continue
			}
			seen[c.asks] = true
			for tries, ended := 0, 0; ended < 2; tries++ { // what is under way, then what changed meanwhile
				done, what := q.step(t, command{asks: c.asks, mode: c.mode, last: true}, variants)
				if what == "" && tries == 8 {
					what = "it comes to no end"
				}
				if what != "" {
					rt.Fatalf("to its end, %+v: %s", c.asks, what)
				}
				if done {
					ended++
				}
			}
			if rep := q.audited(t); !rep.Clean() || !rep.Ended {
				rt.Fatalf("at its end, %+v: audit (ended: %t) found %+v, faults %q", c.asks, rep.Ended, rep.Found, rep.Faults)
			}
		}
	})
}

// sequence is a world in which commands follow one another.
type sequence struct {
	*world
	now    command
	faulty bool
}

var errNoAnswer = errors.New("the question had no answer")

// sequenceQuotas let a job have one record, and all of those that a sequence asks.
const sequenceQuotas = `{"*":{"min_records":1,"records_per_job":6,"records_per_file":6}}`

func newSequence(t *testing.T, fault string) *sequence {
	t.Helper()
	q := &sequence{faulty: fault != ""}
	q.world = newWorld(t, worldConfig{quotas: sequenceQuotas, fault: fault, cfg: oneIsEnough(func(c *run.Config) { q.configure(t, c) })})
	known := filepath.Join(filepath.Dir(q.source), "known.jsonl")
	write(t, known, `{"id":"doc-1","output":{"title_en":"Known","summary_ja":null,"summary_en":"It was known."}}`+"\n")
	q.deps = func(d *run.Deps) {
		d.Confirm = func(context.Context, string) error {
			if q.now.refuse {
				return errNoAnswer
			}
			return nil
		}
	}
	return q
}

func (q *sequence) configure(t *testing.T, c *run.Config) {
	t.Helper()
	a := q.now.asks
	base := prompt.Config{Model: a.model, FreeText: a.text, User: fmt.Sprintf("Prompt %d. Article:\n{{.Text}}", a.prompt)}
	renderer := func(cfg prompt.Config) *prompt.Renderer {
		r, err := prompt.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	inParts(t)(c)
	c.Long = &prepare.Long{Part: renderer(base.ForParts("")), Merge: renderer(base.ForMerge(""))}
	c.Prompt = renderer(base)
	checker, err := parse.New(parse.Config{Schema: c.Prompt.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	c.Check, c.Local, c.Model, c.Mode, c.Settings = checker, false, a.model, q.now.mode, fmt.Sprintf("%+v", a)
	c.MaxUSD, c.RefreshMax = q.now.cap, q.now.refresh
	switch {
	case q.now.last:
		c.NoGate = true
	case q.now.gate:
		c.PilotMinValid = 1.5
	}
	if q.now.known {
		c.Known = filepath.Join(filepath.Dir(q.source), "known.jsonl")
	}
}

func (q *sequence) end(t *testing.T) {
	t.Helper()
	if err := q.server.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Dir(q.source)); err != nil {
		t.Error(err)
	}
}

// step runs one command, and says whether it came to its end and what is wrong after it; empty: nothing.
func (q *sequence) step(t *testing.T, c command, variants []int) (ended bool, what string) {
	t.Helper()
	q.now, q.region, q.model = c, c.region, c.asks.model
	write(t, q.source, texts(variants))
	var hook effect.Hook
	if c.at > 0 {
		hook = dieAt(c.kind, c.at, c.side)
	}
	request, events := filepath.Join(q.dir, life.StopRequest), atomic.Int64{}
	q.event = func(event.Event) {
		if events.Add(1) == int64(c.stop) {
			write(t, request, "")
		}
	}
	_, _, err := q.run(t, hook)
	if c.stop > 0 {
		_ = os.Remove(request)
	}
	if err != nil && !q.expected(c, err) {
		return false, err.Error()
	}
	var rep audit.Report
	if err == nil {
		if rep = q.auditedAsChanged(t); !rep.Clean() { // a pass that is brought to its end knows nothing of later documents
			return true, fmt.Sprintf("audit found %+v, faults %q", rep.Found, rep.Faults)
		}
	}
	return err == nil, q.paidOnce(t, err == nil, &rep)
}

// expected reports whether a command may end with an error.
func (q *sequence) expected(c command, err error) bool {
	var fault *quarry.Error
	limit := errors.As(err, &fault) && fault.Kind == quarry.OverLimit
	return (c.refuse && errors.Is(err, errNoAnswer)) || (c.at > 0 && (errors.Is(err, errDied) || errors.Is(err, effect.ErrHook))) ||
		(c.stop > 0 && errors.Is(err, life.ErrStopRequested)) || (limit && (c.cap != nil || c.gate || q.faulty))
}

// paidOnce holds the bill against the journals. A call whose reply was lost may be there twice, if audit says so.
func (q *sequence) paidOnce(t *testing.T, ended bool, rep *audit.Report) string {
	t.Helper()
	good := q.good(t)
	bill := q.bill(t)
	for _, id := range slices.Sorted(maps.Keys(bill)) {
		n := bill[id]
		named := slices.ContainsFunc(rep.Found, func(f audit.Finding) bool { return f.List == "maybe_paid_twice" && string(f.RecordID) == id })
		if n > 1 && ended && !named {
			return fmt.Sprintf("record %s was answered %d times, and audit does not say so", id, n)
		}
		record := quarry.RecordID(id)
		if first, ok := good[record.Again(0)]; ok && n > 0 && record.Attempt() > first {
			return fmt.Sprintf("%s was answered although attempt %d had a good answer", id, first)
		}
	}
	return ""
}

// good gives the first attempt with a good answer of each record, by its id without the attempt.
func (q *sequence) good(t *testing.T) map[quarry.RecordID]int {
	t.Helper()
	good := map[quarry.RecordID]int{}
	for _, o := range q.outcomes(t) {
		if o.Class != quarry.ClassOK {
			continue
		}
		id := o.RecordID.Again(0)
		if n, ok := good[id]; !ok || o.RecordID.Attempt() < n {
			good[id] = o.RecordID.Attempt()
		}
	}
	return good
}
