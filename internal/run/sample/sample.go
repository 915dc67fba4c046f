// Package sample picks a few out of many: the documents of a pilot, and answers for people to read.
//
// It owns the selection. It does not know what it selects from: it sees hashes, orders and numbers. What always holds:
// the same documents give the same sample, in whatever order they come, and memory grows with the sample alone.
package sample

import (
	"bytes"
	"slices"

	"quarry/internal/prepare/dedupe"
)

// Pilot selects the documents of a pilot: those with the smallest hashes of their ids, in proportion to language and source. A
// selection over the whole source is what makes a forecast: the first N of a CMS are its oldest articles.
type Pilot struct {
	size   int
	strata map[Stratum]*stratum
}

// Stratum is a part of the documents that gives its share of the sample.
type Stratum struct {
	Source   int // number of the source
	Japanese bool
}

// stratum is a stratum's documents: how many they are, and those that may be picked.
type stratum struct {
	total int64
	Smallest
}

// New begins a sample of so many documents.
func New(size int) *Pilot { return &Pilot{size: size, strata: map[Stratum]*stratum{}} }

// Add considers a document. Twice the size is kept of each stratum, since some may turn out to be duplicates.
func (p *Pilot) Add(in Stratum, e dedupe.Entry) {
	if p.size == 0 {
		return
	}
	d := p.strata[in]
	if d == nil {
		d = &stratum{Smallest: Smallest{most: 2 * p.size}}
		p.strata[in] = d
	}
	d.total++
	d.Add(e)
}

// Orders are those of all documents that may be picked.
func (p *Pilot) Orders() map[int64]bool {
	out := map[int64]bool{}
	for _, d := range p.strata {
		for _, e := range d.kept {
			out[e.Order] = true
		}
	}
	return out
}

// Pick gives the orders of the pilot, sorted. Each stratum gives its share of the documents, rounded by largest
// remainder; usable says which of them can be sent.
func (p *Pilot) Pick(usable func(order int64) bool) []int64 {
	var total int64
	var all []Stratum
	for k, d := range p.strata {
		total += d.total
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b Stratum) int {
		switch {
		case a.Source != b.Source:
			return a.Source - b.Source
		case a.Japanese == b.Japanese:
			return 0
		case b.Japanese:
			return -1
		}
		return 1
	})
	if total == 0 {
		return nil
	}
	share := map[Stratum]int{}
	given := 0
	for _, k := range all {
		share[k] = int(p.strata[k].total * int64(p.size) / total)
		given += share[k]
	}
	byRemainder := slices.Clone(all)
	slices.SortStableFunc(byRemainder, func(a, b Stratum) int {
		ra, rb := p.strata[a].total*int64(p.size)%total, p.strata[b].total*int64(p.size)%total
		switch {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	for i := 0; given < p.size && i < len(byRemainder); i, given = i+1, given+1 {
		share[byRemainder[i]]++
	}
	var picked, spare []int64
	for _, k := range all {
		kept := p.strata[k].kept
		slices.SortFunc(kept, func(a, b dedupe.Entry) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
		n := 0
		for _, e := range kept {
			switch {
			case !usable(e.Order):
			case n < share[k]:
				picked = append(picked, e.Order)
				n++
			default:
				spare = append(spare, e.Order)
			}
		}
	}
	// A stratum that has fewer usable documents than its share leaves the rest to the others.
	for len(picked) < p.size && len(spare) > 0 {
		picked, spare = append(picked, spare[0]), spare[1:]
	}
	slices.Sort(picked)
	return picked
}

// Spread gives at most n places among total ones, evenly apart, from 0.
func Spread(total, n int64) []int64 {
	n = min(n, total)
	var at []int64
	for i := range max(n, 0) {
		at = append(at, (2*i+1)*total/(2*n))
	}
	return at
}
