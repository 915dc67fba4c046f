package limits

import (
	"fmt"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
)

// LookAgain is how often a clock is read against the rows.
const LookAgain = 500 * time.Millisecond

// Clock is a deadline with what one process knows of it. The zero value has none. Safe for concurrent use.
type Clock struct {
	mu       sync.Mutex
	held     *Deadline
	next     time.Time                // when to look again
	at       time.Time                // the next moment at which something becomes late, as it looks now
	answered map[quarry.ShardID]int64 // records, of shards whose calls are under way
}

// Hold sets the deadline, which is in the ledger by now.
func (c *Clock) Hold(d *Deadline) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.next = d, time.Time{} // what follows from a decision is seen at once
}

// Held gives the deadline; nil where there is none.
func (c *Clock) Held() *Deadline {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// Answered notes how many records of a shard have been answered by calls so far.
func (c *Clock) Answered(id quarry.ShardID, records int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered == nil {
		c.answered = map[quarry.ShardID]int64{}
	}
	c.answered[id] = records
}

// Ended forgets what Answered noted of a shard.
func (c *Clock) Ended(id quarry.ShardID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.answered, id)
}

// Due reports whether it is time to look.
func (c *Clock) Due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held != nil && !now.Before(c.next) && (c.held.Unsent == nil || c.held.Open == nil)
}

// Look decides whether calls have to begin, by the sums of the rows of the pass. Where something is decided, it gives the deadline
// with the decision, and what people should know. The caller saves the deadline, says so and gives it to Hold, in this order; until then nothing follows.
func (c *Clock) Look(w *Work, groups ledger.Groups, now time.Time) (decided *Deadline, notes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = now.Add(LookAgain)
	d, rest := c.held, c.restOf(w, groups)
	if rest.all == 0 {
		return nil, nil
	}
	haste, need := w.haste(), w.callTime(rest.all)
	mode := haste.Mode(d.By.Sub(now), need)
	unsent, open := haste.Moments(d.By, need, mode, rest.gated)
	at := unsent
	if d.Unsent != nil {
		at = open
	}
	if now.Before(at) {
		c.at = at
		return nil, nil
	}
	moved := *d
	if why := rest.overCap(w, mode, d.By); why != "" {
		if d.Kept != "" { // said before
			return nil, nil
		}
		moved.Kept = why
		return &moved, []string{why}
	}
	moved.Kept = ""
	m := w.move(movedUnsent, mode, rest.unsent, now)
	if d.Unsent == nil {
		moved.Unsent = m
	} else {
		m = w.move(movedOpen, mode, rest.open, now)
		moved.Open = m
	}
	if m.Records > 0 {
		notes = []string{d.moveText(m)}
	}
	return &moved, notes
}

func (w *Work) move(what string, mode quarry.Mode, records int64, now time.Time) *report.Move {
	u := w.share(records)
	return &report.Move{
		At: now.UTC(), What: what, Mode: mode, Records: records, Cost: w.Prices.Cost(mode, u), Instead: w.Prices.Cost(quarry.ModeJob, u),
	}
}

// NextLook is when a shard that waits until due has to be looked at for the deadline: just before the moment as well as at it,
// so that no job is stopped that has ended since it was last polled.
func (c *Clock) NextLook(now, due time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || c.at.IsZero() || !c.at.Before(due) {
		return due
	}
	before := c.at.Add(-LookAgain)
	if soon := now.Add(LookAgain); before.Before(soon) { // from here on at each look, the moment's own included
		return soon
	}
	return before
}

// rest is what of a pass has no end yet, in records.
type rest struct {
	all     int64 // that would have to be sent as calls if every job were stopped now
	unsent  int64 // of no job
	open    int64 // of open jobs, without what these have answered
	gated   bool  // an open job is the pilot's, for which the others wait
	settled quarry.USD
	priced  bool // settled is known
}

func (c *Clock) restOf(w *Work, groups ledger.Groups) rest {
	rest := rest{all: w.Records, priced: true}
	for _, n := range c.answered {
		rest.all -= n
	}
	main := false
	for i := range groups {
		g := &groups[i]
		rest.all -= g.Answered
		rest.settled = rest.settled.Plus(g.Settled)
		rest.priced = rest.priced && g.Unpriced == 0
		switch {
		case g.Unasked:
		case g.State.Open():
			rest.open += g.Records - g.Answered
			rest.gated = rest.gated || g.Kind == quarry.PilotShard
		case g.Mode == quarry.ModeJob && unsent(g.State):
			rest.unsent += g.Records
			main = main || g.Kind == quarry.MainShard
		}
	}
	rest.all, rest.gated = max(0, rest.all), rest.gated && main
	return rest
}

// unsent reports whether nothing of a shard was sent or is about to be.
func unsent(s quarry.ShardState) bool {
	return s == quarry.ShardPlanned || s == quarry.ShardBuilt || s == quarry.ShardUploaded
}

// overCap says why calls are not begun: the cap is harder than the deadline. What fits below it is held back shard by shard as
// always.
func (r *rest) overCap(w *Work, mode quarry.Mode, by time.Time) string {
	if w.Cap == nil {
		return ""
	}
	calls := w.Prices.Cost(mode, w.share(r.all))
	if calls == nil || !r.priced {
		return fmt.Sprintf("records that are late for %s stay in jobs: the price of calls is not known, so the cap of %s could be exceeded",
			Moment(by), w.Cap)
	}
	if r.settled+*calls <= *w.Cap {
		return ""
	}
	return fmt.Sprintf("records that are late for %s stay in jobs: calls for the rest would cost about %s and exceed the cap of %s",
		Moment(by), calls, w.Cap)
}
