package run

import (
	"quarry/internal/clean"
	"quarry/internal/run/shardfile"
)

// cleanedOf is nil for a ready record, which is not cleaned.
func (p *prepared) cleanedOf() *shardfile.Cleaned {
	if p.mode == "" {
		return nil
	}
	c := &shardfile.Cleaned{Mode: p.mode, Source: p.source, Text: p.cleaned, Cut: p.cut}
	for rule, tally := range p.dropped.All() {
		if c.Dropped == nil {
			c.Dropped = map[string][2]int64{}
		}
		c.Dropped[rule.String()] = [2]int64{tally.Items, tally.Bytes}
	}
	return c
}

// drop adds what was left out of a document to the plan's sums.
func (p *Planned) drop(counts *clean.Counts) {
	for rule, tally := range counts.All() {
		if p.Dropped == nil {
			p.Dropped = map[string]clean.Tally{}
		}
		sum := p.Dropped[rule.String()]
		sum.Items, sum.Bytes = sum.Items+tally.Items, sum.Bytes+tally.Bytes
		p.Dropped[rule.String()] = sum
	}
}
