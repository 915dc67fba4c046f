package run_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run"
)

// wires is a network within the process: no socket, so that the clock stops only while a goroutine works.
type wires struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newWires() *wires { return &wires{conns: make(chan net.Conn), done: make(chan struct{})} }

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error {
	w.once.Do(func() { close(w.done) })
	return nil
}

func (w *wires) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4566} }

func (w *wires) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case w.conns <- theirs:
		return ours, nil
	case <-w.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reach says from which state a shard can get to which, by the arrows of docs/design.md, in any number of steps.
var reach = func() map[quarry.ShardState]map[quarry.ShardState]bool {
	arrows := map[quarry.ShardState][]quarry.ShardState{
		"planned": {"built"}, "built": {"uploaded", "calling"}, "uploaded": {"intended", "built"}, "intended": {"submitted", "built"},
		"submitted": {"ended"}, "ended": {"collected", "built"}, "calling": {"collected"}, "collected": {"done"}, "done": {},
	}
	out := map[quarry.ShardState]map[quarry.ShardState]bool{}
	for from := range arrows {
		seen := map[quarry.ShardState]bool{from: true}
		for next := []quarry.ShardState{from}; len(next) > 0; next = next[1:] {
			for _, to := range arrows[next[0]] {
				if !seen[to] {
					seen[to] = true
					next = append(next, to)
				}
			}
		}
		out[from] = seen
	}
	return out
}()

// model is what is known of a run from outside: what each shard was when it was last seen.
type model struct {
	states   map[quarry.ShardID]quarry.ShardState
	attempts map[quarry.ShardID]int
}

// see looks at the ledger between two lives of the process, and holds it to the state machine.
func (m *model) see(rows []ledger.Shard) error {
	for i := range rows {
		s := &rows[i]
		if was, known := m.states[s.ID]; known && !reach[was][s.State] {
			return fmt.Errorf("shard %s went from %s to %s", s.ID, was, s.State)
		}
		if s.Attempt < m.attempts[s.ID] {
			return fmt.Errorf("shard %s went from job attempt %d to %d", s.ID, m.attempts[s.ID], s.Attempt)
		}
		m.states[s.ID], m.attempts[s.ID] = s.State, s.Attempt
		switch s.State {
		case quarry.ShardIntended:
			if s.Intent.JobName == "" || s.Intent.Token == "" || len(s.Intent.Body) == 0 {
				return fmt.Errorf("shard %s is intended, and its intent is not whole: %+v", s.ID, s.Intent)
			}
		case quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected, quarry.ShardDone:
			if s.Mode == quarry.ModeJob && s.Unasked == "" && s.Job.ARN == "" {
				return fmt.Errorf("shard %s is %s without a job", s.ID, s.State)
			}
		}
		if s.State == quarry.ShardDone && s.Records != s.Tally.OK+s.Tally.Invalid+s.Tally.Failed+s.Tally.Left {
			return fmt.Errorf("shard %s has %d records and tells of %+v", s.ID, s.Records, s.Tally)
		}
	}
	return nil
}

// TestDaysOfAnyRun draws runs whose jobs take hours, fail, expire, end in part or are lost on the way, in a process that
// dies again and again, and whose clock is the test's. Whatever happens, every document ends once, no record is answered
// twice but by an on-demand call whose reply was lost, of which audit knows, and each shard walks along the arrows.
func TestDaysOfAnyRun(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	longest := 90 // of a poll a minute
	if *full {
		longest = 420
	}
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.SampledFrom([]string{
			"", "lost-create", "late-job,double-page", "partial=0.5", "expire=0.4", "fail-job=0.4", "record-error=0.3,drop-record=0.2", "throttle=0.1", "lost-reply=0.1,server-error=0.1",
		}).Draw(rt, "faults")
		if faults != "" {
			faults += ","
		}
		faults += fmt.Sprintf("seed=%d", rapid.IntRange(0, 1000).Draw(rt, "seed"))
		cfg := worldConfig{
			docs: someDocs(rapid.IntRange(3, 14).Draw(rt, "documents")), fault: faults, delay: time.Duration(rapid.IntRange(1, longest).Draw(rt, "minutes in each state")) * time.Minute,
			cfg: func(c *run.Config) { c.Attempts, c.Poll = 30, 0 },
		}
		deaths := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) death {
			return death{
				rapid.SampledFrom([]effect.Kind{effect.HTTP, effect.SQL, effect.File}).Draw(rt, "kind"), rapid.IntRange(1, 120).Draw(rt, "n"),
				rapid.SampledFrom([]effect.When{effect.Before, effect.After}).Draw(rt, "when"),
			}
		}), 0, 4).Draw(rt, "deaths")
		var story string
		var fault error // reported outside of the bubble: rapid stops a test by a panic
		synctest.Test(t, func(t *testing.T) { story, fault = lives(t, cfg, deaths) })
		rt.Log(story)
		if fault != nil {
			rt.Fatal(fault)
		}
	})
}

// death is where one life of the process ends.
type death struct {
	kind effect.Kind
	n    int
	when effect.When
}

// lives brings a run to its end in as many lives as that takes, and holds it to the model.
func lives(t *testing.T, cfg worldConfig, deaths []death) (story string, err error) {
	began := time.Now()
	w := newWiredWorld(t, cfg)
	m := &model{states: map[quarry.ShardID]quarry.ShardState{}, attempts: map[quarry.ShardID]int{}}
	for life := 0; ; life++ {
		var hook effect.Hook
		if life < len(deaths) {
			hook = dieAt(deaths[life].kind, deaths[life].n, deaths[life].when)
		}
		_, _, err := w.run(t, hook)
		if seen := m.see(w.rows(t)); seen != nil {
			return "", fmt.Errorf("after life %d: %w", life+1, seen)
		}
		if err == nil {
			story = fmt.Sprintf("ended after %v and %d deaths", time.Since(began).Round(time.Minute), life)
			break
		}
		if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
			return "", fmt.Errorf("life %d: %w", life+1, err)
		}
		time.Sleep(time.Duration(life) * time.Hour) // it is started again only later
	}
	rep := w.audited(t)
	if !rep.Clean() {
		return story, fmt.Errorf("audit found %+v, faults %v", rep.Found, rep.Faults)
	}
	unknown := map[string]bool{} // on-demand calls whose reply never came, and which were made again
	for _, f := range rep.Found {
		if f.List == "maybe_paid_twice" {
			unknown[string(f.RecordID)] = true
		}
	}
	for id, n := range w.bill(t) {
		if n > 2 || n > 1 && !unknown[id] {
			return story, fmt.Errorf("record %s was answered %d times, and audit found %+v", id, n, rep.Found)
		}
	}
	results, _ := w.results(t)
	if len(results) == 0 {
		return story, errors.New("no results")
	}
	for id, r := range results {
		if r.Status != quarry.StatusOK && r.Status != quarry.StatusSkipped {
			return story, fmt.Errorf("document %s ended %s: %+v", id, r.Status, r.Error)
		}
	}
	for id, state := range m.states {
		if state != quarry.ShardDone {
			return story, fmt.Errorf("shard %s is left %s", id, state)
		}
	}
	return story, nil
}

// rows reads the ledger as a command that only reads would.
func (w *world) rows(t *testing.T) []ledger.Shard {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		return nil // it died before there was one
	}
	defer func() { _ = book.Close() }()
	rows, err := book.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// newWiredWorld is a world without sockets.
func newWiredWorld(t *testing.T, cfg worldConfig) *world {
	t.Helper()
	cfg.wires = newWires()
	return newWorld(t, cfg)
}

// client asks the world's server outside of any run.
func (w *world) client() *http.Client {
	if w.wires == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{DialContext: w.wires.dial, DisableKeepAlives: true}}
}

// patience is how long one life of the process may take.
func (w *world) patience() time.Duration {
	if w.wires != nil {
		return 60 * 24 * time.Hour // of a clock that costs nothing
	}
	return 2 * time.Minute
}
