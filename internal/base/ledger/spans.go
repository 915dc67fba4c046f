package ledger

import (
	"slices"
	"time"
)

// Span is a time from one moment to a later one.
type Span struct{ From, To time.Time }

// Union is how long at least one of the spans lasts. Spans without a beginning, and those that end before they begin, count nothing.
func Union(spans []Span) time.Duration {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b Span) int { return a.From.Compare(b.From) })
	var sum time.Duration
	var until time.Time
	for _, s := range sorted {
		from := s.From
		if until.After(from) {
			from = until
		}
		if s.From.IsZero() || !s.To.After(from) {
			continue
		}
		sum += s.To.Sub(from)
		until = s.To
	}
	return sum
}

// Spans are when the jobs of a shard were under way, or its on-demand calls. One that has not ended lasts until now; if now is zero, it
// counts nothing.
func (s *Shard) Spans(now time.Time) []Span {
	var spans []Span
	for _, j := range append([]Job{s.Job}, s.Past...) {
		if j.Ended.IsZero() {
			j.Ended = now
		}
		if !j.Submitted.IsZero() && !j.Ended.IsZero() {
			spans = append(spans, Span{j.Submitted, j.Ended})
		}
	}
	return spans
}
