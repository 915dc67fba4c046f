package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/run"
)

func (w *world) delivered(t *testing.T) (text string) {
	t.Helper()
	for _, name := range []string{"results.jsonl", "failed.jsonl", "report.json", "report.html"} {
		b, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text
}

// deathsEvery is the number of effects of a kind from one death to the next, without -full.
var deathsEvery = map[effect.Kind]int{effect.SQL: 1, effect.File: 5}

// everyDeath does something from the same directory again and again, and dies at the nth effect of it, until it does not die any more.
// After each death the audit finds nothing. It leaves what the last one made.
func (w *world) everyDeath(t *testing.T, kind effect.Kind, do func(hook effect.Hook) error) error {
	t.Helper()
	base := filepath.Join(t.TempDir(), "base")
	if err := os.CopyFS(base, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	step := deathsEvery[kind]
	if *full {
		step = 1
	}
	for n := 1; ; n += step {
		if err := errors.Join(os.RemoveAll(w.dir), os.CopyFS(w.dir, os.DirFS(base))); err != nil {
			t.Fatal(err)
		}
		err := do(dieAt(kind, n, effect.After))
		w.auditClean(t)
		if t.Failed() {
			t.Fatalf("%s effect %d", kind, n)
		}
		if !errors.Is(err, effect.ErrHook) {
			if n < 4 {
				t.Errorf("it died at %d effects of kind %s, want at least 3", n-1, kind)
			}
			return err
		}
	}
}

// TestDeliveredFilesAreOfOnePass has a finished pass and a second one that sent something. A part of that is collected, then it is given
// up for a pass that sends nothing. Each dies at effects of both kinds.
func TestDeliveredFilesAreOfOnePass(t *testing.T) {
	t.Parallel()
	for _, kind := range []effect.Kind{effect.SQL, effect.File} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			settings := "x"
			w := newWorld(t, worldConfig{docs: someDocs(3), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
				c.Settings, c.NoPilot = settings, true
			})})
			if _, _, err := w.run(t, nil); err != nil {
				t.Fatal(err)
			}
			first := w.delivered(t)
			settings = "y"
			write(t, w.source, someDocs(9))
			if _, _, err := w.run(t, dieAfterJob(1)); err == nil {
				t.Fatal("it did not die after its first job")
			}
			err := w.everyDeath(t, kind, func(hook effect.Hook) error {
				r, end, err := w.wire(t.Context(), t, effect.New(hook))
				if err != nil {
					return err
				}
				defer end()
				_, err = r.Collect(t.Context(), true)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if w.delivered(t) == first {
				t.Error("what the second pass was answered is not delivered")
			}
			settings = "z"
			write(t, w.source, someDocs(12)) // some have no answer yet, however many jobs the second pass made before it died
			w.deps = func(d *run.Deps) { d.Confirm = sayNo }
			err = w.everyDeath(t, kind, func(hook effect.Hook) error {
				_, _, err := w.run(t, hook)
				return err
			})
			if !errors.Is(err, errNoAnswer) {
				t.Fatalf("the third pass: %v, want the answer no", err)
			}
			if w.delivered(t) != first {
				t.Error("the delivered files are not those of the finished pass")
			}
		})
	}
}
