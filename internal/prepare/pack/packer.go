package pack

import (
	"math"
	"slices"
)

const (
	// aheadPerMinimum is how many times the minimum is held back after a full span, so that a stretch of very large
	// records can be shared out among its neighbours.
	aheadPerMinimum = 64
	// maxAhead bounds what is held back when the maximum of records is just above a large minimum.
	maxAhead = 1 << 20
)

// packer holds back the items that are not in a span yet: those of the next span, and as many after it as it takes to
// know that a cut leaves no remainder below the minimum.
type packer struct {
	minRecords, maxRecords, maxBytes int64 // the last two are MaxInt64 where no limit is known

	ahead int // items to hold back after a full span
	// base are the first items of the next span, of which only the sum is kept; held are those after them.
	base    Span
	held    []Item
	full    int   // how many of held fit into the next span next to base
	inFull  int64 // their bytes
	reached []int // scratch of reach: how far the held items from each on can be cut
	ends    []int // scratch of reach
}

func newPacker(cfg Config) *packer {
	p := &packer{minRecords: max(1, cfg.Quotas.MinRecords), maxRecords: cfg.MaxRecords(), maxBytes: cfg.MaxBytes()}
	if p.maxRecords == 0 {
		p.maxRecords = math.MaxInt64
	}
	if p.maxBytes == 0 {
		p.maxBytes = math.MaxInt64
	}
	if p.minRecords > 1 {
		// Any number of records from s×minimum on can be cut when s spans, from the minimum to the maximum of records,
		// leave no gap to s+1 spans.
		times := int64(aheadPerMinimum)
		if spare := p.maxRecords - p.minRecords; spare > 0 {
			times = max(times, (p.minRecords-1)/spare+2)
		}
		p.ahead = maxAhead
		if p.minRecords < maxAhead/times {
			p.ahead = int(p.minRecords * times)
		}
	}
	return p
}

func (p *packer) empty() bool { return p.base.Records == 0 && len(p.held) == 0 }

func (p *packer) add(item Item) {
	p.held = append(p.held, item)
	p.extend()
	// Nearly all items of a long span cannot become its end any more: only the last ones are a choice.
	if keep := 2 * (p.ahead + 1); p.full == len(p.held) && len(p.held) >= 2*keep {
		p.fold(len(p.held) - keep)
	}
}

// extend counts in the held items that still fit into the next span.
func (p *packer) extend() {
	for p.full < len(p.held) {
		b := p.held[p.full].Bytes
		if p.base.Records+int64(p.full) >= p.maxRecords || b > p.maxBytes-p.base.Bytes-p.inFull {
			return
		}
		p.inFull += b
		p.full++
	}
}

// fold moves the first n held items into the base.
func (p *packer) fold(n int) {
	for _, item := range p.held[:n] {
		p.base.take(item)
		p.inFull -= item.Bytes
	}
	p.held = slices.Delete(p.held, 0, n)
	p.full -= n
}

// ready reports whether enough is held to cut the next span off.
func (p *packer) ready() bool { return p.full < len(p.held) && len(p.held)-p.full > p.ahead }

// cut takes the next span off: the longest one that lets everything after it be cut as well. The last span of what is
// held may stay open when more items can come.
func (p *packer) cut(final bool) Span {
	n := p.full
	if end, ok := p.bestEnd(final); ok {
		n = end
	}
	span := p.base
	for _, item := range p.held[:n] {
		span.take(item)
	}
	p.held = slices.Delete(p.held, 0, n)
	p.base, p.full, p.inFull = Span{}, 0, 0
	p.extend()
	return span
}

// bestEnd gives the end of the longest next span, at or above the minimum, after which all that is held can be cut
// within the limits. Where no end is that good, it is the one of the longest span that leaves the most.
func (p *packer) bestEnd(final bool) (end int, ok bool) {
	first := max(0, int(min(p.minRecords-p.base.Records, int64(len(p.held)+1)))) // the shortest span that is enough
	if first > p.full {
		return 0, false
	}
	if p.full == len(p.held) {
		return p.full, true
	}
	p.reach(final)
	for end := p.full; end >= first; end-- {
		if p.reached[end] >= len(p.held) {
			return end, true
		}
	}
	// A remainder below the minimum cannot be helped. It comes last, as late as it can.
	best := p.full
	for end := p.full; end >= first; end-- {
		if p.reached[end] > p.reached[best] {
			best = end
		}
	}
	return best, true
}

// reach computes, for each held item, how far the items from there on can be cut into spans within the limits: the
// index after the last one. It goes from the end to the front with two pointers.
func (p *packer) reach(final bool) {
	n := len(p.held)
	p.reached = slices.Grow(p.reached[:0], n+1)[:n+1]
	p.reached[n] = n
	// best, from front on, is a queue of ends, those that reach farthest first: the maximum over a window that moves to
	// the front.
	best := p.ends[:0]
	front := 0
	var bytes int64
	stop := n // the items from i up to stop fit into one span
	next := n // ends from here on are in the queue, or beaten
	for i := n - 1; i >= 0; i-- {
		bytes += p.held[i].Bytes
		for int64(stop-i) > p.maxRecords || bytes > p.maxBytes {
			stop--
			bytes -= p.held[stop].Bytes
		}
		p.reached[i] = i
		if stop == n && !final {
			p.reached[i] = n // open: what comes can fill it up
		}
		if p.minRecords > int64(n-i) {
			continue
		}
		shortest := i + int(p.minRecords)
		for ; next >= shortest; next-- {
			for len(best) > front && p.reached[best[len(best)-1]] < p.reached[next] {
				best = best[:len(best)-1]
			}
			best = append(best, next)
		}
		for len(best) > front && best[front] > stop {
			front++
		}
		if len(best) > front {
			p.reached[i] = max(p.reached[i], p.reached[best[front]])
		}
	}
	p.ends = best
}

func (s *Span) take(item Item) {
	if s.Records == 0 {
		s.First = item.Order
	}
	s.Last = item.Order
	s.Records++
	s.Bytes += item.Bytes
}
