package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/catalog"
	"quarry/internal/ledger"
)

// Where several pools are, a shard goes to the one that will finish it first: by the slots that are free there, by what
// is queued, and by how long its jobs took so far. The choice is in the shard's row before anything is done in the pool.

// firstGuess is how long a job may take where none has ended yet: 100 records took about ten minutes and 14,108 about
// seventeen (https://dev.classmethod.jp/en/articles/amazon-bedrock-batch-inference-structured-outputs and its like).
const firstGuess = 10 * time.Minute

// slotWait is how long a pool that refused a job for want of a slot is taken for full.
const slotWait = 30 * time.Second

// schedule knows what is under way in each pool. It is made from the ledger once and kept beside it; it decides nothing
// that is not in the ledger too.
type schedule struct {
	mu     sync.Mutex
	loaded bool
	pools  map[ledger.Pool]*poolLoad
	at     map[quarry.ShardID]ledger.Pool // shards that have a pool, until their job has ended
}

type poolLoad struct {
	queued map[quarry.ShardID]int64   // chosen for the pool, without a slot: records
	open   map[quarry.ShardID]openJob // with a slot
	took   time.Duration              // of jobs that ended, the latest weighing most; 0: none has
	full   time.Time                  // until when the pool is taken for full, since it refused a job
}

type openJob struct {
	records int64
	since   time.Time
}

func newSchedule() *schedule {
	return &schedule{pools: map[ledger.Pool]*poolLoad{}, at: map[quarry.ShardID]ledger.Pool{}}
}

func (c *schedule) pool(p ledger.Pool) *poolLoad {
	l := c.pools[p]
	if l == nil {
		l = &poolLoad{queued: map[quarry.ShardID]int64{}, open: map[quarry.ShardID]openJob{}}
		c.pools[p] = l
	}
	return l
}

// load takes over what the ledger says, once. The caller holds the lock.
func (r *Run) loadSchedule(ctx context.Context) error {
	c := r.sched
	if c.loaded {
		return nil
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		s := &shards[i]
		if s.Mode != quarry.ModeJob {
			continue
		}
		p := r.placeOf(s)
		switch {
		case s.State.Open():
			c.take(p, s)
		case s.State == quarry.ShardUploaded, s.State == quarry.ShardBuilt && s.Pool != ledger.Pool{}:
			c.queue(p, s)
		case !s.Job.Ended.IsZero():
			c.pool(p).learn(&s.Job)
		}
	}
	c.loaded = true
	return nil
}

func (c *schedule) queue(p ledger.Pool, s *ledger.Shard) {
	c.drop(s.ID)
	c.at[s.ID] = p
	c.pool(p).queued[s.ID] = s.Records
}

func (c *schedule) take(p ledger.Pool, s *ledger.Shard) {
	c.drop(s.ID)
	c.at[s.ID] = p
	since := s.Job.Submitted
	if since.IsZero() {
		since = time.Now()
	}
	c.pool(p).open[s.ID] = openJob{s.Records, since}
}

func (c *schedule) drop(id quarry.ShardID) {
	if p, ok := c.at[id]; ok {
		l := c.pool(p)
		delete(l.queued, id)
		delete(l.open, id)
		delete(c.at, id)
	}
}

// leave gives a shard's slot back.
func (c *schedule) leave(id quarry.ShardID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(id)
}

// ended gives the slot of an ended job back and learns from how long it took.
func (c *schedule) ended(s *ledger.Shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.at[s.ID]; ok {
		c.drop(s.ID)
		c.pool(p).learn(&s.Job)
	}
}

func (l *poolLoad) learn(job *ledger.Job) {
	took := job.Ended.Sub(job.Submitted)
	if took <= 0 || job.Status == quarry.JobFailed {
		return
	}
	if l.took == 0 {
		l.took = took
		return
	}
	l.took = (2*l.took + took) / 3
}

// jobTime is how long a job in the pool takes: what ended ones took, or more where an open one has taken longer already.
func (l *poolLoad) jobTime(now time.Time, unseen time.Duration) time.Duration {
	took := l.took
	if took == 0 {
		took = unseen
	}
	for _, o := range l.open {
		took = max(took, now.Sub(o.since))
	}
	return took
}

// finish is how long it would be until a further shard has ended in the pool, behind so many others.
func (l *poolLoad) finish(now time.Time, slots, ahead int64, unseen time.Duration) time.Duration {
	took := l.jobTime(now, unseen)
	wait := time.Duration(0)
	if slots > 0 && ahead >= slots {
		wait = time.Duration(float64(took) * float64(ahead-slots+1) / float64(slots))
	}
	if now.Before(l.full) {
		wait = max(wait, took, slotWait)
	}
	return wait + took
}

// shares reports whether two places share the quota of open jobs: it counts all jobs "using a base model", by whatever
// profile they name it (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
func (r *Run) shares(p *Pool, other ledger.Pool) bool {
	return p.Region == other.Region && baseModel(p.Model) == baseModel(other.Model)
}

func baseModel(id string) string {
	if m, _, ok := catalog.Find(id); ok {
		return m.ID
	}
	return id
}

// underWay counts the shards that have one of the slots that the pool may use, and those that wait for one. The caller
// holds the lock.
func (r *Run) underWay(p *Pool) (open, queued int64) {
	for i := range r.pools {
		if ref := r.pools[i].ref(); r.shares(p, ref) {
			l := r.sched.pool(ref)
			open, queued = open+int64(len(l.open)), queued+int64(len(l.queued))
		}
	}
	return open, queued
}

// bestPool gives the pool that finishes the shard first, of those it fits into; among equals the one with the most room.
// mine, where the shard has a pool, is that one. The caller holds the lock.
func (r *Run) bestPool(s *ledger.Shard, now time.Time, mine ledger.Pool) *Pool {
	unseen := firstGuess
	for _, l := range r.sched.pools { // what was seen in one pool is the best guess for another
		if l.took > 0 {
			unseen = min(unseen, l.took)
		}
	}
	var best *Pool
	var soonest time.Duration
	var busiest float64
	for i := range r.pools {
		p := &r.pools[i]
		q := p.Quotas
		limit := tightest(q, quarry.Quotas{})
		switch {
		case s.Records < q.MinRecords,
			limit.RecordsPerJob > 0 && s.Records > limit.RecordsPerJob, limit.RecordsPerFile > 0 && s.Records > limit.RecordsPerFile,
			limit.FileBytes > 0 && s.Bytes > limit.FileBytes, limit.JobBytes > 0 && s.Bytes > limit.JobBytes:
			continue
		}
		open, queued := r.underWay(p)
		ahead := open + queued
		if r.shares(p, mine) {
			ahead-- // the shard itself
		}
		finish := r.sched.pool(p.ref()).finish(now, q.OpenJobs, ahead, unseen)
		busy := float64(ahead)
		if q.OpenJobs > 0 {
			busy /= float64(q.OpenJobs)
		}
		if best == nil || finish < soonest || (finish == soonest && busy < busiest) {
			best, soonest, busiest = p, finish, busy
		}
	}
	return best
}

// choosePool decides where a shard's job is to be made. It reports whether the row has to be saved before it goes on:
// with one pool there is no choice that a crash could forget.
func (r *Run) choosePool(ctx context.Context, s *ledger.Shard) (bool, error) {
	r.sched.mu.Lock()
	defer r.sched.mu.Unlock()
	if err := r.loadSchedule(ctx); err != nil {
		return false, err
	}
	if len(r.pools) == 1 {
		s.Pool = r.pools[0].ref()
		r.sched.queue(s.Pool, s)
		return false, nil
	}
	if s.Pool != (ledger.Pool{}) {
		if p, err := r.poolOf(s); err == nil && r.sched.at[s.ID] == p.ref() {
			return false, nil // chosen, and saved
		}
	}
	best := r.bestPool(s, time.Now(), ledger.Pool{})
	if best == nil { // the plan was made for other quotas; validation names what does not fit
		best = &r.pools[0]
	}
	s.Pool = best.ref()
	r.sched.queue(s.Pool, s)
	s.Due, s.Waits = time.Now(), ""
	r.watch(Event{Kind: Placed, Shard: s.ID, Text: r.poolName(s.Pool), Total: s.Records})
	return true, nil
}

// takeSlot takes one of the pool's slots for a shard's job. Where there is none it waits, or goes to a pool that will
// finish it earlier. It reports whether the shard has to stay.
func (r *Run) takeSlot(ctx context.Context, s *ledger.Shard, pool *Pool) (stay bool, err error) {
	r.sched.mu.Lock()
	defer r.sched.mu.Unlock()
	if err := r.loadSchedule(ctx); err != nil {
		return true, err
	}
	now := time.Now()
	open, _ := r.underWay(pool)
	slots := pool.Quotas.OpenJobs
	if slots == 0 || open < slots {
		r.sched.take(pool.ref(), s)
		return false, nil
	}
	if best := r.bestPool(s, now, pool.ref()); best != nil && best.ref() != pool.ref() {
		r.move(s, best, fmt.Sprintf("%d jobs are open in %s", open, r.poolName(pool.ref())))
		return true, s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt)
	}
	r.sched.queue(pool.ref(), s)
	why := fmt.Sprintf("%d jobs are open, the quota allows %d", open, slots)
	if len(r.pools) > 1 {
		why += " in " + r.poolName(pool.ref())
	}
	return true, r.wait(s, why, time.Second)
}

// refused hears that a pool did not take a job. Another may take the shard once the pool, asked by the job's name, did not
// know it and then refused the same request with the same token again: one refusal may follow a reply that was lost, and
// a job that was made is given for its token.
func (r *Run) refused(s *ledger.Shard, pool *Pool, asked bool, why error) (moved bool, err error) {
	cause := bedrock.CauseOf(why)
	if len(r.pools) == 1 || (cause != bedrock.CauseNoSlot && cause != bedrock.CauseThrottled) {
		return false, nil
	}
	r.sched.mu.Lock()
	defer r.sched.mu.Unlock()
	now := time.Now()
	r.sched.pool(pool.ref()).full = now.Add(slotWait)
	best := r.bestPool(s, now, pool.ref())
	if !asked || best == nil || best.ref() == pool.ref() {
		return false, nil
	}
	r.move(s, best, fmt.Sprintf("%s takes no job now", r.poolName(pool.ref())))
	s.Attempt++ // another job name and another token: the two requests can never be taken for one
	s.Intent = ledger.Intent{}
	return true, s.State.Advance(quarry.ShardIntended, quarry.ShardBuilt)
}

// move gives a shard to another pool.
func (r *Run) move(s *ledger.Shard, to *Pool, why string) {
	s.Pool = to.ref()
	r.sched.queue(s.Pool, s)
	s.Due, s.Waits = time.Now(), ""
	r.watch(Event{Kind: Placed, Shard: s.ID, Text: r.poolName(s.Pool) + ": " + why, Total: s.Records})
}
