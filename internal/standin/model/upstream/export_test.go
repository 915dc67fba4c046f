package upstream

import "time"

// Limit lets the tests drive the adaptive limit without a server.
type Limit struct{ l limit }

// NewLimit makes one with the given ceiling.
func NewLimit(most int) *Limit { return &Limit{newLimit(most)} }

// Round ends a whole round of requests that all took d for that many tokens, with inFlight of them at once.
func (l *Limit) Round(d time.Duration, tokens int64, inFlight int) {
	for range l.l.now {
		l.l.succeeded(d, tokens, inFlight)
		if l.l.done == 0 {
			return
		}
	}
}

// Congested reports an overload of a request sent in the epoch.
func (l *Limit) Congested(epoch int) { l.l.congested(epoch) }

// Now and Epoch are its state.
func (l *Limit) Now() int   { return l.l.now }
func (l *Limit) Epoch() int { return l.l.epoch }
