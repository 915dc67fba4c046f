package cli

import (
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
)

// A run that waited a day for an approval is as fast as its jobs are.
func TestThePaceDoesNotCountAPause(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC)
	shard := func(state quarry.ShardState, submitted, ended time.Time, done int64) ledger.Shard {
		s := ledger.Shard{}
		s.State, s.Records, s.Pass = state, 100, 1
		s.Job.Submitted, s.Job.Ended, s.Job.Counts.Processed = submitted, ended, done
		return s
	}
	o := &overview{at: now, shards: []ledger.Shard{
		shard(quarry.ShardDone, now.Add(-24*time.Hour), now.Add(-24*time.Hour+10*time.Minute), 100),
		shard(quarry.ShardSubmitted, now.Add(-5*time.Minute), time.Time{}, 50),
	}}
	o.head.Pass = 1
	c := o.count()
	p := o.reach(&c, nil)
	if p.PerMinute != 10 || p.Processed != 150 || !p.ETA.Equal(now.Add(5*time.Minute)) {
		t.Errorf("%.2f records a minute, done at %v; want 10, 5 minutes from %v", p.PerMinute, p.ETA, now)
	}
}
