package run_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/life"
)

// hold changes the quotas that the stand-in enforces.
func (w *world) hold(t *testing.T, quotas string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL()+"/_quarry/quotas", strings.NewReader(quotas))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("change quotas: %s, %v", resp.Status, err)
	}
}

// checkAllAnsweredOnce checks that refusals cost neither an attempt nor money.
func (w *world) checkAllAnsweredOnce(t *testing.T, out *run.Outcome) {
	t.Helper()
	if d := out.Report.Documents; d.Failed+d.Invalid > 0 || d.OK == 0 {
		t.Errorf("documents: %+v, want all answered", d)
	}
	results, _ := w.results(t)
	for id, r := range results {
		if r.Status == quarry.StatusOK && r.Attempts > 1 {
			t.Errorf("document %s took %d attempts; a refusal is none", id, r.Attempts)
		}
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered and billed %d times", id, n)
		}
	}
}

func TestRefusedCallsCostNoAttempt(t *testing.T) {
	t.Parallel()
	const gptOSS = "openai.gpt-oss-20b-1:0" // which has a flex tier
	flex, err := prompt.New(prompt.Config{Model: gptOSS})
	if err != nil {
		t.Fatal(err)
	}
	for fault, set := range map[string]func(*run.Config){
		"throttle=0.15,seed=5": func(c *run.Config) { c.Mode = quarry.ModeOnDemand },
		"no-capacity=0.3,seed=5": func(c *run.Config) {
			c.Mode, c.Model, c.Prompt, c.Type, c.Family = quarry.ModeFlex, gptOSS, flex, flex.Invocation(), catalog.OpenAIChat
			c.Local = false // AWS has room again some time; a stand-in without its back end has failed
		},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(9), fault: fault, cfg: func(c *run.Config) {
				set(c)
				c.Attempts = 1
			}})
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			w.checkAllAnsweredOnce(t, &out)
		})
	}
}

// While every call is refused the run waits and gives nothing up; asked to stop, it does so at once; and when there is
// room again the same command ends it.
func TestARunThatIsThrottledWaitsStopsAndResumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) { c.Mode, c.NoPilot, c.Attempts, c.Concurrency = quarry.ModeOnDemand, true, 1, 4 }})
	w.hold(t, `{"*":{"tpm":1}}`)
	var calls atomic.Int64
	var asked atomic.Int64 // when the stop was asked for
	_, _, err := w.run(t, func(p effect.Point) error {
		if p.When == effect.After && strings.HasSuffix(p.What, "/invoke") && calls.Add(1) == 5 {
			asked.Store(time.Now().UnixNano())
			write(t, filepath.Join(w.dir, life.StopRequest), "")
		}
		return nil
	})
	if !errors.Is(err, life.ErrStopRequested) {
		t.Fatalf("got %v, want %v", err, life.ErrStopRequested)
	}
	if took := time.Since(time.Unix(0, asked.Load())); took > 5*time.Second {
		t.Errorf("it took %s to stop while calls wait", took)
	}
	if bill := w.bill(t); len(bill) > 0 {
		t.Errorf("answered: %v, want nothing", bill)
	}
	w.hold(t, `{"*":{"min_records":3}}`)
	if err := effect.New(nil).Remove(filepath.Join(w.dir, life.StopRequest)); err != nil {
		t.Fatal(err)
	}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.checkAllAnsweredOnce(t, &out)
	if again := w.audited(t).MaybePaidTwice; len(again) > 4 {
		t.Errorf("%d calls are taken for maybe paid, want at most the 4 that were under way: %v", len(again), again)
	}
}
