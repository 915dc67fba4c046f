package run_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/run"
)

// doc is one line of a source.
func doc(id, text string) string {
	return fmt.Sprintf(`{"id":%q,"title":"Article","content":%q}`+"\n", id, text)
}

func longText(n int) string {
	return fmt.Sprintf("Number %d tells how a quarry works. Stone is cut from the face of a hill. Blocks number %d go down to the valley by rail, and masons take them there.", n, n)
}

// ended runs the world to its end and holds that every document of want has the status it should have.
func (w *world) ended(t *testing.T, want map[string]quarry.Status) run.Outcome {
	t.Helper()
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, _ := w.results(t)
	for id, status := range want {
		if got, ok := results[id]; !ok || got.Status != status {
			t.Errorf("document %s ended %q (there: %v), want %q", id, got.Status, ok, status)
		}
	}
	if len(results) != len(want) {
		t.Errorf("%d results, want %d", len(results), len(want))
	}
	return out
}

func TestRepeatedIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs string
		want map[string]quarry.Status
	}{
		"the later of two documents with one id is empty": {
			doc("a", longText(1)) + doc("a", "<p> </p>") + doc("b", longText(2)) + doc("c", longText(3)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok"},
		},
		"a document asks what one asks that was left out for its id": {
			doc("a", longText(1)) + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok"},
		},
		"and two more ask the same": {
			doc("a", longText(1)) + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)) + doc("d", longText(2)) + doc("e", longText(2)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok", "d": "ok", "e": "ok"},
		},
		"an id comes again with the same text": {
			doc("a", longText(1)) + doc("a", longText(1)) + doc("b", longText(1)) + doc("c", longText(3)) + doc("d", longText(4)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok", "d": "ok"},
		},
		"an empty document comes first and its id again": {
			doc("a", "<p> </p>") + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)) + doc("d", longText(4)),
			map[string]quarry.Status{"a": "skipped", "b": "ok", "c": "ok", "d": "ok"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: c.docs})
			w.ended(t, c.want)
		})
	}
}

func TestPilotAmongManyTwins(t *testing.T) {
	t.Parallel()
	var docs strings.Builder
	for i := range 200 {
		docs.WriteString(doc(fmt.Sprintf("twin-%d", i), longText(0)))
	}
	for i := range 9 {
		docs.WriteString(doc(fmt.Sprintf("own-%d", i), longText(i+1)))
	}
	w := newWorld(t, worldConfig{docs: docs.String()})
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.Planned.Pilot < 3 {
		t.Errorf("the pilot has %d documents, a job needs 3", out.Planned.Pilot)
	}
}

func TestPilotWhoseJobAnsweredNothingIsAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9)})
	w.cfg = func(c *run.Config) { c.Tags = map[string]string{"quarry-fault": "expire=1"} }
	if _, _, err := w.run(t, dieAtNth(t, "rename "+filepath.Join(w.dir, "journal", "p00001.jsonl.zst"), 1)); err == nil {
		t.Fatal("it did not die")
	}
	w.cfg = nil
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatalf("second: %v", err)
	}
	if out.Totals.OK != 10 {
		t.Errorf("%d ok, want 10: %+v", out.Totals.OK, out.Totals)
	}
}

// dieAtNth gives a hook that dies before the nth effect of that name.
func dieAtNth(t *testing.T, what string, n int) effect.Hook {
	t.Helper()
	var mu sync.Mutex
	dead := false
	return func(p effect.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if p.When == effect.Before && p.What == what {
			n--
		}
		if dead = dead || n == 0; dead {
			return errDied
		}
		return nil
	}
}

func TestTooFewForAJob(t *testing.T) {
	t.Parallel()
	few := doc("a", longText(1)) + doc("b", longText(2))
	t.Run("rescue asks them on demand", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: few, cfg: func(c *run.Config) { c.Local, c.Rescue = false, true }})
		w.ended(t, map[string]quarry.Status{"a": "ok", "b": "ok"})
	})
	t.Run("the hint can be followed in the same directory", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: few, cfg: func(c *run.Config) { c.Local = false }})
		_, _, err := w.run(t, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Hint, "--mode ondemand") {
			t.Fatalf("got %v, want a limit and the way on demand", err)
		}
		w.cfg = func(c *run.Config) { c.Local, c.Mode, c.Settings = false, quarry.ModeOnDemand, "y" }
		w.ended(t, map[string]quarry.Status{"a": "ok", "b": "ok"})
	})
}
