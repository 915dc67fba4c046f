package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sort"

	"quarry"
	"quarry/internal/base/figure"
)

// hash is the first half of the SHA-256 of a document's id, as the index has it.
type hash [16]byte

func hashOf(id quarry.DocumentID) hash {
	sum := sha256.Sum256([]byte(id))
	return hash(sum[:16])
}

// The marks of the column `takes`: what becomes of a document.
const (
	takeMain     = 'm'
	takePilot    = 'p'
	takeEmpty    = 'e'
	takeSameID   = 'i'
	takeSame     = 's'
	takeTooLarge = 'l'
	takeBroken   = 'x'
	takeEarlier  = 'u' // answered in an earlier pass
	takeRecalled = 'r' // its request was answered in an earlier pass
	takeMerge    = 'g' // all its parts were answered in earlier passes, so only their merge is sent
)

// entry is what the index says of one document.
type entry struct {
	order int64
	id    hash
	key   hash // the first half of its document key; zero where it was never sent
	take  byte
	tries int // attempts of earlier passes
	parts int // in which it is sent; 0: as a whole
}

// has reports whether the document has a line in results.jsonl.
func (e *entry) has() bool { return e.take != takeSameID && e.take != takeBroken }

// earlier reports whether the document has the answer of an earlier pass.
func (e *entry) earlier() bool { return e.take == takeEarlier || e.take == takeRecalled }

// asked reports whether the document has a record of its own.
func (e *entry) asked() bool { return e.take == takeMain || e.take == takePilot || e.take == takeMerge }

// An entry is 36 bytes: id, key and the length of its line in the input file.
const entryBytes = 36

// index reads the columns of a pass.
type index struct {
	dir            string
	entries, takes *os.File
	tries          *os.File // nil: there was no earlier pass
	triesBytes     int64    // of a document in it
	long           *os.File // nil: no document is sent in parts
	n              int64
	at             int64 // order of the first entry that is held
	held, marks    []byte
	tried          []byte
	parts          map[int64]int // of the documents that are held, those sent in parts
}

func openIndex(dir string) (*index, error) {
	ix := &index{dir: dir}
	var err error
	if ix.entries, err = os.Open(filepath.Join(dir, "entries")); err != nil {
		return nil, err
	}
	if ix.takes, err = os.Open(filepath.Join(dir, "takes")); err != nil {
		_ = ix.entries.Close()
		return nil, err
	}
	ix.triesBytes = 2
	if ix.tries, err = os.Open(filepath.Join(dir, "tried")); err != nil {
		ix.triesBytes = 1 // planned by an earlier version
		if ix.tries, err = os.Open(filepath.Join(dir, "tries")); err != nil {
			ix.tries = nil
		}
	}
	if ix.long, err = os.Open(filepath.Join(dir, "long")); err != nil {
		ix.long = nil
	}
	e, err := ix.entries.Stat()
	t, tErr := ix.takes.Stat()
	if err := errors.Join(err, tErr); err != nil {
		ix.close()
		return nil, err
	}
	ix.n = min(e.Size()/entryBytes, t.Size())
	if e.Size() != ix.n*entryBytes || t.Size() != ix.n {
		ix.close()
		return nil, fmt.Errorf("%s of entries do not go with %s marks", figure.Count(e.Size(), "byte"), figure.Thousands(t.Size()))
	}
	return ix, nil
}

func (ix *index) close() {
	_ = ix.entries.Close()
	_ = ix.takes.Close()
	if ix.tries != nil {
		_ = ix.tries.Close()
	}
	if ix.long != nil {
		_ = ix.long.Close()
	}
}

// of gives the entry of an order; it is fast when called in order.
func (ix *index) of(order int64) (entry, error) {
	if order < 0 || order >= ix.n {
		return entry{}, fmt.Errorf("the index has %s, none of order %d", figure.Count(ix.n, "document"), order)
	}
	if order < ix.at || order >= ix.at+int64(len(ix.marks)) {
		n := min(ix.n-order, 4096)
		ix.held, ix.marks, ix.tried, ix.at = make([]byte, n*entryBytes), make([]byte, n), make([]byte, n*ix.triesBytes), order
		_, err := ix.entries.ReadAt(ix.held, order*entryBytes)
		_, tErr := ix.takes.ReadAt(ix.marks, order)
		var triesErr error
		if ix.tries != nil {
			_, triesErr = ix.tries.ReadAt(ix.tried, order*ix.triesBytes)
		}
		partsErr := ix.readLong(order, order+n)
		for _, err := range []error{err, tErr, triesErr, partsErr} {
			if err != nil && !errors.Is(err, io.EOF) {
				ix.marks = nil
				return entry{}, err
			}
		}
	}
	i := order - ix.at
	e := entry{order: order, take: ix.marks[i], tries: ix.triesOf(i), parts: ix.parts[order]}
	copy(e.id[:], ix.held[i*entryBytes:])
	copy(e.key[:], ix.held[i*entryBytes+16:])
	return e, nil
}

// triesOf is the number of attempts of earlier passes at one of the documents that are held.
func (ix *index) triesOf(i int64) int {
	if ix.triesBytes == 1 {
		return int(ix.tried[i])
	}
	return int(binary.BigEndian.Uint16(ix.tried[2*i:]))
}

// all gives the entries in order.
func (ix *index) all() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for order := range ix.n {
			if e, err := ix.of(order); !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// longBytes is what a part of a long document has in its file: its order, and the length of its line in the input file.
const longBytes = 12

// readLong counts the parts of the documents from one order to before another.
func (ix *index) readLong(from, to int64) error {
	ix.parts = nil
	if ix.long == nil {
		return nil
	}
	info, err := ix.long.Stat()
	if err != nil {
		return err
	}
	var b [longBytes]byte
	var readErr error
	orderAt := func(i int) int64 {
		if _, err := ix.long.ReadAt(b[:], int64(i)*longBytes); err != nil {
			readErr = err
		}
		return int64(binary.BigEndian.Uint64(b[:]))
	}
	n := int(info.Size() / longBytes)
	ix.parts = map[int64]int{}
	for i := sort.Search(n, func(i int) bool { return orderAt(i) >= from }); i < n && readErr == nil; i++ {
		order := orderAt(i)
		if order >= to {
			break
		}
		ix.parts[order]++
	}
	return readErr
}
