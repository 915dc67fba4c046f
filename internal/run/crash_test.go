package run_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/run"
)

var full = flag.Bool("full", false, "try every crash point, not a sample")

// sampleEvery is how many crash points lie between two that are tried without -full.
const sampleEvery = 61

var errDied = errors.New("died")

// dieAt gives a hook that dies on one side of the nth effect: that one and all that follow are lost.
func dieAt(n int64, when effect.When) effect.Hook {
	var mu sync.Mutex
	dead := false
	return func(p effect.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if p.N == n && p.When == when {
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

func TestResumeAfterCrashAtEveryEffect(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]worldConfig{
		"jobs":          {docs: someDocs(9)},
		"retries":       {docs: someDocs(9), fault: "record-error=0.4,bad-json=0.2,drop-record=0.2,seed=7", cfg: untilAnswered(nil)},
		"runtime calls": {docs: someDocs(9), fault: "record-error=0.3,seed=3", cfg: untilAnswered(func(c *run.Config) { c.Mode = quarry.ModeOnDemand })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reference := newWorld(t, cfg)
			if _, counts, err := reference.run(t, nil); err != nil {
				t.Fatal(err)
			} else {
				t.Logf("effects of a run that never dies: %v", counts)
				for _, kind := range []effect.Kind{effect.File, effect.SQL, effect.HTTP} {
					if counts[kind] == 0 {
						t.Errorf("no effect of kind %s is counted", kind)
					}
				}
			}
			_, want := reference.results(t)
			step := int64(sampleEvery)
			if *full {
				step = 1
			}
			tried := 0
			for n := int64(1); ; n += step {
				ended := true
				for _, when := range []effect.When{effect.Before, effect.After} {
					w := newWorld(t, cfg)
					if _, _, err := w.run(t, dieAt(n, when)); err != nil {
						ended = false
						if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
							t.Fatalf("%s effect %d: it died of something else: %v", when, n, err)
						}
						if _, _, err := w.run(t, nil); err != nil {
							t.Fatalf("%s effect %d: resume: %v", when, n, err)
						}
						tried++
					}
					w.check(t, want, n, when)
					if err := w.server.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if ended {
					break // ran to the end: every crash point was tried
				}
			}
			t.Logf("%d crash points", tried)
		})
	}
}

// askedAgain gives the records of runtime calls whose first call was never known to have been answered: the one case in
// which a record may be paid twice.
func (w *world) askedAgain(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.dir, "journal", "*.calls.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(z)
		for {
			var l struct {
				RecordID string `json:"recordId"`
				Intent   int    `json:"intent"`
			}
			if err := dec.Decode(&l); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			if l.Intent > 1 {
				out[l.RecordID] = true
			}
		}
		z.Close()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// check holds the invariants after a crash and a resume: every document once, every record paid once, and the same
// results as a run that never died.
func (w *world) check(t *testing.T, want string, n int64, when effect.When) {
	t.Helper()
	if _, got := w.results(t); got != want {
		t.Errorf("%s effect %d: results differ from a run that never died:\n%s\nwant\n%s", when, n, got, want)
	}
	unknown := w.askedAgain(t)
	for id, answered := range w.bill(t) {
		if answered > 1 && !unknown[id] {
			t.Errorf("%s effect %d: record %s was answered and billed %d times", when, n, id, answered)
		}
	}
}
