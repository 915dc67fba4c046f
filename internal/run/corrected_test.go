package run_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// pickyBackend answers what is asked, and refuses in words where the text says so.
func pickyBackend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"data":[{"id":"m"}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		text := `{\"title_en\":\"A title\",\"summary_ja\":\"石は丘から切り出されます。\",\"summary_en\":\"Stone is cut from a hill.\"}`
		if strings.Contains(string(body), "BADWORD") {
			text = "I cannot do that"
		}
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"`+text+`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":50,"completion_tokens":20}}`)
	}))
	t.Cleanup(s.Close)
	return "openai=" + s.URL
}

// TestCorrectedSourcesOpenTheGate stops a run at its gate because of its texts. The same command says so again and asks nothing, also where
// the file was touched; with corrected texts it asks them.
func TestCorrectedSourcesOpenTheGate(t *testing.T) {
	t.Parallel()
	bad := strings.ReplaceAll(someDocs(11), `"content":"`, `"content":"BADWORD `)
	w := newWorld(t, worldConfig{docs: bad, backend: pickyBackend(t), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
		c.Mode, c.Attempts, c.Pilot, c.PilotMinValid = quarry.ModeOnDemand, 1, 4, 0.8
	})})
	shut := func(when string) map[string]int64 {
		t.Helper()
		_, _, err := w.run(t, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Hint, "correct the sources") {
			t.Fatalf("%s: %v; want the gate shut, with its ways out", when, err)
		}
		return w.bill(t)
	}
	first := shut("bad texts")
	if len(first) == 0 || len(first) > 6 {
		t.Fatalf("the pilot asked %d records", len(first))
	}
	if again := shut("the same"); len(again) != len(first) {
		t.Errorf("the same command asked %d records more", len(again)-len(first))
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(w.source, later, later); err != nil {
		t.Fatal(err)
	}
	if again := shut("a touched file"); len(again) != len(first) {
		t.Errorf("the same command over a touched file asked %d records more", len(again)-len(first))
	}
	write(t, w.source, someDocs(11))
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatalf("corrected texts: %v", err)
	}
	if out.Totals.OK != 12 {
		t.Errorf("%d documents are ok, want 12", out.Totals.OK)
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("%s was answered %d times", id, n)
		}
	}
	w.auditClean(t)
}

// TestALowerGateEndsTheVerdict lets a run through a gate that is lower now: what is under way then is not given up for sources that change.
func TestALowerGateEndsTheVerdict(t *testing.T) {
	t.Parallel()
	gate := true
	docs := strings.ReplaceAll(someDocs(11), `"content":"`, `"content":"BADWORD `)
	w := newWorld(t, worldConfig{docs: docs, backend: pickyBackend(t), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
		c.Mode, c.Attempts, c.Pilot, c.NoGate = quarry.ModeOnDemand, 1, 4, !gate
	})})
	if _, _, err := w.run(t, nil); err == nil {
		t.Fatal("the gate let bad answers through")
	}
	gate = false
	var through atomic.Bool
	w.event = func(e event.Event) {
		if e.Kind == event.StepBegan && e.Step == "shards" {
			through.Store(true)
		}
	}
	_, _, err := w.run(t, func(effect.Point) error {
		if through.Load() {
			return errDied
		}
		return nil
	})
	if err == nil || !through.Load() {
		t.Fatalf("it did not die after its pilot: %v", err)
	}
	write(t, w.source, someDocs(11))
	w.event = func(e event.Event) {
		if strings.Contains(e.Text, "given up") {
			t.Errorf("%s", e.Text)
		}
	}
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	w.auditClean(t)
}
