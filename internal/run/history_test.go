package run_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/cut"
	"quarry/internal/run/history"
)

// pastOf reads the passes of a world's run, and the rows that they are sums of.
func (w *world) pastOf(t *testing.T) (report.History, []ledger.Shard) {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	h, err := history.Now(t.Context(), book, cost.Default())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h, rows
}

// sameJSON compares what programs see of two values.
func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	var read [2]any
	for i, v := range []any{a, b} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &read[i]); err != nil {
			t.Fatal(err)
		}
		delete(read[i].(map[string]any), "time_s") // a whole run's grows while its report is written
	}
	return reflect.DeepEqual(read[0], read[1])
}

// TestTheHistoryIsWhatTheReportSays lives five commands: three that send something at a price, and two that find nothing new.
func TestTheHistoryIsWhatTheReportSays(t *testing.T) {
	t.Parallel()
	system := "x"
	w := newWorld(t, worldConfig{docs: someDocs(7), fault: "bad-json=0.2,seed=4", cfg: func(c *run.Config) {
		c.Local, c.Settings, c.BelowMinimum, c.NoGate = false, system, cut.OnDemand, true
		c.Choices = map[string]string{"prompt.system": system}
		var err error
		if c.Prompt, err = prompt.New(prompt.Config{System: system}); err != nil {
			t.Error(err)
		}
	}})
	var last run.Outcome
	before := ""
	for i, c := range []struct {
		docs, system string
		nothing      bool
		passes       int
	}{
		{someDocs(7), "x", false, 1},
		{someDocs(7), "x", true, 1},
		{someDocs(10), "x", false, 2},
		{someDocs(10), "y", false, 3},
		{someDocs(10), "y", true, 3},
	} {
		if c.docs != before { // a file that is written again may have changed
			write(t, w.source, c.docs)
		}
		before, system = c.docs, c.system
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		h, rows := w.pastOf(t)
		rep := &out.Report
		if rep.NothingNew != c.nothing || rep.WholeRun.Passes != c.passes || len(h.Passes) != c.passes || rep.LastPass.Number != c.passes {
			t.Errorf("command %d: nothing new %v, %d passes, the last is %d; want %v, %d",
				i, rep.NothingNew, len(h.Passes), rep.LastPass.Number, c.nothing, c.passes)
		}
		if !sameJSON(t, rep.LastPass, h.Last()) || !sameJSON(t, rep.WholeRun, &h.Whole) {
			t.Errorf("command %d: the report says %+v and %+v, the history %+v and %+v", i, rep.LastPass, rep.WholeRun, h.Last(), h.Whole)
		}
		if rep.LastPass.Tokens != rep.Tokens || *rep.LastPass.Cost.Actual != *rep.Cost.Actual {
			t.Errorf("command %d: the last pass took %+v for %v, the report says %+v for %v", i,
				rep.LastPass.Tokens, rep.LastPass.Cost.Actual, rep.Tokens, rep.Cost.Actual)
		}
		if c.nothing && !sameJSON(t, rep.LastPass, last.Report.LastPass) {
			t.Errorf("command %d found nothing new and changed what the last pass took: %+v, was %+v", i, rep.LastPass, last.Report.LastPass)
		}
		var usage quarry.Usage
		for i := range rows {
			usage.Add(rows[i].Tally.Usage)
		}
		whole := report.TokensOf(usage)
		if h.Whole.Tokens.Input != whole.Input || h.Whole.Tokens.Output != whole.Output || whole.Input == 0 {
			t.Errorf("command %d: the whole run took %+v, its rows %+v", i, h.Whole.Tokens, whole)
		}
		last = out
	}
	h, _ := w.pastOf(t)
	if p := h.Passes[2]; len(p.Settings) != 1 || p.Settings[0] != "prompt.system: x → y" {
		t.Errorf("pass 3 changed %q, want the prompt", p.Settings)
	}
	if p := h.Passes[1]; *p.New != 3 || *p.Changed != 0 || *p.Gone != 0 || *p.Documents < 3 {
		t.Errorf("pass 2 = %+v, want 3 new documents", p)
	}
}
