package board

import "time"

// Pace is how fast records were answered lately. Its zero value has seen nothing.
type Pace struct{ seen []point }

type point struct {
	at   time.Time
	done int64
}

const (
	window = 10 * time.Minute
	apart  = 5 * time.Second // between two points, so that a window has few of them
)

// See notes how many records were done at a moment. A smaller count than before starts a new measurement.
func (p *Pace) See(at time.Time, done int64) {
	n := len(p.seen)
	if n > 0 && done < p.seen[n-1].done {
		p.seen, n = nil, 0
	}
	if n > 1 && at.Sub(p.seen[n-2].at) < apart {
		p.seen = p.seen[:n-1]
	}
	p.seen = append(p.seen, point{at, done})
	for len(p.seen) > 2 && at.Sub(p.seen[1].at) >= window {
		p.seen = p.seen[1:]
	}
}

// Lately gives records a minute, and over which time; 0 where too little was seen.
func (p *Pace) Lately() (perMinute float64, over time.Duration) {
	if len(p.seen) == 0 {
		return 0, 0
	}
	first, last := p.seen[0], p.seen[len(p.seen)-1]
	over = last.at.Sub(first.at)
	if over < apart || last.done == first.done {
		return 0, 0
	}
	return float64(last.done-first.done) / over.Minutes(), over
}
