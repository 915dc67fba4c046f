package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/outcome/audit"
	"quarry/internal/run"
)

// auditedAsCommand is audited as the command does it: whether the sources changed since is found out, not given.
func (w *world) auditedAsCommand(t *testing.T, settings string) audit.Report {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, head, err := compose.Audit(t.Context(), w.dir, book)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Changed = compose.SourcesChanged(&head, cfg.Plan.Pass, settings, []string{w.source})
	cfg.Sources = func(yield func(quarry.DocumentID, error) bool) {
		for _, id := range w.ids(t) {
			if !yield(id, nil) {
				return
			}
		}
	}
	rep, err := audit.Run(t.Context(), cfg)
	if err := errors.Join(err, book.Close()); err != nil {
		t.Fatal(err)
	}
	return rep
}

func refuse(context.Context) error { return errNoAnswer }

func sayNo(context.Context, string) error { return errNoAnswer }

func withSettings(settings string, pilotMinValid float64) func(*run.Config) {
	return func(c *run.Config) { c.Settings, c.PilotMinValid = settings, pilotMinValid }
}

// TestDeathWhileAnIncrementIsPlanned dies on both sides of the effects before the plan of a second pass is in the ledger. The run is
// not resumed: what is there is the pass before, and the sources are known to have changed.
func TestDeathWhileAnIncrementIsPlanned(t *testing.T) {
	t.Parallel()
	old := strings.Join(numbered(upTo(9)...), "\n") + "\n"
	grown := old + strings.Join(numbered(9, 10), "\n") + "\n"
	for name, begin := range map[string]func(*testing.T, *world) (settings string){
		"after a finished pass": func(*testing.T, *world) string { return "x" },
		"with other settings":   func(*testing.T, *world) string { return "y" },
		// It is dropped by the next command, whose sources are others.
		"after a pass that sent nothing": func(t *testing.T, w *world) string {
			write(t, w.source, grown+numbered(11)[0]+"\n")
			w.deps = func(d *run.Deps) { d.Preflight = refuse }
			if _, _, err := w.run(t, nil); !errors.Is(err, errNoAnswer) {
				t.Fatalf("the pass that sends nothing: %v", err)
			}
			return "x"
		},
		// Its sources are the same as those of the next one, and its settings are not.
		"after a pass that was given up": func(t *testing.T, w *world) string {
			write(t, w.source, grown)
			w.cfg = withSettings("y", 1.5)
			if _, _, err := w.run(t, nil); err == nil {
				t.Fatal("the gate let the pass through")
			}
			return "x"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: old})
			if _, _, err := w.run(t, nil); err != nil {
				t.Fatal(err)
			}
			settings := begin(t, w)
			w.cfg = withSettings(settings, 0)
			w.deps = func(d *run.Deps) { d.Confirm = sayNo } // nothing is sent, so what is outside of the directory stays as it is
			write(t, w.source, grown)
			base := w.dir + ".base"
			if err := os.CopyFS(base, os.DirFS(w.dir)); err != nil {
				t.Fatal(err)
			}
			for kind, step := range map[effect.Kind]int{effect.SQL: 5, effect.File: 31} {
				if *full {
					step = 1
				}
				died := 0
				for n := 1; ; n += step {
					when := []effect.When{effect.Before, effect.After}[n/step%2]
					if err := errors.Join(os.RemoveAll(w.dir), os.CopyFS(w.dir, os.DirFS(base))); err != nil {
						t.Fatal(err)
					}
					if _, _, err := w.run(t, dieAt(kind, n, when)); err == nil || errors.Is(err, errNoAnswer) {
						break
					} else if !errors.Is(err, effect.ErrHook) {
						t.Fatalf("%s %s effect %d: it died of something else: %v", when, kind, n, err)
					}
					died++
					if rep := w.auditedAsCommand(t, settings); !rep.Clean() {
						t.Errorf("%s %s effect %d: audit finds missing %v, faults %v", when, kind, n, rep.Missing, rep.Faults)
					}
				}
				if died == 0 {
					t.Errorf("it never died at an effect of kind %s", kind)
				}
				t.Logf("it died at %d effects of kind %s", died, kind)
			}
		})
	}
}
