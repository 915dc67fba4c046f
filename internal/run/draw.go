package run

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"slices"

	"quarry/internal/dedupe"
	"quarry/internal/run/index"
)

// sample draws the pilot: the documents with the smallest hashes of their ids, in proportion to language and source. A
// draw over the whole source is what makes a forecast: the first N of a CMS are its oldest articles.
type sample struct {
	size   int
	strata map[stratum]*drawn
}

type stratum struct {
	source   int
	japanese bool
}

// drawn keeps a stratum's smallest hashes, the largest of them on top.
type drawn struct {
	total int64
	kept  []dedupe.Entry
}

func newSample(size int) *sample { return &sample{size: size, strata: map[stratum]*drawn{}} }

// add considers a document. Twice the size is kept of each stratum, since some may turn out to be duplicates.
func (s *sample) add(in stratum, e dedupe.Entry) {
	if s.size == 0 {
		return
	}
	d := s.strata[in]
	if d == nil {
		d = &drawn{}
		s.strata[in] = d
	}
	d.total++
	d.keep(e, 2*s.size)
}

// orders are those of all documents that may be picked.
func (s *sample) orders() map[int64]bool {
	out := map[int64]bool{}
	for _, d := range s.strata {
		for _, e := range d.kept {
			out[e.Order] = true
		}
	}
	return out
}

// pick gives the orders of the pilot, sorted. Each stratum gives its share of the documents, rounded by largest
// remainder; usable tells which of them can be asked.
func (s *sample) pick(usable func(order int64) bool) []int64 {
	var total int64
	var all []stratum
	for k, d := range s.strata {
		total += d.total
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b stratum) int {
		switch {
		case a.source != b.source:
			return a.source - b.source
		case a.japanese == b.japanese:
			return 0
		case b.japanese:
			return -1
		}
		return 1
	})
	if total == 0 {
		return nil
	}
	share := map[stratum]int{}
	given := 0
	for _, k := range all {
		share[k] = int(s.strata[k].total * int64(s.size) / total)
		given += share[k]
	}
	byRemainder := slices.Clone(all)
	slices.SortStableFunc(byRemainder, func(a, b stratum) int {
		ra, rb := s.strata[a].total*int64(s.size)%total, s.strata[b].total*int64(s.size)%total
		switch {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	for i := 0; given < s.size && i < len(byRemainder); i, given = i+1, given+1 {
		share[byRemainder[i]]++
	}
	var picked, spare []int64
	for _, k := range all {
		kept := s.strata[k].kept
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
	for len(picked) < s.size && len(spare) > 0 {
		picked, spare = append(picked, spare[0]), spare[1:]
	}
	slices.Sort(picked)
	return picked
}

// topUpPilot adds to a pilot that came out smaller than it should be, because most of what was drawn repeats another
// document: a job below the minimum is refused. What is added has the smallest hashes of all that is left.
func (r *Run) topUpPilot(ctx context.Context) error {
	p := &r.planned
	lack := min(int64(r.pilotSize()), p.Asked) - p.Pilot
	if lack <= 0 {
		return nil
	}
	pass := r.index(p.Pass)
	more := &drawn{}
	for d, err := range pass.Taken() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if d.Take == index.Main {
			more.keep(dedupe.Entry{Hash: d.Hash, Order: d.Order}, int(lack))
		}
	}
	added := map[int64]bool{}
	for _, e := range more.kept {
		added[e.Order] = true
	}
	records, err := pass.TakeAsPilot(added, p.Orders)
	if err != nil {
		return err
	}
	p.Pilot += int64(len(added))
	p.pilotRecords += records
	return nil
}

// keep holds the n smallest hashes.
func (d *drawn) keep(e dedupe.Entry, n int) {
	if len(d.kept) < n {
		heap.Push(d, e)
		return
	}
	if bytes.Compare(e.Hash[:], d.kept[0].Hash[:]) < 0 {
		d.kept[0] = e
		heap.Fix(d, 0)
	}
}

func (d *drawn) Len() int           { return len(d.kept) }
func (d *drawn) Less(i, j int) bool { return bytes.Compare(d.kept[i].Hash[:], d.kept[j].Hash[:]) > 0 }
func (d *drawn) Swap(i, j int)      { d.kept[i], d.kept[j] = d.kept[j], d.kept[i] }
func (d *drawn) Push(x any)         { d.kept = append(d.kept, x.(dedupe.Entry)) }
func (d *drawn) Pop() any {
	last := d.kept[len(d.kept)-1]
	d.kept = d.kept[:len(d.kept)-1]
	return last
}
