// Package dedupe finds equal hashes among more of them than memory holds.
//
// It owns hashes, their order and the search for texts that are nearly the same; package extsort sorts. It
// does not know what a hash is of. What always holds: memory does not grow with the number of hashes, and equal
// hashes come out next to each other in the order in which they went in.
package dedupe

import (
	"cmp"
	"encoding/binary"
	"iter"

	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
)

// Hash is enough of a cryptographic hash that a collision among 10⁸ is not to be expected.
type Hash [16]byte

// NumberHash is a number in the place of a hash: entries of such hashes are sorted by their numbers, which are not negative.
func NumberHash(n int64) (h Hash) {
	binary.BigEndian.PutUint64(h[:], uint64(n))
	return h
}

// Number is the number that NumberHash put there.
func (h Hash) Number() int64 { return int64(binary.BigEndian.Uint64(h[:])) }

// Entry is one hash and the number of what it was made from.
type Entry struct {
	Hash  Hash
	Order int64
}

// entries is how entries are sorted: by hash, equal ones by order.
var entries = extsort.Form[Entry]{Bytes: 24, Compare: compare, Put: func(b []byte, e Entry) {
	copy(b, e.Hash[:])
	binary.BigEndian.PutUint64(b[16:], uint64(e.Order))
}, Get: func(b []byte) Entry {
	return Entry{Hash: Hash(b[:16]), Order: int64(binary.BigEndian.Uint64(b[16:]))}
}}

// Config says where a sorter may write and how much it may hold. Memory zero: 256 Ki entries, which are 6 MiB.
type Config = extsort.Config

// Sorter takes entries in any order and gives them sorted by hash, equal ones by order. One goroutine at a time.
type Sorter struct{ *extsort.Sorter[Entry] }

// NewSorter gives an empty sorter.
func NewSorter(e *effect.Effects, cfg Config) *Sorter {
	if cfg.Memory == 0 {
		cfg.Memory = 256 << 10
	}
	return &Sorter{extsort.New(e, entries, cfg)}
}

func compare(a, b Entry) int {
	// Most differ in the first half. As numbers they compare faster than as bytes.
	if x, y := binary.BigEndian.Uint64(a.Hash[:]), binary.BigEndian.Uint64(b.Hash[:]); x != y {
		return cmp.Compare(x, y)
	}
	if x, y := binary.BigEndian.Uint64(a.Hash[8:]), binary.BigEndian.Uint64(b.Hash[8:]); x != y {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a.Order, b.Order)
}

// Groups gives every entry that is not the first of its hash, with the order of the first.
func (s *Sorter) Groups() iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		var first Entry
		begun := false
		for entry, err := range s.Sorted() {
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if !begun || entry.Hash != first.Hash {
				first, begun = entry, true
				continue
			}
			if !yield(Pair{Order: entry.Order, First: first.Order}, nil) {
				return
			}
		}
	}
}

// Pair says that one thing repeats an earlier one.
type Pair struct{ Order, First int64 }
