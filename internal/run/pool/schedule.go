package pool

import (
	"fmt"
	"slices"
	"time"

	"quarry"
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
// what is queued, and by how long jobs took so far. All that it decides by is in the ledger, so every process says the same of the same
// rows. What is given of the quotas does not count the shard itself, in the order of Pools.
type Schedule struct{ places []Place }

// NewSchedule gives the schedule of places, of which the first is home.
func NewSchedule(places []Place) *Schedule { return &Schedule{places} }

// Pools are the places.
func (c *Schedule) Pools() []ledger.Pool {
	pools := make([]ledger.Pool, len(c.places))
	for i := range c.places {
		pools[i] = c.places[i].Pool
	}
	return pools
}

// Placed reports whether a shard has its place. With one place there is no choice that a crash could forget.
func (c *Schedule) Placed(s *ledger.Shard) bool {
	return len(c.places) == 1 || s.Pool != (ledger.Pool{}) && c.place(s) >= 0
}

// Place gives the place that finishes a built shard first.
func (c *Schedule) Place(s *ledger.Shard, queues []ledger.Queue, now time.Time) verdict.Move {
	best, ok := c.best(s, queues, now)
	if !ok { // the plan was made for other quotas; validation names what does not fit
		best = c.places[0].Pool
	}
	return verdict.Move{To: best}
}

// Slot says whether the shard's place has a slot for its job: Go. Where none is free, it says Move to a place that finishes the
// shard earlier, or Wait.
func (c *Schedule) Slot(s *ledger.Shard, queues []ledger.Queue, now time.Time) verdict.Verdict {
	i := c.place(s)
	if i < 0 { // the command does not name it: it has no limit that is known
		return verdict.Go{}
	}
	p, open := c.places[i], queues[i].Open
	if p.Quotas.OpenJobs == 0 || open < p.Quotas.OpenJobs {
		return verdict.Go{}
	}
	if best, ok := c.best(s, queues, now); ok && best.Quota() != p.Quota() {
		return verdict.Move{To: best, Why: fmt.Sprintf("%s open in %s", figure.Clause(open, "job", "is", "are"), c.Name(p.Pool))}
	}
	why := fmt.Sprintf("%s open, the quota allows %s", figure.Clause(open, "job", "is", "are"), figure.Thousands(p.Quotas.OpenJobs))
	if len(c.places) > 1 {
		why += " in " + c.Name(p.Pool)
	}
	return verdict.Wait{Why: why, For: time.Second}
}

// FullUntil is until when the place of a shard takes no job, if it refuses one now for want of room. ok is false where there is no other
// place.
func (c *Schedule) FullUntil(now time.Time) (until time.Time, ok bool) {
	return now.Add(slotWait), len(c.places) > 1
}

// Refused says whether another place may take a shard whose place took no job (Move): once this one, looked up by the job's name, did not
// know it and then refused the same request with the same token again, which known says. One refusal may follow a reply that was
// lost, and a job that was made is returned for its token.
func (c *Schedule) Refused(s *ledger.Shard, known bool, queues []ledger.Queue, now time.Time) verdict.Verdict {
	best, ok := c.best(s, queues, now)
	if !known || !ok || best.Quota() == c.poolOf(s).Quota() {
		return verdict.Go{}
	}
	return verdict.Move{To: best, Why: fmt.Sprintf("%s accepts no job now", c.Name(c.poolOf(s)))}
}

// place gives the number of a shard's place: home where it has none, and -1 where the command does not name it.
func (c *Schedule) place(s *ledger.Shard) int {
	return slices.IndexFunc(c.places, func(p Place) bool { return p.Pool == c.poolOf(s) })
}

func (c *Schedule) poolOf(s *ledger.Shard) ledger.Pool {
	if s.Pool == (ledger.Pool{}) {
		return c.places[0].Pool
	}
	return s.Pool
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

// finish is how long it would be until a further shard has ended in a place with so many slots. A job takes what ended ones took, or more
// where an open one has taken longer already.
func finish(q *ledger.Queue, slots int64, unseen time.Duration, now time.Time) time.Duration {
	took := q.Took
	if took == 0 {
		took = unseen
	}
	if !q.Oldest.IsZero() {
		took = max(took, now.Sub(q.Oldest))
	}
	wait := time.Duration(0)
	if ahead := q.Open + q.Queued; slots > 0 && ahead >= slots {
		wait = time.Duration(float64(took) * float64(ahead-slots+1) / float64(slots))
	}
	if now.Before(q.Full) {
		wait = max(wait, took, slotWait)
	}
	return wait + took
}

// best gives the place that finishes a shard first, of those it fits into; among equals the one with the most room. ok is false
// where it fits into none.
func (c *Schedule) best(s *ledger.Shard, queues []ledger.Queue, now time.Time) (best ledger.Pool, ok bool) {
	unseen := firstGuess
	for i := range queues { // what was seen in one place is the best guess for another
		if took := queues[i].Took; took > 0 {
			unseen = min(unseen, took)
		}
	}
	var soonest time.Duration
	var busiest float64
	for i := range c.places {
		q, quotas := &queues[i], c.places[i].Quotas
		if !fits(s, quotas) {
			continue
		}
		end := finish(q, quotas.OpenJobs, unseen, now)
		busy := float64(q.Open + q.Queued)
		if quotas.OpenJobs > 0 {
			busy /= float64(quotas.OpenJobs)
		}
		if !ok || end < soonest || (end == soonest && busy < busiest) {
			best, ok, soonest, busiest = c.places[i].Pool, true, end, busy
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
