package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"quarry"
	"quarry/internal/prepare/dedupe"
)

// Given says which documents of a pass have an answer that the run was given.
type Given struct {
	Unmatched int64   // answers to no document
	First     []int64 // slots of the first of them

	from  *Known
	pairs *dedupe.Sorter // order and slot; slots that were found by key have the mark byKey
	walk  func() (dedupe.Pair, error, bool)
	stop  func()
	head  dedupe.Pair
	more  bool
}

// byKey marks the slot of an answer that was found by what it answers and not by the document's id.
const byKey = 1 << 61

// namedUnmatched is how many answers to no document are kept by their slots.
const namedUnmatched = 5

// MatchGiven joins the ids and keys of a pass with the given answers.
func (p Pass) MatchGiven(ctx context.Context, ids, keys *dedupe.Sorter, from *Known) (g *Given, err error) {
	sorter := func(name string) *dedupe.Sorter {
		return dedupe.NewSorter(p.effects, dedupe.Config{Dir: p.Path(sortDir), Name: name})
	}
	g = &Given{from: from, pairs: sorter("given"), stop: func() {}}
	fates, tries := sorter("given-fates"), sorter("given-tries")
	defer func() { err = errors.Join(err, fates.Close(), tries.Close()) }()
	if err := g.matchIDs(ctx, ids, fates); err != nil {
		return g, err
	}
	if err := g.matchKeys(ctx, keys, tries); err != nil {
		return g, err
	}
	if err := g.judge(ctx, p, tries, fates); err != nil {
		return g, err
	}
	return g, g.count(fates)
}

// matchIDs walks both lists of ids, sorted by hash, and notes the slots that no document has.
func (g *Given) matchIDs(ctx context.Context, ids, fates *dedupe.Sorter) error {
	next, stop := iter.Pull2(firsts(ids.Sorted()))
	defer stop()
	id, err, more := next()
	for was, wasErr := range g.from.IDs() {
		if err := errors.Join(err, wasErr, ctx.Err()); err != nil {
			return err
		}
		for more && err == nil && bytes.Compare(id.Hash[:], was.Hash[:]) < 0 {
			id, err, more = next()
		}
		if more && err == nil && id.Hash == was.Hash {
			if err := g.pairs.Add(pairEntry(dedupe.Pair{Order: id.Order, First: was.Order}, 0)); err != nil {
				return err
			}
			continue
		}
		if err := fates.Add(dedupe.Entry{Hash: dedupe.NumberHash(was.Order), Order: missed}); err != nil {
			return err
		}
	}
	return err
}

// What is known of a slot that no document has by its id.
const (
	missed = 0 // that, and no more
	found  = 1 // a document has it by its key
)

// matchKeys walks the keys of the documents and those of the given answers, both sorted, and notes each pair of which they are alike.
func (g *Given) matchKeys(ctx context.Context, keys, tries *dedupe.Sorter) error {
	path := g.from.pass.Path(keysFile)
	if !there(path) { // an earlier version imported them
		return nil
	}
	next, stop := iter.Pull2(fixed(path, idBytes))
	defer stop()
	b, err, more := next()
	var group []int64 // slots of the key at hand
	var of [keyKnown]byte
	for doc, docErr := range keys.Sorted() {
		if err := errors.Join(err, docErr, ctx.Err()); err != nil {
			return err
		}
		if !more && len(group) == 0 {
			return nil
		}
		if key := [keyKnown]byte(doc.Hash[:keyKnown]); key != of {
			group, of = group[:0], key
			for ; more && err == nil && bytes.Compare(b[:keyKnown], key[:]) <= 0; b, err, more = next() {
				if bytes.Equal(b[:keyKnown], key[:]) {
					group = append(group, int64(binary.BigEndian.Uint64(b[16:])))
				}
			}
		}
		for _, slot := range group {
			if err := tries.Add(pairEntry(dedupe.Pair{Order: doc.Order, First: slot}, 0)); err != nil {
				return err
			}
		}
	}
	return err
}

// judge takes of these pairs those whose recordId begins as the document's would.
func (g *Given) judge(ctx context.Context, p Pass, tries, fates *dedupe.Sorter) error {
	orders := func(yield func(int64) bool) {
		last := int64(-1)
		for e, err := range tries.Sorted() {
			if order := pairOf(&e).Order; err != nil || (order != last && !yield(order)) {
				return
			} else {
				last = order
			}
		}
	}
	next, stop := iter.Pull2(p.Names(orders))
	defer stop()
	var name quarry.DocumentID
	last := int64(-1)
	for e, err := range tries.Sorted() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		pair := pairOf(&e)
		if pair.Order != last {
			var nameErr error
			if name, nameErr, _ = next(); nameErr != nil {
				return nameErr
			}
			last = pair.Order
		}
		record, err := g.from.record(pair.First)
		if err != nil {
			return err
		}
		if !record.Fits(name) {
			continue
		}
		if err := g.pairs.Add(pairEntry(dedupe.Pair{Order: pair.Order, First: pair.First | byKey}, 0)); err != nil {
			return err
		}
		if err := fates.Add(dedupe.Entry{Hash: dedupe.NumberHash(pair.First), Order: found}); err != nil {
			return err
		}
	}
	return nil
}

// count counts the slots that no document has.
func (g *Given) count(fates *dedupe.Sorter) error {
	slot, how := int64(-1), missed
	end := func() {
		if slot >= 0 && how == missed {
			g.Unmatched++
			if len(g.First) < namedUnmatched {
				g.First = append(g.First, slot)
			}
		}
	}
	for e, err := range fates.Sorted() {
		if err != nil {
			return err
		}
		if n := e.Hash.Number(); n != slot {
			end()
			slot, how = n, found
		}
		how = int(e.Order) // sorted: a slot that was found has that last
	}
	end()
	return nil
}

// Slots gives the slots of the answers to the document of an order, read in order: by its id, and by its request; -1: there
// is none.
func (g *Given) Slots(order int64) (byID, byRequest int64, err error) {
	if g.walk == nil {
		g.walk, g.stop = iter.Pull2(func(yield func(dedupe.Pair, error) bool) {
			for e, err := range g.pairs.Sorted() {
				if !yield(pairOf(&e), err) {
					return
				}
			}
		})
		g.head, err, g.more = g.walk()
	}
	byID, byRequest = -1, -1
	for ; g.more && err == nil && g.head.Order <= order; g.head, err, g.more = g.walk() {
		switch slot := g.head.First &^ byKey; {
		case g.head.Order < order:
		case g.head.First == slot && byID < 0:
			byID = slot
		case g.head.First != slot && byRequest < 0:
			byRequest = slot
		}
	}
	return byID, byRequest, err
}

// Close removes what was written for it.
func (g *Given) Close() error {
	g.stop()
	return g.pairs.Close()
}
