package sample

import (
	"bytes"
	"container/heap"

	"quarry/internal/prepare/dedupe"
)

// Smallest keeps the entries with the smallest hashes of all that are added.
type Smallest struct {
	most int // that are kept
	kept byHash
}

// NewSmallest keeps at most so many.
func NewSmallest(most int) *Smallest { return &Smallest{most: most} }

// Add considers an entry.
func (s *Smallest) Add(e dedupe.Entry) {
	if len(s.kept) < s.most {
		heap.Push(&s.kept, e)
		return
	}
	if len(s.kept) > 0 && bytes.Compare(e.Hash[:], s.kept[0].Hash[:]) < 0 {
		s.kept[0] = e
		heap.Fix(&s.kept, 0)
	}
}

// Entries are those that are kept, in no order.
func (s *Smallest) Entries() []dedupe.Entry { return s.kept }

// byHash is a heap with the largest hash on top.
type byHash []dedupe.Entry

func (h byHash) Len() int           { return len(h) }
func (h byHash) Less(i, j int) bool { return bytes.Compare(h[i].Hash[:], h[j].Hash[:]) > 0 }
func (h byHash) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byHash) Push(x any)        { *h = append(*h, x.(dedupe.Entry)) }
func (h *byHash) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
