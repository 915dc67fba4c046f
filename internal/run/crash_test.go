package run_test

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run"
)

var full = flag.Bool("full", false, "try every crash point, not a sample")

// sampleEvery is the number of effects of a kind from one at which a run dies to the next, without -full.
var sampleEvery = map[effect.Kind]int{effect.HTTP: 47, effect.SQL: 83, effect.File: 263}

var errDied = errors.New("died")

// dieAt gives a hook that dies on one side of the nth effect of a kind: that one and all that follow are lost.
func dieAt(kind effect.Kind, n int, when effect.When) effect.Hook {
	var mu sync.Mutex
	dead, at := false, int64(0)
	return func(p effect.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if p.Kind == kind && p.When == effect.Before {
			if n--; n == 0 {
				at = p.N
			}
		}
		if p.N == at && p.When == when {
			dead = true
		}
		if dead {
			return errDied
		}
		return nil
	}
}

// untilAnswered lets no document end failed: the run after that would ask it again, and rightly so.
func untilAnswered(more func(*run.Config)) func(*run.Config) {
	return func(c *run.Config) {
		c.Attempts = 30
		if more != nil {
			more(c)
		}
	}
}

// givenAnswers lets a run begin with answers to two documents, one of which is the same as another, and to none.
func givenAnswers(t *testing.T) func(*run.Config) {
	path := filepath.Join(t.TempDir(), "known.csv")
	write(t, path, "id,output\ndoc-001,\"{\"\"title_en\"\":\"\"given\"\"}\"\ndoc-004,given\ndoc-999,given\n")
	return func(c *run.Config) { c.Known = path }
}

func TestResumeAfterCrashAtEveryEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	t.Parallel()
	for name, cfg := range map[string]worldConfig{
		// A control plane that agrees with itself a moment later: replies of Create are lost, a new job is not found, a list has
		// its pages twice.
		"jobs that are late":      {docs: someDocs(9), fault: "lost-create,late-job,double-page"},
		"jobs":                    {docs: someDocs(9)},
		"retries":                 {docs: someDocs(9), fault: "record-error=0.4,bad-json=0.2,drop-record=0.2,seed=7", cfg: untilAnswered(nil)},
		"parts, then their merge": {docs: longDocs(7), quotas: partQuotas, fault: "record-error=0.3,bad-json=0.2,drop-record=0.1,seed=5", cfg: untilAnswered(inParts(t))},
		"long documents":          {docs: longDocs(7), quotas: partQuotas, cfg: inParts(t)},
		"given answers":           {docs: someDocs(9), cfg: givenAnswers(t)},
		"on-demand calls":         {docs: someDocs(9), fault: "record-error=0.3,seed=3", cfg: untilAnswered(func(c *run.Config) { c.Mode = quarry.ModeOnDemand })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reference := newWorld(t, cfg)
			_, counts, err := reference.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := reference.left(t)
			t.Logf("effects of a run that never dies: %v", counts)
			tried := map[effect.Kind]int{}
			sides := []effect.When{effect.Before, effect.After}
			for kind, step := range sampleEvery {
				if counts[kind] == 0 {
					t.Errorf("no effect of kind %s is counted", kind)
				}
				first := 1 + len(name)%7*3 // each kind of run dies at other points
				if *full {
					first, step = 1, 1
				}
				for n, i := first, 0; *full || int64(n) <= counts[kind]; n, i = n+step, i+1 {
					ended, tries := true, sides
					if !*full { // one side of each sampled point, in turn
						tries = sides[i%2 : i%2+1]
					}
					for _, when := range tries {
						w := newWorld(t, cfg)
						if _, _, err := w.run(t, dieAt(kind, n, when)); err != nil {
							ended = false
							if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
								t.Fatalf("%s %s effect %d: it died of something else: %v", when, kind, n, err)
							}
							if _, _, err := w.run(t, nil); err != nil {
								t.Fatalf("%s %s effect %d: resume: %v", when, kind, n, err)
							}
							tried[kind]++
						}
						w.proven(t, want, fmt.Sprintf("%s %s effect %d", when, kind, n))
						if err := w.server.Close(t.Context()); err != nil {
							t.Error(err)
						}
					}
					if ended {
						break // ran to the end: every crash point of this kind was tried
					}
				}
				if tried[kind] == 0 {
					t.Errorf("it never died at an effect of kind %s", kind)
				}
			}
			t.Logf("crash points tried: %v", tried)
		})
	}
}
