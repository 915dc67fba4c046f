// Package schedule says in which of several places a shard's job would end first: by the slots that are free there, by what is
// queued, and by how long jobs took so far.
//
// It owns that reckoning and what it needs to remember. It decides nothing that is not in the shards' rows too, starts no job
// and knows no provider: made of the rows again, it says the same. What always holds: a shard is under way in one place
// at most; it does not make way for itself.
package schedule

import (
	"time"

	"quarry"
	"quarry/internal/catalog"
	"quarry/internal/ledger"
)

// firstGuess is how long a job may take where none has ended yet: 100 records took about ten minutes and 14,108 about
// seventeen (https://dev.classmethod.jp/en/articles/amazon-bedrock-batch-inference-structured-outputs and its like).
const firstGuess = 10 * time.Minute

// slotWait is how long a pool that refused a job for want of a slot is taken for full.
const slotWait = 30 * time.Second

// Place is where jobs run, with the quotas that hold there.
type Place struct {
	ledger.Pool
	Quotas quarry.Quotas
}

// Schedule knows what is under way in each place. One goroutine at a time.
type Schedule struct {
	places []Place
	loads  map[ledger.Pool]*load
	at     map[quarry.ShardID]ledger.Pool // shards that have a place, until their job has ended
}

type load struct {
	queued map[quarry.ShardID]int64     // meant for the place, without a slot: records
	open   map[quarry.ShardID]time.Time // with a slot, since when
	took   time.Duration                // of jobs that ended, the latest weighing most; 0: none has
	full   time.Time                    // until when the place is taken for full, since it refused a job
}

// New gives the schedule of places, of which the first is home.
func New(places []Place) *Schedule {
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

// Load takes over what the rows of a run's shards say.
func (c *Schedule) Load(rows []ledger.Shard) {
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
			c.Take(p, s)
		case s.State == quarry.ShardUploaded, s.State == quarry.ShardBuilt && s.Pool != ledger.Pool{}:
			c.Queue(p, s)
		case !s.Job.Ended.IsZero():
			c.load(p).learn(&s.Job)
		}
	}
}

// Queue means a shard for a place, where it waits for a slot.
func (c *Schedule) Queue(p ledger.Pool, s *ledger.Shard) {
	c.Leave(s.ID)
	c.at[s.ID] = p
	c.load(p).queued[s.ID] = s.Records
}

// Take gives a shard one of a place's slots, since its job was submitted, or else from now on.
func (c *Schedule) Take(p ledger.Pool, s *ledger.Shard) {
	c.Leave(s.ID)
	c.at[s.ID] = p
	since := s.Job.Submitted
	if since.IsZero() {
		since = time.Now()
	}
	c.load(p).open[s.ID] = since
}

// Leave gives back what a shard has, a slot or a turn in a queue.
func (c *Schedule) Leave(id quarry.ShardID) {
	if p, ok := c.at[id]; ok {
		l := c.load(p)
		delete(l.queued, id)
		delete(l.open, id)
		delete(c.at, id)
	}
}

// Ended gives the slot of an ended job back and learns from how long it took.
func (c *Schedule) Ended(s *ledger.Shard) {
	if p, ok := c.at[s.ID]; ok {
		c.Leave(s.ID)
		c.load(p).learn(&s.Job)
	}
}

// Refused takes a place for full for a while: it did not take a job.
func (c *Schedule) Refused(p ledger.Pool, now time.Time) { c.load(p).full = now.Add(slotWait) }

// Has reports whether a shard is under way in a place.
func (c *Schedule) Has(p ledger.Pool, id quarry.ShardID) bool {
	at, ok := c.at[id]
	return ok && at == p
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

// finish is how long it would be until a further shard has ended in the place, behind so many others.
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

// UnderWay counts the shards that have one of the slots that a place may use, and those that wait for one.
func (c *Schedule) UnderWay(p ledger.Pool) (open, queued int64) {
	for i := range c.places {
		if other := c.places[i].Pool; shares(p, other) {
			l := c.load(other)
			open, queued = open+int64(len(l.open)), queued+int64(len(l.queued))
		}
	}
	return open, queued
}

// Best gives the place that finishes a shard first, of those it fits into; among equals the one with the most room. mine,
// where the shard is under way, is that place. ok is false where it fits into none.
func (c *Schedule) Best(s *ledger.Shard, now time.Time, mine ledger.Pool) (best ledger.Pool, ok bool) {
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
		open, queued := c.UnderWay(p)
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
	return s.Records >= q.MinRecords && within(s.Records, q.RecordsPerJob) && within(s.Records, q.RecordsPerFile) && within(s.Bytes, q.FileBytes) && within(s.Bytes, q.JobBytes)
}
