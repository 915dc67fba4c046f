package pool_test

import (
	"strings"
	"testing"
	"time"

	"quarry"
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

// schedule gives places of two slots each, which have the rows.
func schedule(refs []ledger.Pool, change func([]pool.Place), rows ...ledger.Shard) *pool.Schedule {
	places := make([]pool.Place, len(refs))
	for i, ref := range refs {
		places[i] = pool.Place{Pool: ref, Quotas: quarry.Quotas{MinRecords: 100, RecordsPerJob: 1000, OpenJobs: 2}}
	}
	if change != nil {
		change(places)
	}
	c := pool.NewSchedule(places)
	c.Load(rows)
	return c
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
	s := row("earlier", quarry.ShardDone, at)
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
			c := schedule(tt.pools, tt.change, tt.rows...)
			if got := c.Place(&s, now); got != (verdict.Move{To: tt.want}) {
				t.Fatalf("Place = %+v, want %+v", got, tt.want)
			}
			s.Pool = tt.want
			if got := c.Place(&s, now); got != (verdict.Go{}) {
				t.Errorf("Place = %+v once the choice was saved, want Go", got)
			}
		})
	}
}

func TestARefusalTakesAPlaceForFull(t *testing.T) {
	t.Parallel()
	s := row("x", quarry.ShardIntended, west)
	c := schedule([]ledger.Pool{west, east}, nil, s)
	if got := c.Refused(&s, false, now); got != (verdict.Go{}) {
		t.Errorf("Refused = %+v, want Go: a reply may have been lost before", got)
	}
	other := row("y", quarry.ShardBuilt, ledger.Pool{})
	if got := c.Place(&other, now); got != (verdict.Move{To: east}) {
		t.Errorf("Place = %+v, want the pool that refused nothing", got)
	}
	if got, ok := c.Refused(&s, true, now).(verdict.Move); !ok || got.To != east || got.Why != "us-west-2 accepts no job now" {
		t.Errorf("Refused = %+v, want a move to us-east-1", got)
	}
	alone := schedule([]ledger.Pool{west}, nil, s)
	if got := alone.Refused(&s, true, now); got != (verdict.Go{}) {
		t.Errorf("Refused = %+v where there is no other pool, want Go", got)
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
		if got := schedule(tt.pools, tt.change, tt.rows...).Slot(&x, now); got != tt.want {
			t.Errorf("%s: Slot = %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestASlotIsTakenUntilTheJobEnds(t *testing.T) {
	t.Parallel()
	c := schedule([]ledger.Pool{west}, func(p []pool.Place) { p[0].Quotas.OpenJobs = 1 })
	x, y := row("x", quarry.ShardUploaded, west), row("y", quarry.ShardUploaded, west)
	free := func(s *ledger.Shard) bool { return c.Slot(s, now) == verdict.Go{} }
	if !free(&x) || free(&y) {
		t.Error("the first of two takes the only slot, and the second waits")
	}
	c.Leave("x")
	if !free(&y) || free(&x) {
		t.Error("a slot that is given back is taken by the other")
	}
	c.Ended(&y)
	if !free(&x) {
		t.Error("the slot of a job that ended is free")
	}
}

func TestARunThatResumesHasTheSchedule(t *testing.T) {
	t.Parallel()
	called := row("g", quarry.ShardCalling, west)
	called.Mode = quarry.ModeOnDemand
	c := schedule(
		[]ledger.Pool{west, east}, func(p []pool.Place) { p[0].Quotas.OpenJobs, p[1].Quotas.OpenJobs = 2, 1 },
		open("a", ledger.Pool{}, 0), row("b", quarry.ShardIntended, east), row("c", quarry.ShardUploaded, east), row("d", quarry.ShardBuilt, east),
		row("e", quarry.ShardBuilt, ledger.Pool{}), row("f", quarry.ShardPlanned, east), called, row("h", quarry.ShardDone, west),
	)
	d, e, x := row("d", quarry.ShardBuilt, east), row("e", quarry.ShardBuilt, ledger.Pool{}), row("x", quarry.ShardUploaded, west)
	if got := c.Place(&d, now); got != (verdict.Go{}) {
		t.Errorf("Place = %+v for a shard whose place was chosen, want Go", got)
	}
	if got := c.Place(&e, now); got != (verdict.Move{To: west}) {
		t.Errorf("Place = %+v for a shard without a place, want the one with less to do", got)
	}
	if got := c.Slot(&x, now); got != (verdict.Go{}) {
		t.Errorf("Slot = %+v, want one of the two that one job leaves", got)
	}
	y := row("y", quarry.ShardUploaded, west)
	if got, ok := c.Slot(&y, now).(verdict.Wait); !ok || !strings.HasPrefix(got.Why, "2 jobs are open") {
		t.Errorf("Slot = %+v, want Wait: both are taken, and the other pool has more to do", got)
	}
	c.Load(nil)
	for i := range 2 {
		if got := c.Slot(&y, now); got != (verdict.Go{}) {
			t.Errorf("Slot %d = %+v when no row is under way any more, want Go", i, got)
		}
		y.ID = "z"
	}
}
