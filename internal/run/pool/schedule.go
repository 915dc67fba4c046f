package pool

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/verdict"
)

// firstGuess is how long a job may take where none has ended yet: 100 records took about ten minutes and 14,108 about
// seventeen (https://dev.classmethod.jp/en/articles/amazon-bedrock-batch-inference-structured-outputs and its like).
const firstGuess = 10 * time.Minute

// slotWait is how long a pool that refused a job for want of a slot is taken for full.
const slotWait = 30 * time.Second

// Place is a pool with the quotas that hold there.
type Place struct {
	ledger.Pool
	Quotas quarry.Quotas
}

// Schedule decides in which of several places a shard's job is made: where it would end first, by the slots that are free there, by
// what is queued, and by how long jobs took so far. It knows nothing that is not in the shards' rows too: made of the rows
// again, it says the same. A shard is under way in one place at most, and does not make way for itself. Safe for concurrent use.
type Schedule struct {
	places []Place

	mu    sync.Mutex
	loads map[ledger.Pool]*load
	at    map[quarry.ShardID]ledger.Pool // shards that have a place, until their job has ended
}

type load struct {
	queued map[quarry.ShardID]int64     // meant for the place, without a slot: records
	open   map[quarry.ShardID]time.Time // with a slot, since when
	took   time.Duration                // of jobs that ended, the latest weighing most; 0: none has
	full   time.Time                    // until when the place is taken for full, since it refused a job
}

// NewSchedule gives the schedule of places, of which the first is home.
func NewSchedule(places []Place) *Schedule {
	return &Schedule{places: places, loads: map[ledger.Pool]*load{}, at: map[quarry.ShardID]ledger.Pool{}}
}

func (c *Schedule) load(p ledger.Pool) *load {
	l := c.loads[p]
	if l == nil {
		l = &load{queued: map[quarry.ShardID]int64{}, open: map[quarry.ShardID]time.Time{}}
		c.loads[p] = l
	}
	return l
}

// Place says where the job of a built shard is to be made: Move to the place that finishes it first, or Go once that was saved. With one
// place there is no choice that a crash could forget.
func (c *Schedule) Place(s *ledger.Shard, now time.Time) verdict.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.places) == 1 {
		c.queue(c.places[0].Pool, s)
		return verdict.Go{}
	}
	if at, ok := c.at[s.ID]; ok && at == s.Pool && slices.ContainsFunc(c.places, func(p Place) bool { return p.Pool == at }) {
		return verdict.Go{}
	}
	best, ok := c.best(s, now, ledger.Pool{})
	if !ok { // the plan was made for other quotas; validation names what does not fit
		best = c.places[0].Pool
	}
	c.queue(best, s)
	return verdict.Move{To: best}
}

// Slot takes one of the slots of the shard's place for its job: Go. Where none is free, it says Move to a place that finishes the
// shard earlier, or Wait.
func (c *Schedule) Slot(s *ledger.Shard, now time.Time) verdict.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.place(s)
	open, _ := c.underWay(p.Pool)
	if p.Quotas.OpenJobs == 0 || open < p.Quotas.OpenJobs {
		c.take(p.Pool, s)
		return verdict.Go{}
	}
	if best, ok := c.best(s, now, p.Pool); ok && best != p.Pool {
		c.queue(best, s)
		return verdict.Move{To: best, Why: fmt.Sprintf("%s open in %s", figure.Clause(open, "job", "is", "are"), c.Name(p.Pool))}
	}
	c.queue(p.Pool, s)
	why := fmt.Sprintf("%s open, the quota allows %s", figure.Clause(open, "job", "is", "are"), figure.Thousands(p.Quotas.OpenJobs))
	if len(c.places) > 1 {
		why += " in " + c.Name(p.Pool)
	}
	return verdict.Wait{Why: why, For: time.Second}
}

// Refused notes that the shard's place took no job for want of room: it counts as full for a while. Another place may take the
// shard (Move) once this one, looked up by the job's name, did not know it and then refused the same request with the same token
// again, which known says: one refusal may follow a reply that was lost, and a job that was made is returned for its token.
func (c *Schedule) Refused(s *ledger.Shard, known bool, now time.Time) verdict.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.places) == 1 {
		return verdict.Go{}
	}
	p := c.place(s)
	c.load(p.Pool).full = now.Add(slotWait)
	best, ok := c.best(s, now, p.Pool)
	if !known || !ok || best == p.Pool {
		return verdict.Go{}
	}
	c.queue(best, s)
	return verdict.Move{To: best, Why: fmt.Sprintf("%s accepts no job now", c.Name(p.Pool))}
}

// place gives the place of a shard: home where it has none, and a place without limits where the command does not name it.
func (c *Schedule) place(s *ledger.Shard) Place {
	if s.Pool == (ledger.Pool{}) {
		return c.places[0]
	}
	for _, p := range c.places {
		if p.Pool == s.Pool {
			return p
		}
	}
	return Place{Pool: s.Pool}
}

// Name is what people know a place by: its Region, and its model where that is not enough.
func (c *Schedule) Name(p ledger.Pool) string {
	for i := range c.places {
		if o := &c.places[i]; o.Region == p.Region && o.Model != p.Model {
			return p.Region + " " + p.Model
		}
	}
	return p.Region
}

// Load takes over what the rows of a run's shards say, and forgets all else.
func (c *Schedule) Load(rows []ledger.Shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.loads)
	clear(c.at)
	for i := range rows {
		s := &rows[i]
		if s.Mode != quarry.ModeJob {
			continue
		}
		p := s.Pool
		if p == (ledger.Pool{}) {
			p = c.places[0].Pool
		}
		switch {
		case s.State.Open():
			c.take(p, s)
		case s.State == quarry.ShardUploaded, s.State == quarry.ShardBuilt && s.Pool != ledger.Pool{}:
			c.queue(p, s)
		case !s.Job.Ended.IsZero():
			c.load(p).learn(&s.Job)
		}
	}
}

// queue means a shard for a place, where it waits for a slot.
func (c *Schedule) queue(p ledger.Pool, s *ledger.Shard) {
	c.leave(s.ID)
	c.at[s.ID] = p
	c.load(p).queued[s.ID] = s.Records
}

// take gives a shard one of a place's slots, since its job was submitted, or else from now on.
func (c *Schedule) take(p ledger.Pool, s *ledger.Shard) {
	c.leave(s.ID)
	c.at[s.ID] = p
	since := s.Job.Submitted
	if since.IsZero() {
		since = time.Now()
	}
	c.load(p).open[s.ID] = since
}

// Leave gives back what a shard has, a slot or a turn in a queue.
func (c *Schedule) Leave(id quarry.ShardID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(id)
}

func (c *Schedule) leave(id quarry.ShardID) {
	if p, ok := c.at[id]; ok {
		l := c.load(p)
		delete(l.queued, id)
		delete(l.open, id)
		delete(c.at, id)
	}
}

// Ended gives the slot of an ended job back and learns from how long it took.
func (c *Schedule) Ended(s *ledger.Shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.at[s.ID]; ok {
		c.leave(s.ID)
		c.load(p).learn(&s.Job)
	}
}

func (l *load) learn(job *ledger.Job) {
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

// jobTime is how long a job in the place takes: what ended ones took, or more where an open one has taken longer already.
func (l *load) jobTime(now time.Time, unseen time.Duration) time.Duration {
	took := l.took
	if took == 0 {
		took = unseen
	}
	for _, since := range l.open {
		took = max(took, now.Sub(since))
	}
	return took
}

// finish is how long it would be until a further shard has ended in the place, with so many others before it.
func (l *load) finish(now time.Time, slots, ahead int64, unseen time.Duration) time.Duration {
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
func shares(a, b ledger.Pool) bool {
	return a.Region == b.Region && baseModel(a.Model) == baseModel(b.Model)
}

func baseModel(id string) string {
	if m, _, ok := catalog.Find(id); ok {
		return m.ID
	}
	return id
}

// underWay counts the shards that have one of the slots that a place may use, and those that wait for one.
func (c *Schedule) underWay(p ledger.Pool) (open, queued int64) {
	for i := range c.places {
		if other := c.places[i].Pool; shares(p, other) {
			l := c.load(other)
			open, queued = open+int64(len(l.open)), queued+int64(len(l.queued))
		}
	}
	return open, queued
}

// best gives the place that finishes a shard first, of those it fits into; among equals the one with the most room. mine,
// where the shard is under way, is that place. ok is false where it fits into none.
func (c *Schedule) best(s *ledger.Shard, now time.Time, mine ledger.Pool) (best ledger.Pool, ok bool) {
	unseen := firstGuess
	for _, l := range c.loads { // what was seen in one place is the best guess for another
		if l.took > 0 {
			unseen = min(unseen, l.took)
		}
	}
	var soonest time.Duration
	var busiest float64
	for i := range c.places {
		p, q := c.places[i].Pool, c.places[i].Quotas
		if !fits(s, q) {
			continue
		}
		open, queued := c.underWay(p)
		ahead := open + queued
		if shares(p, mine) {
			ahead-- // the shard itself
		}
		finish := c.load(p).finish(now, q.OpenJobs, ahead, unseen)
		busy := float64(ahead)
		if q.OpenJobs > 0 {
			busy /= float64(q.OpenJobs)
		}
		if !ok || finish < soonest || (finish == soonest && busy < busiest) {
			best, ok, soonest, busiest = p, true, finish, busy
		}
	}
	return best, ok
}

// fits reports whether a place takes a job of the shard. A quota of 0 is none.
func fits(s *ledger.Shard, q quarry.Quotas) bool {
	within := func(n, limit int64) bool { return limit == 0 || n <= limit }
	return s.Records >= q.MinRecords && within(s.Records, q.RecordsPerJob) && within(s.Records, q.RecordsPerFile) &&
		within(s.Bytes, q.FileBytes) && within(s.Bytes, q.JobBytes)
}
