package index

import (
	"encoding/binary"
	"errors"
	"iter"
	"os"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/prepare/dedupe"
)

// Answers that a run was given have an index like a pass, number 0, with a slot for each. Most are to a document's id. Those of
// which only a recordId is known have its 6 bytes of a document's key in their entry, and answer a document with that key whose id
// fits the recordId.

// keysFile is the keys and slots of the given answers that are known by a recordId, sorted by key.
const keysFile = "keys"

// givenFile is the order of each document of a pass that takes a given answer by its id, and the answer's slot.
const givenFile = "given"

// keyKnown is how many bytes of a document's key a recordId contains.
const keyKnown = 6

// Answer is a good answer that a run was given, as a line of results.
type Answer struct {
	ID     quarry.DocumentID // of the document that it is to
	Record quarry.RecordID   // where that is not known: the record that it is to
	Line   []byte            // with its newline; it holds until the next one
}

// Import makes a finished pass of existing answers, and gives how many there are, and how many of them are to
// one thing with an earlier one: the first counts.
func (p Pass) Import(answers iter.Seq2[Answer, error]) (orders, doubled int64, err error) {
	w, err := p.Create()
	if err != nil {
		return 0, 0, err
	}
	defer w.Abort()
	s, err := p.createSlots("")
	if err != nil {
		return 0, 0, err
	}
	defer s.abort()
	ids := dedupe.NewSorter(p.effects, dedupe.Config{Dir: p.Path(sortDir), Name: "ids"})
	keys := dedupe.NewSorter(p.effects, dedupe.Config{Dir: p.Path(sortDir), Name: "keys"})
	defer func() { err = errors.Join(err, ids.Close(), keys.Close()) }()
	for a, err := range answers {
		if err != nil {
			return orders, 0, err
		}
		e := Entry{Hash: HashOf(a.ID)}
		if a.ID == "" {
			e.Hash = HashOf(quarry.DocumentID(a.Record))
			if key, ours := a.Record.KeyPrefix(); ours {
				copy(e.Key[:], key[:])
				if err := keys.Add(dedupe.Entry{Hash: e.Key, Order: orders}); err != nil {
					return orders, 0, err
				}
			}
		}
		err = errors.Join(w.Add(&e), s.add(orders, EndedOK, 0, a.Line), ids.Add(dedupe.Entry{Hash: e.Hash, Order: orders}))
		if err != nil {
			return orders, 0, err
		}
		orders++
	}
	n, err := p.writeIDs(ids)
	return orders, orders - n, errors.Join(err, p.writeKeys(keys), w.Commit(), s.commit(orders))
}

func (p Pass) writeKeys(keys *dedupe.Sorter) error {
	out, err := atomicfile.Create(p.effects, p.Path(keysFile))
	if err != nil {
		return err
	}
	defer out.Abort()
	for e, err := range keys.Sorted() {
		if err == nil {
			err = writeID(out, e)
		}
		if err != nil {
			return err
		}
	}
	return out.Commit()
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// GivenSlot is a document of a pass that has an answer by its id, and the answer's slot.
type GivenSlot struct{ Order, Slot int64 }

// Given reads them by their order. known is false where the pass was planned by a version that did not note them.
func (p Pass) Given() (all iter.Seq2[GivenSlot, error], known bool) {
	if !there(p.Path(givenFile)) {
		return nil, false
	}
	return func(yield func(GivenSlot, error) bool) {
		for b, err := range fixed(p.Path(givenFile), 16) {
			var g GivenSlot
			if err == nil {
				g = GivenSlot{Order: int64(binary.BigEndian.Uint64(b)), Slot: int64(binary.BigEndian.Uint64(b[8:]))}
			}
			if !yield(g, err) || err != nil {
				return
			}
		}
	}, true
}
