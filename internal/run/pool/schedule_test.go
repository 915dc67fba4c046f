package pool_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
	"quarry/internal/run/verdict"
)

var (
	west   = ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	east   = ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "east"}
	global = ledger.Pool{Region: "us-west-2", Model: "global.anthropic.claude-haiku-4-5-20251001-v1:0", Bucket: "west"}
	now    = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// world is a schedule and a ledger with rows.
type world struct {
	*pool.Schedule
	t      *testing.T
	ledger *ledger.Ledger
}

// newWorld gives places of two slots each, which have the rows.
func newWorld(t *testing.T, refs []ledger.Pool, change func([]pool.Place), rows ...ledger.Shard) *world {
	t.Helper()
	places := make([]pool.Place, len(refs))
	for i, ref := range refs {
		places[i] = pool.Place{Pool: ref, Quotas: quarry.Quotas{MinRecords: 100, RecordsPerJob: 1000, OpenJobs: 2}}
	}
	if change != nil {
		change(places)
	}
	l, err := ledger.Open(t.Context(), effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := l.AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	return &world{pool.NewSchedule(places), t, l}
}

// ask gives what the schedule says of a shard, by what the ledger has.
func (w *world) ask(s *ledger.Shard, what func([]ledger.Queue) verdict.Verdict) (v verdict.Verdict) {
	w.t.Helper()
	if err := w.ledger.Place(w.t.Context(), s, w.Pools(), func(q []ledger.Queue) (bool, error) { v = what(q); return false, nil }); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) place(s *ledger.Shard) verdict.Verdict {
	w.t.Helper()
	if w.Placed(s) {
		return verdict.Go{}
	}
	return w.ask(s, func(q []ledger.Queue) verdict.Verdict { return w.Place(s, q, now) })
}

func (w *world) slot(s *ledger.Shard) verdict.Verdict {
	w.t.Helper()
	return w.ask(s, func(q []ledger.Queue) verdict.Verdict { return w.Slot(s, q, now) })
}

// row is a shard of 500 records.
func row(id quarry.ShardID, state quarry.ShardState, at ledger.Pool) ledger.Shard {
	return ledger.Shard{ID: id, State: state, Mode: quarry.ModeJob, Detail: ledger.Detail{Records: 500, Pool: at}}
}

// open is a job that was submitted some time ago.
func open(id quarry.ShardID, at ledger.Pool, ago time.Duration) ledger.Shard {
	s := row(id, quarry.ShardSubmitted, at)
	s.Job.Submitted = now.Add(-ago)
	return s
}

// ended is a job that took so long.
func ended(at ledger.Pool, took time.Duration) ledger.Shard {
	s := row("ended in "+quarry.ShardID(at.Region), quarry.ShardDone, at)
	s.Job = ledger.Job{Submitted: now, Ended: now.Add(took)}
	return s
}

func TestAShardGoesToThePoolThatFinishesItFirst(t *testing.T) {
	t.Parallel()
	both := []ledger.Pool{west, east}
	for name, tt := range map[string]struct {
		pools  []ledger.Pool
		change func([]pool.Place)
		rows   []ledger.Shard
		want   ledger.Pool
	}{
		"nothing is known: the first": {pools: both, want: west},
		"the first is busier":         {pools: both, rows: []ledger.Shard{open("a", west, 0)}, want: east},
		"the first took longer":       {pools: both, rows: []ledger.Shard{ended(west, 20*time.Minute), ended(east, 10*time.Minute)}, want: east},
		"an open job of the first takes longer than any": {
			pools: both, rows: []ledger.Shard{open("a", west, time.Hour), ended(east, 30*time.Minute), open("b", east, 0)}, want: east,
		},
		"the first is full, and the other slower by less than the wait": {
			pools: both, rows: []ledger.Shard{ended(west, 10*time.Minute), ended(east, 12*time.Minute), open("a", west, 0), open("b", west, 0)}, want: east,
		},
		"the first is full, and the other slower than the wait": {
			pools: both, rows: []ledger.Shard{ended(west, 10*time.Minute), ended(east, 3*time.Hour), open("a", west, 0), open("b", west, 0)}, want: west,
		},
		"the first takes no shard so small": {pools: both, change: func(p []pool.Place) { p[0].Quotas.MinRecords = 501 }, want: east},
		"the first takes no shard so large": {pools: both, change: func(p []pool.Place) { p[0].Quotas.RecordsPerFile = 499 }, want: east},
		"none takes it: the first":          {pools: both, change: func(p []pool.Place) { p[0].Quotas.MinRecords, p[1].Quotas.MinRecords = 501, 501 }, want: west},
		"two profiles of one model share its slots": {
			pools: []ledger.Pool{west, global, east}, rows: []ledger.Shard{open("a", west, 0), open("b", global, 0), open("c", east, 0)}, want: east,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := row("x", quarry.ShardBuilt, ledger.Pool{})
			c := newWorld(t, tt.pools, tt.change, tt.rows...)
			if got := c.place(&s); got != (verdict.Move{To: tt.want}) {
				t.Fatalf("Place = %+v, want %+v", got, tt.want)
			}
			s.Pool = tt.want
			if got := c.place(&s); got != (verdict.Go{}) {
				t.Errorf("Place = %+v once the choice was saved, want Go", got)
			}
		})
	}
}

func TestARefusalTakesAPlaceForFull(t *testing.T) {
	t.Parallel()
	s := row("x", quarry.ShardIntended, west)
	c := newWorld(t, []ledger.Pool{west, east}, nil, s)
	refused := func(known bool) verdict.Verdict {
		return c.ask(&s, func(q []ledger.Queue) verdict.Verdict { return c.Refused(&s, known, q, now) })
	}
	until, ok := c.FullUntil(now)
	if err := c.ledger.Fill(t.Context(), west, until); err != nil || !ok {
		t.Fatalf("%t, %v", ok, err)
	}
	if got := refused(false); got != (verdict.Go{}) {
		t.Errorf("Refused = %+v, want Go: a reply may have been lost before", got)
	}
	other := row("y", quarry.ShardBuilt, ledger.Pool{})
	if got := c.place(&other); got != (verdict.Move{To: east}) {
		t.Errorf("Place = %+v, want the pool that refused nothing", got)
	}
	if got, ok := refused(true).(verdict.Move); !ok || got.To != east || got.Why != "us-west-2 accepts no job now" {
		t.Errorf("Refused = %+v, want a move to us-east-1", got)
	}
	if _, ok := newWorld(t, []ledger.Pool{west}, nil).FullUntil(now); ok {
		t.Error("a pool is taken for full where there is no other")
	}
}

func TestAJobTakesASlotOrWaitsOrMoves(t *testing.T) {
	t.Parallel()
	x := row("x", quarry.ShardUploaded, west)
	full := []ledger.Shard{open("a", west, 0), open("b", west, 0), x}
	slower := append([]ledger.Shard{ended(west, time.Minute), ended(east, 24*time.Hour)}, full...)
	one := func(p []pool.Place) { p[0].Quotas.OpenJobs, p[1].Quotas.OpenJobs = 1, 1 }
	unlimited := func(p []pool.Place) { p[0].Quotas.OpenJobs = 0 }
	for name, tt := range map[string]struct {
		pools  []ledger.Pool
		change func([]pool.Place)
		rows   []ledger.Shard
		want   verdict.Verdict
	}{
		"one of two slots is free":         {[]ledger.Pool{west}, nil, full[1:], verdict.Go{}},
		"none is":                          {[]ledger.Pool{west}, nil, full, verdict.Wait{Why: "2 jobs are open, the quota allows 2", For: time.Second}},
		"it does not make way for itself":  {[]ledger.Pool{west, east}, one, []ledger.Shard{open("a", west, 0), open("b", east, 0), x}, verdict.Wait{Why: "1 job is open, the quota allows 1 in us-west-2", For: time.Second}},
		"no quota is known":                {[]ledger.Pool{west}, unlimited, full, verdict.Go{}},
		"another pool finishes earlier":    {[]ledger.Pool{west, east}, nil, full, verdict.Move{To: east, Why: "2 jobs are open in us-west-2"}},
		"another pool would take longer":   {[]ledger.Pool{west, east}, nil, slower, verdict.Wait{Why: "2 jobs are open, the quota allows 2 in us-west-2", For: time.Second}},
		"its pool is not named any more":   {[]ledger.Pool{east}, nil, full, verdict.Go{}},
		"a row of a run that had one pool": {[]ledger.Pool{west}, nil, []ledger.Shard{open("a", ledger.Pool{}, 0), open("b", ledger.Pool{}, 0), x}, verdict.Wait{Why: "2 jobs are open, the quota allows 2", For: time.Second}},
	} {
		if got := newWorld(t, tt.pools, tt.change, tt.rows...).slot(&x); got != tt.want {
			t.Errorf("%s: Slot = %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestASlotIsTakenUntilTheJobEnds(t *testing.T) {
	t.Parallel()
	x, y := row("x", quarry.ShardUploaded, west), row("y", quarry.ShardUploaded, west)
	c := newWorld(t, []ledger.Pool{west}, func(p []pool.Place) { p[0].Quotas.OpenJobs = 1 }, x, y)
	for _, tt := range []struct {
		of   quarry.ShardState
		free bool
	}{{quarry.ShardUploaded, true}, {quarry.ShardIntended, false}, {quarry.ShardSubmitted, false}, {quarry.ShardEnded, true}} {
		x.State = tt.of
		if err := c.ledger.Save(t.Context(), &x); err != nil {
			t.Fatal(err)
		}
		if got := c.slot(&y); (got == verdict.Go{}) != tt.free {
			t.Errorf("the only slot while the other shard is %s: %+v, want it free: %t", tt.of, got, tt.free)
		}
	}
}

func TestWhatIsQueuedIsInTheLedger(t *testing.T) {
	t.Parallel()
	called := row("g", quarry.ShardCalling, west)
	called.Mode = quarry.ModeOnDemand
	c := newWorld(
		t, []ledger.Pool{west, east}, func(p []pool.Place) { p[0].Quotas.OpenJobs, p[1].Quotas.OpenJobs = 2, 1 },
		open("a", ledger.Pool{}, 0), row("b", quarry.ShardIntended, east), row("c", quarry.ShardUploaded, east), row("d", quarry.ShardBuilt, east),
		row("e", quarry.ShardBuilt, ledger.Pool{}), row("f", quarry.ShardPlanned, east), called, row("h", quarry.ShardDone, west),
	)
	for _, id := range []quarry.ShardID{"d", "e"} {
		s, err := c.ledger.Shard(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want := map[quarry.ShardID]verdict.Verdict{"d": verdict.Go{}, "e": verdict.Move{To: west}}[id]
		if got := c.place(&s); got != want {
			t.Errorf("shard %s: Place = %+v, want %+v", id, got, want)
		}
	}
	x := row("x", quarry.ShardUploaded, west)
	c.ask(&x, func(q []ledger.Queue) verdict.Verdict {
		q[0].Full, q[1].Full = time.Time{}, time.Time{}
		if want := []ledger.Queue{{Open: 1, Oldest: now.Local()}, {Open: 1, Queued: 2}}; !slices.Equal(q, want) {
			t.Errorf("the quotas have %+v, want %+v", q, want)
		}
		return nil
	})
	if got := c.slot(&x); got != (verdict.Go{}) {
		t.Errorf("Slot = %+v, want one of the two that one job leaves", got)
	}
}
