package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"

	"quarry/internal/base/atomicfile"
	"quarry/internal/prepare/dedupe"
)

// Joined says which document of a pass is which slot of the one before.
type Joined struct {
	Gone int64 // slots whose documents are not in the sources
	Lost int64 // of them, those whose documents were in the sources of the pass before

	pairs *dedupe.Sorter // by order: the pair takes the place of the hash
	next  func() (dedupe.Pair, error, bool)
	stop  func()
	head  dedupe.Pair
	more  bool
}

// Join walks the sorted ids of the pass, which has so many orders, and of the one before, writes the sorted ids of this one,
// and notes which slots are gone: they get a number after the orders. Without a pass before, which is nil then, it only
// writes the ids.
func (p Pass) Join(ctx context.Context, ids *dedupe.Sorter, orders int64, before *Known) (*Joined, error) {
	j := &Joined{pairs: dedupe.NewSorter(p.effects, dedupe.Config{Dir: p.Path(sortDir), Name: "pairs"}), stop: func() {}}
	out, err := atomicfile.Create(p.effects, p.Path(idsFile))
	if err != nil {
		return nil, err
	}
	defer out.Abort()
	gone, err := atomicfile.Create(p.effects, p.Path(goneFile))
	if err != nil {
		return nil, err
	}
	defer gone.Abort()
	old, stop := iter.Pull2(before.IDs())
	defer stop()
	was, err, more := old()
	leave := func() error { // the slot at hand is not in the sources
		e := dedupe.Entry{Hash: was.Hash, Order: orders + j.Gone}
		j.Gone++
		if was.Order < before.orders {
			j.Lost++
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(was.Order))
		if _, err := gone.Write(b[:]); err != nil {
			return err
		}
		return writeID(out, e)
	}
	for id, idErr := range firsts(ids.Sorted()) { // an id that comes again is left out
		if err := errors.Join(err, idErr, ctx.Err()); err != nil {
			return nil, err
		}
		for ; more && err == nil && bytes.Compare(was.Hash[:], id.Hash[:]) < 0; was, err, more = old() {
			if err := leave(); err != nil {
				return nil, err
			}
		}
		if more && err == nil && was.Hash == id.Hash {
			if err := j.add(id.Order, was.Order); err != nil {
				return nil, err
			}
			was, err, more = old()
		}
		if err := writeID(out, id); err != nil {
			return nil, err
		}
	}
	for ; more && err == nil; was, err, more = old() {
		if err := leave(); err != nil {
			return nil, err
		}
	}
	return j, errors.Join(err, gone.Commit(), out.Commit())
}

// firsts gives the first entry of each hash.
func firsts(sorted iter.Seq2[dedupe.Entry, error]) iter.Seq2[dedupe.Entry, error] {
	return func(yield func(dedupe.Entry, error) bool) {
		last, begun := dedupe.Hash{}, false
		for e, err := range sorted {
			if err == nil && begun && e.Hash == last {
				continue
			}
			last, begun = e.Hash, true
			if !yield(e, err) {
				return
			}
		}
	}
}

func (j *Joined) add(order, slot int64) error {
	return j.pairs.Add(pairEntry(dedupe.Pair{Order: order, First: slot}, 0))
}

// Slot gives the slot of a document. It is read in order.
func (j *Joined) Slot(order int64) (slot int64, ok bool, err error) {
	if j.next == nil {
		j.next, j.stop = iter.Pull2(func(yield func(dedupe.Pair, error) bool) {
			for e, err := range j.pairs.Sorted() {
				if !yield(pairOf(&e), err) {
					return
				}
			}
		})
		if j.head, err, j.more = j.next(); err != nil {
			return 0, false, err
		}
	}
	for j.more && j.head.Order < order {
		if j.head, err, j.more = j.next(); err != nil {
			return 0, false, err
		}
	}
	return j.head.First, j.more && j.head.Order == order, nil
}

// Close removes what was written for it.
func (j *Joined) Close() error {
	j.stop()
	return j.pairs.Close()
}

// pairEntry puts a pair where a sorter expects a hash, so that pairs are sorted by their order.
func pairEntry(p dedupe.Pair, with int64) dedupe.Entry {
	e := dedupe.Entry{Order: with}
	binary.BigEndian.PutUint64(e.Hash[:], uint64(p.Order))
	binary.BigEndian.PutUint64(e.Hash[8:], uint64(p.First))
	return e
}

func pairOf(e *dedupe.Entry) dedupe.Pair {
	return dedupe.Pair{Order: int64(binary.BigEndian.Uint64(e.Hash[:])), First: int64(binary.BigEndian.Uint64(e.Hash[8:]))}
}

// WriteIDs writes the sorted ids of a pass that is joined with none before. Each id is there once.
func (p Pass) WriteIDs(ids *dedupe.Sorter) error {
	_, err := p.writeIDs(ids)
	return err
}

// writeIDs gives how many different ids there are.
func (p Pass) writeIDs(ids *dedupe.Sorter) (n int64, err error) {
	out, err := atomicfile.Create(p.effects, p.Path(idsFile))
	if err != nil {
		return 0, err
	}
	defer out.Abort()
	for id, err := range firsts(ids.Sorted()) {
		if err != nil {
			return n, err
		}
		if err := writeID(out, id); err != nil {
			return n, err
		}
		n++
	}
	return n, out.Commit()
}

func writeID(w io.Writer, e dedupe.Entry) error {
	var b [idBytes]byte
	copy(b[:], e.Hash[:])
	binary.BigEndian.PutUint64(b[16:], uint64(e.Order))
	_, err := w.Write(b[:])
	return err
}
