package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/outcome/report"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// manyQuotas lets jobs be small, so that a pilot of thirty is one.
const manyQuotas = `{"*":{"min_records":3,"records_per_job":1000,"records_per_file":1000}}`

// unlikeDocs makes documents of two languages and many lengths.
func unlikeDocs(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 7))
	english := strings.Fields("the face of a hill gives stone which masons cut with 12 saws and carry (slowly) to valleys by rail, where the blocks wait: 340 a day")
	japanese := strings.Split("石は丘の斜面から切り出されます。|谷まではレールで運ばれます。|職人が10人で受け取ります。|そこで石工が磨きます。", "|")
	var b strings.Builder
	for i := range n {
		var text []string
		words := english
		if i%3 == 0 {
			words = japanese
		}
		for range 20 + r.IntN(400) {
			text = append(text, words[r.IntN(len(words))])
		}
		line, _ := json.Marshal(map[string]string{"id": fmt.Sprintf("d%05d", i), "title": fmt.Sprintf("T %d", i), "content": strings.Join(text, " ") + "."})
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func many(pilot int) func(*run.Config) {
	return func(c *run.Config) {
		c.Pilot = pilot
		c.Quotas = quarry.Quotas{MinRecords: 3, RecordsPerFile: 1000, RecordsPerJob: 1000, FileBytes: 1e9, JobBytes: 5e9, OpenJobs: 2}
	}
}

func TestThePilotForecastsTheWholeWithinThreePercent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: unlikeDocs(700, 1), quotas: manyQuotas, cfg: many(60)})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := out.Report.Forecast
	if f == nil || f.Before == nil || f.After == nil || f.OffAfter == nil {
		t.Fatalf("forecast = %+v, want one before and one after the pilot", f)
	}
	if off := *f.OffAfter.Input; math.Abs(off) > 3 {
		t.Errorf("after the pilot the input was forecast as %d of %d, off by %.2f %%", f.After.Input.Estimate, f.Fact.Input, off)
	}
	if f.After.Input.Low > f.Fact.Input || f.After.Input.High < f.Fact.Input {
		t.Errorf("the band %+v does not hold the input, %d", f.After.Input, f.Fact.Input)
	}
	if off := *f.OffAfter.Output; math.Abs(off) > 10 {
		t.Errorf("after the pilot the output was forecast as %d of %d, off by %.2f %%", f.After.Output.Estimate, f.Fact.Output, off)
	}
	if f.After.Samples != 60 || f.Before.Samples != 0 || f.Before.Records != 700 || f.After.Cost == nil || *f.OffAfter.Cost > 10 {
		t.Errorf("forecast = before %+v, after %+v", f.Before, f.After)
	}
	t.Logf("input %+.2f %%, output %+.2f %%, before: %+.0f %%, %+.0f %%", *f.OffAfter.Input, *f.OffAfter.Output, *f.OffBefore.Input, *f.OffBefore.Output)
	p := out.Report.Pilot
	if p == nil || p.Records != 60 || p.OK != 60 || p.Rest != 640 || len(p.Samples) != 5 {
		t.Fatalf("pilot = %+v, want 60 good ones and five to look at", p)
	}
	for _, s := range p.Samples {
		if s.ID == "" || s.Head == "" || len(s.Output) == 0 {
			t.Errorf("sample %+v lacks its source or its answer", s)
		}
	}
}

// grow adds documents to the world's source.
func (w *world) grow(t *testing.T, docs string) {
	t.Helper()
	b, err := os.ReadFile(w.source)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w.source, string(b)+docs)
}

func TestAnIncrementThatAsksTheSameHasNoPilot(t *testing.T) {
	t.Parallel()
	settings, asks := "a", "prompt 1"
	w := newWorld(t, worldConfig{docs: unlikeDocs(60, 2), quotas: manyQuotas, cfg: func(c *run.Config) {
		many(20)(c)
		c.Settings, c.Request = settings, asks
	}})
	next := 0
	pass := func(name string, wantPilot int64) run.Outcome {
		t.Helper()
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Planned.Pilot; got != wantPilot {
			t.Errorf("%s: a pilot of %d, want %d", name, got, wantPilot)
		}
		next++
		w.grow(t, strings.ReplaceAll(unlikeDocs(40, uint64(next)), `"id":"d`, fmt.Sprintf(`"id":"n%d-`, next)))
		return out
	}
	pass("first", 20)
	out := pass("the same again", 0)
	if f := out.Report.Forecast; f == nil || f.After != nil || f.Before.Samples == 0 || math.Abs(*f.OffBefore.Input) > 5 {
		t.Errorf("an increment is forecast as %+v, want it from the pilot of the pass before", f)
	}
	settings = "another way to clean"
	pass("the same prompt, model and schema", 0)
	settings, asks = "b", "prompt 2"
	pass("another prompt", 20)
	settings, asks = "a", "prompt 1"
	pass("back to the first prompt", 0)
}

var errNotYet = &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("question")}

func TestTheRestWaitsForAnAnswerAndThePilotIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: unlikeDocs(60, 3), quotas: manyQuotas, cfg: many(20)})
	var asked []string
	var seen *report.Pilot
	w.deps = func(d *run.Deps) {
		d.Confirm = func(_ context.Context, q string) error {
			if asked = append(asked, q); len(asked) == 2 {
				return errNotYet
			}
			return nil
		}
		d.Watch = func(e event.Event) {
			if e.Pilot != nil {
				seen = e.Pilot
			}
		}
	}
	_, _, err := w.run(t, nil)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "answers are kept") {
		t.Fatalf("Do = %v, want the question whether to go on", err)
	}
	if len(asked) != 2 || !strings.Contains(asked[0], "A pilot of 20") || !strings.Contains(asked[1], "Send the other 40 documents") || !strings.Contains(asked[1], "more (") {
		t.Errorf("asked %q", asked)
	}
	if seen == nil || len(seen.Samples) != 5 {
		t.Errorf("shown %+v, want five answers before the question", seen)
	}
	if got := len(w.bill(t)); got != 20 {
		t.Errorf("%d records were answered before the answer to the question, want the pilot's 20", got)
	}
	out, _, err := w.run(t, nil)
	if err != nil || out.Totals.OK != 60 {
		t.Fatalf("Do = %+v, %v", out.Totals, err)
	}
	if len(asked) != 3 || asked[2] != asked[1] {
		t.Errorf("asked %q when it went on, want the second question again and no other", asked[2:])
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered %d times", id, n)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "report.json")); err != nil {
		t.Error(err)
	}
}

func TestThePilotThatIsTheWholeRunAsksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: unlikeDocs(22, 4), quotas: manyQuotas, cfg: many(20)})
	asked := 0
	w.deps = func(d *run.Deps) { d.Confirm = func(context.Context, string) error { asked++; return nil } }
	out, _, err := w.run(t, nil)
	if err != nil || out.Planned.Pilot != 22 || out.Report.Pilot.Rest != 0 {
		t.Fatalf("Do = pilot of %d, %v, want it to be the whole run", out.Planned.Pilot, err)
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once: there is no rest", asked)
	}
}
