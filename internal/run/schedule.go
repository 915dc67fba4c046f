package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/schedule"
)

// Where several pools are, a shard goes to the one that will finish it first (package schedule). The choice is in the shard's
// row before anything is done in the pool.

// shared is the schedule, which all shards share. It is made from the ledger once and kept beside it.
type shared struct {
	mu     sync.Mutex
	loaded bool
	*schedule.Schedule
}

func newSchedule(pools []Pool) *shared {
	places := make([]schedule.Place, len(pools))
	for i := range pools {
		places[i] = schedule.Place{Pool: pools[i].ref(), Quotas: pools[i].Quotas}
	}
	return &shared{Schedule: schedule.New(places)}
}

// loadSchedule takes over what the ledger says, once. The caller holds the lock.
func (r *Run) loadSchedule(ctx context.Context) error {
	if r.sched.loaded {
		return nil
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	r.sched.Load(shards)
	r.sched.loaded = true
	return nil
}

// leave gives a shard's slot back.
func (c *shared) leave(id quarry.ShardID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Leave(id)
}

// ended gives the slot of an ended job back and learns from how long it took.
func (c *shared) ended(s *ledger.Shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Ended(s)
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
		r.sched.Queue(s.Pool, s)
		return false, nil
	}
	if s.Pool != (ledger.Pool{}) {
		if p, err := r.poolOf(s); err == nil && r.sched.Has(p.ref(), s.ID) {
			return false, nil // chosen, and saved
		}
	}
	best, ok := r.sched.Best(s, time.Now(), ledger.Pool{})
	if !ok { // the plan was made for other quotas; validation names what does not fit
		best = r.pools[0].ref()
	}
	s.Pool = best
	r.sched.Queue(s.Pool, s)
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
	open, _ := r.sched.UnderWay(pool.ref())
	slots := pool.Quotas.OpenJobs
	if slots == 0 || open < slots {
		r.sched.Take(pool.ref(), s)
		return false, nil
	}
	if best, ok := r.sched.Best(s, time.Now(), pool.ref()); ok && best != pool.ref() {
		r.move(s, best, fmt.Sprintf("%s open in %s", figure.Clause(open, "job", "is", "are"), r.poolName(pool.ref())))
		return true, s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt)
	}
	r.sched.Queue(pool.ref(), s)
	why := fmt.Sprintf("%s open, the quota allows %s", figure.Clause(open, "job", "is", "are"), figure.Thousands(slots))
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
	r.sched.Refused(pool.ref(), now)
	best, ok := r.sched.Best(s, now, pool.ref())
	if !asked || !ok || best == pool.ref() {
		return false, nil
	}
	r.move(s, best, fmt.Sprintf("%s takes no job now", r.poolName(pool.ref())))
	s.Attempt++ // another job name and another token: the two requests can never be taken for one
	s.Intent = ledger.Intent{}
	return true, s.State.Advance(quarry.ShardIntended, quarry.ShardBuilt)
}

// move gives a shard to another pool.
func (r *Run) move(s *ledger.Shard, to ledger.Pool, why string) {
	s.Pool = to
	r.sched.Queue(s.Pool, s)
	s.Due, s.Waits = time.Now(), ""
	r.watch(Event{Kind: Placed, Shard: s.ID, Text: r.poolName(s.Pool) + ": " + why, Total: s.Records})
}
