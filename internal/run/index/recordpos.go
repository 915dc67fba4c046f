package index

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"

	"quarry/internal/prepare/dedupe"
)

// MaxParts is how many parts of one document a recordId has room for.
const MaxParts = 9999

const longBytes = 12

// RecordPos is the position of a first attempt in its pass: the order of the document, and below it the number of the part; 0 if it
// is sent as a whole. Positions rise as the records are written, so shards are cut by them.
type RecordPos int64

const partBits = 14 // for MaxParts

// PosOf is the position of one part of a document, or of the whole of it.
func PosOf(order int64, part int) RecordPos { return RecordPos(order<<partBits | int64(part)) }

// Order is that of the document.
func (p RecordPos) Order() int64 { return int64(p) >> partBits }

// Part is the number of the part, from 1; 0: the whole document.
func (p RecordPos) Part() int { return int(p & (1<<partBits - 1)) }

// Long reads how long the lines of the parts of long documents are: a long document has one entry for all of
// them.
type Long struct {
	next  func() ([]byte, error, bool)
	stop  func()
	head  struct{ order, bytes int64 }
	more  bool
	known *positions // of parts that are not sent
}

// OpenLong reads none where no document of the pass is sent in parts.
func (p Pass) OpenLong() (*Long, error) {
	l := &Long{known: &positions{stop: func() {}}}
	l.next, l.stop = iter.Pull2(fixed(p.Path(longFile), longBytes))
	err := l.advance()
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	return l, err
}

// OpenSent is OpenLong once it is decided what becomes of each document: the length of a part that is not sent, because its
// answer of an earlier pass counts, is 0.
func (p Pass) OpenSent() (*Long, error) {
	known, err := p.openKnownParts()
	if err != nil {
		return nil, err
	}
	l, err := p.OpenLong()
	if err != nil {
		known.stop()
		return nil, err
	}
	l.known = known
	return l, nil
}

func (l *Long) advance() error {
	b, err, more := l.next()
	if l.more = more && err == nil; l.more {
		l.head.order, l.head.bytes = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))
	}
	return err
}

// Of gives the lengths of the lines of a document's parts, in the memory of lengths; none where it is sent as a whole. It is
// read in order.
func (l *Long) Of(order int64, lengths []int64) ([]int64, error) {
	lengths = lengths[:0]
	for l.more && l.head.order <= order {
		if l.head.order == order {
			lengths = append(lengths, l.head.bytes)
		}
		if err := l.advance(); err != nil {
			return lengths, err
		}
	}
	for l.known.more && l.known.head.Order() <= order {
		if n := l.known.head.Part(); l.known.head.Order() == order && n >= 1 && n <= len(lengths) {
			lengths[n-1] = 0
		}
		if err := l.known.advance(); err != nil {
			return lengths, err
		}
	}
	return lengths, nil
}

// Close ends the reading.
func (l *Long) Close() {
	l.stop()
	l.known.stop()
}

// RecordsOf is how many records send a document first: one for each part that has a length, or one for the whole.
func RecordsOf(lengths []int64) (n int64) {
	for _, length := range lengths {
		n += min(length, 1)
	}
	if len(lengths) == 0 {
		return 1
	}
	return n
}

// positions reads a file of positions in their order.
type positions struct {
	next func() ([]byte, error, bool)
	stop func()
	head RecordPos
	more bool
}

// openKnownParts reads none where the pass was planned by a version that carried no parts.
func (p Pass) openKnownParts() (*positions, error) {
	known := &positions{}
	known.next, known.stop = iter.Pull2(fixed(p.Path(knownFile), 8))
	err := known.advance()
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	return known, err
}

func (p *positions) advance() error {
	b, err, more := p.next()
	if p.more = more && err == nil; p.more {
		p.head = RecordPos(binary.BigEndian.Uint64(b))
	}
	return err
}

// FirstRecord is one record that is, or could have been, sent in a pass: of documents that turn out to repeat another
// one too. A part whose answer of an earlier pass counts is none.
type FirstRecord struct {
	Pos   RecordPos
	Key   dedupe.Hash // half of its document's
	Bytes int64       // of its line in the input file
}

// FirstRecords gives them in their order.
func (p Pass) FirstRecords() iter.Seq2[FirstRecord, error] {
	return func(yield func(FirstRecord, error) bool) {
		long, err := p.OpenSent()
		if err != nil {
			yield(FirstRecord{}, err)
			return
		}
		defer long.Close()
		var order int64
		var lengths []int64
		for e, err := range p.Entries() {
			if err == nil {
				lengths, err = long.Of(order, lengths)
			}
			if err != nil {
				yield(FirstRecord{}, err)
				return
			}
			switch {
			case e.Disposition() != Main:
			case len(lengths) == 0:
				if !yield(FirstRecord{PosOf(order, 0), e.Key, int64(e.Bytes)}, nil) {
					return
				}
			default:
				for i, n := range lengths {
					if n > 0 && !yield(FirstRecord{PosOf(order, i+1), e.Key, n}, nil) {
						return
					}
				}
			}
			order++
		}
	}
}
