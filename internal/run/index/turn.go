package index

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"

	"quarry/internal/dedupe"
)

// MaxParts is how many parts of one document a recordId has room for.
const MaxParts = 9999

const longBytes = 12

// Turn numbers the first attempts of a pass: the order of the document, and below it the number of the part; 0 where it
// is asked as a whole. Turns rise as the records are written, so shards are cut by them.
type Turn int64

const turnBits = 14 // for MaxParts

// TurnOf is the turn of one part of a document, or of the whole of it.
func TurnOf(order int64, part int) Turn { return Turn(order<<turnBits | int64(part)) }

// Order is that of the document.
func (t Turn) Order() int64 { return int64(t) >> turnBits }

// Part is the number of the part, from 1; 0: the whole document.
func (t Turn) Part() int { return int(t & (1<<turnBits - 1)) }

// Long reads how long the lines of the parts of long documents are: a long document has one entry, which stands for all of
// them.
type Long struct {
	next func() ([]byte, error, bool)
	stop func()
	head struct{ order, bytes int64 }
	more bool
}

// OpenLong reads none where no document of the pass is asked in parts.
func (p Pass) OpenLong() (*Long, error) {
	l := &Long{}
	l.next, l.stop = iter.Pull2(fixed(p.Path(longFile), longBytes))
	err := l.advance()
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	return l, err
}

func (l *Long) advance() error {
	b, err, more := l.next()
	if l.more = more && err == nil; l.more {
		l.head.order, l.head.bytes = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))
	}
	return err
}

// Of gives the lengths of the lines of a document's parts, in the memory of lengths; none where it is asked as a whole. It is
// asked in order.
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
	return lengths, nil
}

// Close ends the reading.
func (l *Long) Close() { l.stop() }

// FirstRecord is one record that is, or could have been, asked in a pass: of documents that turn out to repeat another
// one too.
type FirstRecord struct {
	Turn  Turn
	Key   dedupe.Hash // half of its document's
	Bytes int64       // of its line in the input file
}

// FirstRecords gives them in their order.
func (p Pass) FirstRecords() iter.Seq2[FirstRecord, error] {
	return func(yield func(FirstRecord, error) bool) {
		long, err := p.OpenLong()
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
			case e.Take() != Main:
			case len(lengths) == 0:
				if !yield(FirstRecord{TurnOf(order, 0), e.Key, int64(e.Bytes)}, nil) {
					return
				}
			default:
				for i, n := range lengths {
					if !yield(FirstRecord{TurnOf(order, i+1), e.Key, n}, nil) {
						return
					}
				}
			}
			order++
		}
	}
}
