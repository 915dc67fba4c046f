package run_test

import (
	"encoding/json"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// withSchema sends the answers' schema along until the pilot has decided.
func withSchema(t *testing.T, cfg func(*run.Config), p prompt.Config) func(*run.Config) {
	t.Helper()
	p.Structured = true
	r, err := prompt.New(p)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Structured() {
		t.Fatal("the body has no place for a schema")
	}
	return func(c *run.Config) {
		cfg(c)
		c.Prompt, c.StructuredAuto, c.Model, c.Type = r, true, p.Model, r.Invocation()
		if p.Model == "" {
			c.Model = quarry.DefaultModel
		}
	}
}

func TestStructuredOutputThatIsRefusedCostsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prompt prompt.Config
		mode   quarry.Mode
	}{
		"a job of InvokeModel bodies": {prompt.Config{}, quarry.ModeJob},
		"a job of Converse bodies":    {prompt.Config{Type: quarry.Converse}, quarry.ModeJob},
		"a job of chat bodies":        {prompt.Config{Model: "openai.gpt-oss-20b-1:0", Type: quarry.InvokeModel}, quarry.ModeJob},
		"on-demand calls":             {prompt.Config{}, quarry.ModeOnDemand},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := withSchema(t, many(10), tt.prompt)
			w := newWorld(t, worldConfig{docs: unlikeDocs(40, 5), quotas: manyQuotas, fault: "no-structured", cfg: func(c *run.Config) {
				cfg(c)
				c.Attempts, c.Mode = 1, tt.mode
			}})
			var notes []string
			w.deps = func(d *run.Deps) {
				d.Watch = func(e event.Event) {
					if e.Kind == event.Note {
						notes = append(notes, e.Text)
					}
				}
			}
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != 40 {
				t.Errorf("%d documents are ok, want all 40 although one attempt is all that is allowed", out.Totals.OK)
			}
			p := out.Report.Pilot
			if p.Classes[quarry.ClassUnstructured] != 10 || p.OK != 10 || p.Judged != 10 || p.Records != 10 {
				t.Errorf("pilot = %+v, want 10 refused and then answered", p)
			}
			if s := out.Report.Structured; s.Setting != "auto" || s.Sent || !strings.Contains(s.Why, "refused") {
				t.Errorf("the report says %+v", s)
			}
			if len(notes) == 0 || !strings.Contains(notes[0], "refuses structured output") {
				t.Errorf("told %q", notes)
			}
			second := 0
			for id, n := range w.bill(t) {
				if n > 1 {
					t.Errorf("record %s was answered %d times", id, n)
				}
				if n == 1 && strings.HasSuffix(id, "-a2") {
					second++
				}
			}
			if second != 10 {
				t.Errorf("%d second attempts were answered, want the pilot's 10: the rest goes without a schema at once", second)
			}
			// What was found holds for the next pass, which has no pilot.
			w.grow(t, strings.ReplaceAll(unlikeDocs(10, 6), `"id":"d`, `"id":"n`))
			again, _, err := w.run(t, nil)
			if err != nil || again.Planned.Asked != 10 || again.Totals.OK != 50 || again.Report.Structured.Sent {
				t.Fatalf("increment: asked %d, ok %d, %+v, %v", again.Planned.Asked, again.Totals.OK, again.Report.Structured, err)
			}
		})
	}
}

func TestStructuredOutputThatIsTakenIsSentToAll(t *testing.T) {
	t.Parallel()
	cfg := withSchema(t, many(10), prompt.Config{})
	w := newWorld(t, worldConfig{docs: unlikeDocs(40, 5), quotas: manyQuotas, cfg: cfg})
	out, _, err := w.run(t, nil)
	if err != nil || out.Totals.OK != 40 || !out.Report.Structured.Sent || out.Report.Pilot.Classes[quarry.ClassUnstructured] != 0 {
		t.Fatalf("ok %d, %+v, %v", out.Totals.OK, out.Report.Structured, err)
	}
	// Sent or not, the documents are the same to the next pass.
	plain, err := prompt.New(prompt.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = func(c *run.Config) { many(10)(c); c.Prompt = plain }
	w.grow(t, strings.ReplaceAll(unlikeDocs(5, 6), `"id":"d`, `"id":"n`))
	out, _, err = w.run(t, nil)
	if err != nil || out.Planned.Unchanged != 40 || out.Planned.Asked != 5 {
		t.Errorf("without a schema %d are unchanged and %d asked, want 40 and 5: %v", out.Planned.Unchanged, out.Planned.Asked, err)
	}
}

func TestWithoutAPilotNothingIsTriedOnAll(t *testing.T) {
	t.Parallel()
	cfg := withSchema(t, many(10), prompt.Config{})
	w := newWorld(t, worldConfig{docs: unlikeDocs(20, 5), quotas: manyQuotas, fault: "no-structured", cfg: func(c *run.Config) { cfg(c); c.NoPilot = true }})
	out, _, err := w.run(t, nil)
	if err != nil || out.Totals.OK != 20 || out.Report.Structured.Sent {
		t.Fatalf("ok %d, %+v, %v", out.Totals.OK, out.Report.Structured, err)
	}
	b, err := json.Marshal(out.Report.Jobs)
	if err != nil || strings.Contains(string(b), string(quarry.ClassUnstructured)) {
		t.Errorf("jobs %s, %v: want none refused", b, err)
	}
}
