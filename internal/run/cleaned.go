package run

import (
	"quarry/internal/clean"
)

// cleaned says what cleaning made of a document: it stands beside the record in the shard's part of the index.
type cleaned struct {
	Mode    string              `json:"mode"`              // body or page
	Source  int64               `json:"source"`            // bytes before
	Text    int64               `json:"text"`              // and after
	Cut     bool                `json:"cut,omitempty"`     // at the cap of length
	Dropped map[string][2]int64 `json:"dropped,omitempty"` // rule → how often, and how many bytes of the source
}

// cleanedOf is nil for a ready record, which is not cleaned.
func (p *prepared) cleanedOf() *cleaned {
	if p.mode == "" {
		return nil
	}
	c := &cleaned{Mode: p.mode, Source: p.source, Text: p.cleaned, Cut: p.cut}
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
