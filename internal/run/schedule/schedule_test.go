package schedule_test

import (
	"testing"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/schedule"
)

// placesOf gives places of two slots each.
func placesOf(refs ...ledger.Pool) []schedule.Place {
	places := make([]schedule.Place, len(refs))
	for i, ref := range refs {
		places[i] = schedule.Place{Pool: ref, Quotas: quarry.Quotas{MinRecords: 100, RecordsPerJob: 1000, OpenJobs: 2}}
	}
	return places
}

func TestAShardGoesToThePoolThatFinishesItFirst(t *testing.T) {
	t.Parallel()
	west := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	east := ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "east"}
	global := ledger.Pool{Region: "us-west-2", Model: "global.anthropic.claude-haiku-4-5-20251001-v1:0", Bucket: "west"}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	shard := func(id quarry.ShardID) *ledger.Shard {
		return &ledger.Shard{ID: id, Detail: ledger.Detail{Records: 500}}
	}
	begun := func(id quarry.ShardID, ago time.Duration) *ledger.Shard {
		s := shard(id)
		s.Job.Submitted = now.Add(-ago)
		return s
	}
	learn := func(c *schedule.Schedule, in ledger.Pool, took time.Duration) { // of a job that ran there and ended
		s := shard("earlier")
		s.Job = ledger.Job{Submitted: now, Ended: now.Add(took)}
		c.Take(in, s)
		c.Ended(s)
	}
	for name, tt := range map[string]struct {
		pools []ledger.Pool
		set   func(places []schedule.Place, c *schedule.Schedule)
		want  ledger.Pool
	}{
		"nothing is known: the first": {[]ledger.Pool{west, east}, func([]schedule.Place, *schedule.Schedule) {}, west},
		"the first is busier":         {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) { c.Take(west, begun("a", 0)) }, east},
		"the first took longer": {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) {
			learn(c, west, 20*time.Minute)
			learn(c, east, 10*time.Minute)
		}, east},
		"an open job of the first takes longer than any": {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) {
			c.Take(west, begun("a", time.Hour))
			learn(c, east, 30*time.Minute)
			c.Take(east, begun("b", 0))
		}, east},
		"the first is full, and the other slower by less than the wait": {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) {
			learn(c, west, 10*time.Minute)
			learn(c, east, 12*time.Minute)
			for _, id := range []quarry.ShardID{"a", "b"} {
				c.Take(west, begun(id, 0))
			}
		}, east},
		"the first is full, and the other slower than the wait": {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) {
			learn(c, west, 10*time.Minute)
			learn(c, east, 3*time.Hour)
			for _, id := range []quarry.ShardID{"a", "b"} {
				c.Take(west, begun(id, 0))
			}
		}, west},
		"the first refused a job a moment ago": {[]ledger.Pool{west, east}, func(_ []schedule.Place, c *schedule.Schedule) { c.Refused(west, now) }, east},
		"the first takes no shard so small":    {[]ledger.Pool{west, east}, func(p []schedule.Place, _ *schedule.Schedule) { p[0].Quotas.MinRecords = 501 }, east},
		"the first takes no shard so large":    {[]ledger.Pool{west, east}, func(p []schedule.Place, _ *schedule.Schedule) { p[0].Quotas.RecordsPerFile = 499 }, east},
		"two profiles of one model share its slots": {[]ledger.Pool{west, global, east}, func(_ []schedule.Place, c *schedule.Schedule) {
			c.Take(west, begun("a", 0))
			c.Take(global, begun("b", 0))
			c.Take(east, begun("c", 0))
		}, east},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places := placesOf(tt.pools...)
			c := schedule.New(places)
			tt.set(places, c)
			if got, ok := c.Best(shard("x"), now, ledger.Pool{}); !ok || got != tt.want {
				t.Errorf("Best = %+v, %v, want %+v", got, ok, tt.want)
			}
		})
	}
}

func TestAShardKeepsItsPlaceInAQueueOfOne(t *testing.T) {
	t.Parallel()
	west := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	east := ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "east"}
	c := schedule.New(placesOf(west, east))
	s := &ledger.Shard{ID: "x", Detail: ledger.Detail{Records: 500}}
	c.Queue(west, s)
	if got, _ := c.Best(s, time.Now(), west); got != west {
		t.Errorf("Best = %s: a shard does not make way for itself", got.Region)
	}
}

func TestAShardThatFitsNowhereHasNoPlace(t *testing.T) {
	t.Parallel()
	c := schedule.New(placesOf(ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel}))
	if got, ok := c.Best(&ledger.Shard{ID: "x", Detail: ledger.Detail{Records: 2000}}, time.Now(), ledger.Pool{}); ok {
		t.Errorf("Best of 2000 records where a job has 1000 = %+v", got)
	}
}

func TestARunThatResumesHasTheSchedule(t *testing.T) {
	t.Parallel()
	home := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	other := ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "east"}
	row := func(id quarry.ShardID, state quarry.ShardState, mode quarry.Mode, at ledger.Pool) ledger.Shard {
		return ledger.Shard{ID: id, State: state, Mode: mode, Detail: ledger.Detail{Records: 500, Pool: at}}
	}
	c := schedule.New(placesOf(home, other))
	c.Load([]ledger.Shard{
		row("a", quarry.ShardSubmitted, quarry.ModeJob, ledger.Pool{}), row("b", quarry.ShardIntended, quarry.ModeJob, other),
		row("c", quarry.ShardUploaded, quarry.ModeJob, other), row("d", quarry.ShardBuilt, quarry.ModeJob, other),
		row("e", quarry.ShardBuilt, quarry.ModeJob, ledger.Pool{}), row("f", quarry.ShardPlanned, quarry.ModeJob, other),
		row("g", quarry.ShardCalling, quarry.ModeOnDemand, home), row("h", quarry.ShardDone, quarry.ModeJob, home),
	})
	for p, want := range map[ledger.Pool][2]int64{home: {1, 0}, other: {1, 2}} {
		if open, queued := c.UnderWay(p); open != want[0] || queued != want[1] {
			t.Errorf("in %s %d are open and %d queued, want %d and %d", p.Region, open, queued, want[0], want[1])
		}
	}
	if !c.Has(other, "d") || c.Has(home, "d") || c.Has(home, "e") {
		t.Error("a shard that was meant for a place is under way there and nowhere else")
	}
	c.Leave("d")
	if _, queued := c.UnderWay(other); queued != 1 || c.Has(other, "d") {
		t.Errorf("%d are queued when one of two has left", queued)
	}
}
