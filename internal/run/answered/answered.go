// Package answered is a run's memory of every attempt that came to an end, whichever pass made it: document key → where the
// outcome is.
//
// It owns the file index/answered: its form, the merge of what is new into it, the join of a pass's documents with it, and
// the rule by which an earlier answer stands for a document. It does not judge an answer (the journal says what it is worth),
// reads no source, and knows neither the ledger nor a provider. What always holds: the file is sorted and read from its
// beginning to its end; memory does not grow with the number of documents; the file says itself which shards it holds, so a
// crash at any moment leaves a file that is true; nothing is ever taken out of it.
package answered

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
	"quarry/internal/prepare/dedupe"
)

// How says what an attempt is worth to a later pass with the same request.
type How byte

// What an attempt can be worth.
const (
	OK    How = 'o' // an answer that passed its checks
	Bad   How = 'b' // an answer that did not: it was paid for, and counts as an attempt in every later pass
	Final How = 'f' // no answer, and the provider will say the same again
	None  How = 'n' // no answer: only the number of the attempt is used up
)

// HowOf says what an attempt of a class is worth.
func HowOf(c quarry.Class) How {
	switch {
	case c == quarry.ClassOK:
		return OK
	case c == quarry.ClassRefused: // the model declines again, however often it is sent
		return Final
	case c.Answered():
		return Bad
	case c == quarry.ClassRecordError:
		return Final
	}
	return None
}

// Known takes the place of a shard for an answer that the run was given (--known): its line is a slot of the imported answers.
const Known quarry.ShardID = "k00000"

// Entry is one attempt that came to an end.
type Entry struct {
	// Key is the first half of the document key. Where only a recordId is known, it is the first 6 bytes of it and zeros: then
	// the entry speaks of the document ID alone.
	Key     dedupe.Hash
	ID      dedupe.Hash // of the document's id
	Part    int         // of a long document; 0: the whole document, or the merge of its parts
	Attempt int         // its number, from 1; 0: an answer that the run was given
	How     How
	Shard   quarry.ShardID // whose journal has the outcome
	Line    int64          // in it, from 0
}

const (
	keyBytes    = len(dedupe.Hash{})
	prefixBytes = 6 // of a key, in a recordId
	entryBytes  = 2*keyBytes + 2 + 2 + 1 + 1 + 4 + 4
)

// record is what is sorted by its bytes: an entry, or less with zeros after it.
type record [hitBytes]byte

// newSorter gives a sorter of records of which width bytes are used. memory bounds those held; 0: 96 Ki, which are 5 MiB.
func newSorter(e *effect.Effects, dir, name string, width, memory int) *extsort.Sorter[record] {
	form := extsort.Form[record]{
		Bytes: width, Compare: func(a, b record) int { return bytes.Compare(a[:], b[:]) },
		Put: func(to []byte, r record) { copy(to, r[:]) }, Get: func(from []byte) (r record) { copy(r[:], from); return r },
	}
	return extsort.New(e, form, extsort.Config{Dir: dir, Name: name, Memory: cmp.Or(memory, 96<<10)})
}

// append appends the entry's bytes. Their order is the order of the file: by key, then document, part and attempt.
func (e *Entry) append(b []byte) []byte {
	b = append(b, e.Key[:]...)
	b = append(b, e.ID[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(e.Part))
	b = binary.BigEndian.AppendUint16(b, uint16(min(e.Attempt, math.MaxUint16)))
	return appendPlace(append(b, byte(e.How)), e.Shard, e.Line)
}

func (e *Entry) read(b []byte) {
	copy(e.Key[:], b)
	copy(e.ID[:], b[keyBytes:])
	b = b[2*keyBytes:]
	e.Part, e.Attempt, e.How = int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:])), How(b[4])
	e.Shard, e.Line = readPlace(b[5:])
}

const placeBytes = 1 + 4 + 4

// appendPlace writes a shard as its letter and number, and a line of its journal, so that places are sorted by them.
func appendPlace(b []byte, shard quarry.ShardID, line int64) []byte {
	b = append(b, shard[0])
	b = binary.BigEndian.AppendUint32(b, uint32(shard.Number()))
	return binary.BigEndian.AppendUint32(b, uint32(line))
}

func readPlace(b []byte) (quarry.ShardID, int64) {
	return quarry.ShardID(fmt.Sprintf("%c%05d", b[0], binary.BigEndian.Uint32(b[1:]))), int64(binary.BigEndian.Uint32(b[5:]))
}

// prefixOnly reports whether only the part of the key that a recordId holds is known.
func (e *Entry) prefixOnly() bool {
	return [keyBytes - prefixBytes]byte(e.Key[prefixBytes:]) == [keyBytes - prefixBytes]byte{}
}

// speaksOf reports whether the entry is of a document's request, whose key has the same first bytes.
func (e *Entry) speaksOf(key, id dedupe.Hash) bool {
	if e.prefixOnly() {
		return e.ID == id && bytes.Equal(e.Key[:prefixBytes], key[:prefixBytes])
	}
	return e.Key == key
}
