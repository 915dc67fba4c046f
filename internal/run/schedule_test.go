package run

import (
	"testing"
	"time"

	"quarry"
	"quarry/internal/bucket"
	"quarry/internal/ledger"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// pools gives a run with a pool of two slots in each Region, and jobs of a minute seen nowhere.
func poolsOf(t *testing.T, refs ...ledger.Pool) *Run {
	t.Helper()
	r := &Run{sched: newSchedule()}
	for _, ref := range refs {
		r.pools = append(r.pools, Pool{
			Region: ref.Region, Model: ref.Model, Quotas: quarry.Quotas{MinRecords: 100, RecordsPerJob: 1000, OpenJobs: 2},
			Bucket: bucket.New(aws.Config{Region: ref.Region}, ref.Bucket),
		})
	}
	return r
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
	took := func(d time.Duration) *ledger.Job { return &ledger.Job{Submitted: now, Ended: now.Add(d)} }
	for name, tt := range map[string]struct {
		pools []ledger.Pool
		set   func(r *Run)
		want  ledger.Pool
	}{
		"nothing is known: the first": {[]ledger.Pool{west, east}, func(*Run) {}, west},
		"the first is busier":         {[]ledger.Pool{west, east}, func(r *Run) { r.sched.take(west, begun("a", 0)) }, east},
		"the first took longer": {[]ledger.Pool{west, east}, func(r *Run) {
			r.sched.pool(west).learn(took(20 * time.Minute))
			r.sched.pool(east).learn(took(10 * time.Minute))
		}, east},
		"an open job of the first takes longer than any": {[]ledger.Pool{west, east}, func(r *Run) {
			r.sched.take(west, begun("a", time.Hour))
			r.sched.pool(east).learn(took(30 * time.Minute))
			r.sched.take(east, begun("b", 0))
		}, east},
		"the first is full, and the other slower by less than the wait": {[]ledger.Pool{west, east}, func(r *Run) {
			r.sched.pool(west).learn(took(10 * time.Minute))
			r.sched.pool(east).learn(took(12 * time.Minute))
			for _, id := range []quarry.ShardID{"a", "b"} {
				r.sched.take(west, begun(id, 0))
			}
		}, east},
		"the first is full, and the other slower than the wait": {[]ledger.Pool{west, east}, func(r *Run) {
			r.sched.pool(west).learn(took(10 * time.Minute))
			r.sched.pool(east).learn(took(3 * time.Hour))
			for _, id := range []quarry.ShardID{"a", "b"} {
				r.sched.take(west, begun(id, 0))
			}
		}, west},
		"the first refused a job a moment ago": {[]ledger.Pool{west, east}, func(r *Run) { r.sched.pool(west).full = now.Add(slotWait) }, east},
		"the first takes no shard so small":    {[]ledger.Pool{west, east}, func(r *Run) { r.pools[0].Quotas.MinRecords = 501 }, east},
		"the first takes no shard so large":    {[]ledger.Pool{west, east}, func(r *Run) { r.pools[0].Quotas.RecordsPerFile = 499 }, east},
		"two profiles of one model share its slots": {[]ledger.Pool{west, global, east}, func(r *Run) {
			r.sched.take(west, begun("a", 0))
			r.sched.take(global, begun("b", 0))
			r.sched.take(east, begun("c", 0))
		}, east},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := poolsOf(t, tt.pools...)
			tt.set(r)
			if got := r.bestPool(shard("x"), now, ledger.Pool{}); got == nil || got.ref() != tt.want {
				t.Errorf("bestPool = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestAShardKeepsItsPlaceInAQueueOfOne(t *testing.T) {
	t.Parallel()
	west := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "west"}
	east := ledger.Pool{Region: "us-east-1", Model: quarry.DefaultModel, Bucket: "east"}
	r := poolsOf(t, west, east)
	s := &ledger.Shard{ID: "x", Detail: ledger.Detail{Records: 500}}
	r.sched.queue(west, s)
	if got := r.bestPool(s, time.Now(), west); got.ref() != west {
		t.Errorf("bestPool = %s: a shard does not make way for itself", got.Region)
	}
}
