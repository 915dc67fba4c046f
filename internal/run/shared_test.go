package run_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/run"
	"quarry/internal/run/state"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres of Debian's package, and test runs whose ledger is in it")

var startPostgres = sync.OnceValues(pgcluster.New)

// shared is where the processes of a run meet: nothing of it is on the machine of one of them.
type shared struct {
	address string
	run     quarry.RunID
}

var sharedRuns atomic.Int64

func newShared(t *testing.T) *shared {
	t.Helper()
	if !*withPostgres {
		t.Skip("needs -postgres")
	}
	c, err := startPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return &shared{pgcluster.Address(c.Dir), quarry.RunID("shared" + strconv.FormatInt(sharedRuns.Add(1), 10))}
}

func (s *shared) config(e *effect.Effects, dir string, b *bucket.Bucket, l *ledger.Ledger) state.Config {
	return state.Config{Effects: e, Dir: dir, Run: s.run, Bucket: b, Ledger: l}
}

// openLedger opens the ledger of the world's run, as the one process that works on it.
func (w *world) openLedger(ctx context.Context, e *effect.Effects) (l *ledger.Ledger, end func() error, err error) {
	if w.shared == nil {
		l, err = ledger.Open(ctx, e, filepath.Join(w.dir, "ledger.db"))
		if err != nil {
			return nil, nil, err
		}
		return l, l.Close, nil
	}
	r, err := runner.Open(ctx, e, w.shared.address, w.shared.run)
	if err != nil {
		return nil, nil, err
	}
	return r.Ledger, r.Close, nil
}

// elsewhere makes the world's directory that of a machine which has never seen the run.
func (w *world) elsewhere(t *testing.T) {
	t.Helper()
	if w.kept != "" {
		w.dir = t.TempDir()
		if err := w.restore(t.Context(), t, effect.New(nil)); err != nil {
			t.Fatal(err)
		}
		return
	}
	l, end, err := w.openLedger(t.Context(), effect.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	w.dir = t.TempDir()
	cfg := w.shared.config(effect.New(nil), w.dir, w.bucketClient(t), l)
	err = state.Copy(t.Context(), &cfg, func(string) bool { return true })
	if err := errors.Join(err, end()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) bucketClient(t testing.TB) *bucket.Bucket {
	t.Helper()
	id, secret := w.server.Keys()
	aws, err := account.Load(t.Context(), account.Config{
		HTTP: w.client(), Region: w.region, Fixed: &account.FixedKeys{Endpoint: w.server.URL(), KeyID: id, Secret: secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bucket.New(aws, w.bucketIn(aws.Region))
}

// restore makes the world's directory, which is empty, from the bucket, if that has the run.
func (w *world) restore(ctx context.Context, t testing.TB, e *effect.Effects) error {
	t.Helper()
	_, err := state.Restore(ctx, state.Config{Effects: e, Dir: w.dir, Run: w.kept, Bucket: w.bucketClient(t)})
	if errors.Is(err, bucket.ErrNoBucket) {
		return nil
	}
	return err
}

// elsewhereSample says for each place of the ledger, true for Postgres, how many effects of a kind are from one at which a process dies to the next.
var elsewhereSample = map[bool]map[effect.Kind]int{
	true:  {effect.HTTP: 71, effect.SQL: 37, effect.File: 331},
	false: {effect.HTTP: 151, effect.SQL: 61, effect.File: 397},
}

// diesElsewhere lets a process die at an effect, with all that is on its machine, and another one continue the run on a machine that has nothing
// of it.
func diesElsewhere(t *testing.T, inPostgres bool) {
	for name, cfg := range map[string]worldConfig{
		"jobs":                    {docs: someDocs(9)},
		"retries":                 {docs: someDocs(9), fault: "record-error=0.4,bad-json=0.2,drop-record=0.2,seed=7", cfg: untilAnswered(nil)},
		"parts, then their merge": {docs: longDocs(7), quotas: partQuotas, fault: "record-error=0.3,bad-json=0.2,drop-record=0.1,seed=5", cfg: untilAnswered(inParts(t))},
		"on-demand calls":         {docs: someDocs(9), fault: "record-error=0.3,seed=3", cfg: untilAnswered(func(c *run.Config) { c.Mode = quarry.ModeOnDemand })},
	} {
		if !inPostgres && !*full && cfg.fault != "" && name != "on-demand calls" {
			continue // they take longest, and the same code
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newElsewhere := func() *world {
				w := newWorld(t, cfg)
				if inPostgres {
					w.shared = newShared(t)
				} else {
					w.kept = "kept000001"
				}
				return w
			}
			alone := newWorld(t, cfg) // a directory, and SQLite: what is left has to be the same
			if _, _, err := alone.run(t, nil); err != nil {
				t.Fatal(err)
			}
			want := alone.left(t)
			reference := newElsewhere()
			_, counts, err := reference.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			reference.elsewhere(t)
			reference.proven(t, want, "without a crash")
			t.Logf("effects of a run that never dies: %v", counts)
			tried := map[effect.Kind]int{}
			sides := []effect.When{effect.Before, effect.After}
			for kind, step := range elsewhereSample[inPostgres] {
				first := 1 + len(name)%7*5
				if *full {
					first, step = 1, 1
				}
				for n, i := first, 0; int64(n) <= counts[kind]; n, i = n+step, i+1 {
					when := sides[i%2]
					what := fmt.Sprintf("%s %s effect %d", when, kind, n)
					w := newElsewhere()
					if _, _, err := w.run(t, dieAt(kind, n, when)); err != nil {
						if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
							t.Fatalf("%s: it died of something else: %v", what, err)
						}
						if _, _, err := w.run(t, nil); err != nil {
							t.Fatalf("%s: another machine: %v", what, err)
						}
						tried[kind]++
					}
					w.elsewhere(t)
					w.proven(t, want, what)
					if err := w.server.Close(t.Context()); err != nil {
						t.Error(err)
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

func TestAnotherMachineContinuesAfterACrashAtAnyEffect(t *testing.T) {
	t.Parallel()
	diesElsewhere(t, true)
}

func TestAnotherDirectoryContinuesAfterACrashAtAnyEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	t.Parallel()
	diesElsewhere(t, false)
}
