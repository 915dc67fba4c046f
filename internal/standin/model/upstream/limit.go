package upstream

import (
	"slices"
	"time"
)

// limit is how many requests a server gets at once: doubled while a doubling does not slow each token down by half, then raised by an
// eighth each round while the pace stays flat, and halved when the server says that it is too much; from then on it rises by one a round
// (additive increase, multiplicative decrease).
// It is not safe for concurrent use; the pool's lock guards it.
type limit struct {
	now, max int
	epoch    int       // raised by every cut: answers to requests sent before it say nothing new
	slow     bool      // still doubling
	careful  bool      // was cut once
	steep    int       // rounds in a row that were too slow for a doubling
	done     int       // answers in this round
	full     bool      // the limit was what held requests back
	paces    []float64 // seconds per token in this round
	flat     float64   // the pace that growth is measured against
}

const (
	steepDoubling = 1.5 // a doubling that costs more than this in pace brings less than a third more throughput
	steepStep     = 1.3
	// steepRounds is how many of them end the doubling: one alone may be new connections or a busy machine.
	steepRounds = 2
)

func newLimit(most int) limit {
	return limit{now: min(startLimit, most), max: most, slow: true}
}

// succeeded counts an answer that took d for that many tokens. inFlight includes it.
func (l *limit) succeeded(d time.Duration, tokens int64, inFlight int) {
	l.done++
	l.full = l.full || inFlight >= l.now
	if len(l.paces) < 512 {
		l.paces = append(l.paces, d.Seconds()/float64(max(1, tokens)))
	}
	if l.done < l.now {
		return
	}
	slices.Sort(l.paces)
	pace := l.paces[len(l.paces)/2]
	full := l.full
	l.done, l.full, l.paces = 0, false, l.paces[:0]
	if !full {
		return // no request waits
	}
	switch {
	case l.flat == 0:
		l.flat = pace
		l.grow()
	case l.slow && pace > steepDoubling*l.flat:
		if l.steep++; l.steep < steepRounds {
			return
		}
		l.slow = false
		l.now = max(1, l.now*3/4)
		l.flat = pace
	case l.slow:
		l.flat, l.steep = pace, 0
		l.grow()
	case pace <= steepStep*l.flat:
		l.flat = min(l.flat, pace)
		l.grow()
	}
}

func (l *limit) grow() {
	step := 1
	switch {
	case l.slow:
		step = l.now
	case !l.careful:
		step = max(1, l.now/8)
	}
	l.now = min(l.max, l.now+step)
}

// congested halves the limit, once for all the requests that were sent under it.
func (l *limit) congested(epoch int) {
	if epoch != l.epoch {
		return
	}
	l.epoch++
	l.slow, l.careful = false, true
	l.now = max(1, l.now/2)
	l.done, l.full, l.paces, l.flat = 0, false, l.paces[:0], 0
}
