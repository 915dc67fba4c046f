package validate

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sort"

	"quarry/internal/base/jsonl"
)

// Sorter sorts more than memory holds: what Add took, Sorted gives by key and, where keys are equal, by order. Close
// gives back what it holds, on the disk too, and is called once. One goroutine at a time uses it.
type Sorter interface {
	Add(key [16]byte, order int64) error
	Sorted() iter.Seq2[Sorted, error]
	Close() error
}

// Sorted is one thing that a Sorter took.
type Sorted struct {
	Key   [16]byte
	Order int64
}

// heldIDs is how many recordIds are held by default: what fills 2^18 slots, 6 MiB. By default a job may have 100,000
// records at most (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
const heldIDs = 3 << 16

// laterIDs are the recordIds that came when the set was full. They are compared when the last file is read.
type laterIDs struct {
	sorter func(name string) (Sorter, error)
	ids    Sorter  // nil: none came
	starts []int64 // where each file would begin if all were one
}

// A place is reported to a sorter as where the recordId is if all files were one, and as the number of its line; a first
// place as its file next to its line.
const lineBits = 40

// add takes an id that was not found in the set.
func (l *laterIDs) add(file int, id idRef) (err error) {
	if l.ids == nil {
		if l.ids, err = l.sorter("ids"); err != nil {
			return err
		}
	}
	return l.ids.Add(pair(id.hash, uint64(l.starts[file]+id.at)), id.line)
}

func pair(a, b uint64) (key [16]byte) {
	binary.BigEndian.PutUint64(key[:], a)
	binary.BigEndian.PutUint64(key[8:], b)
	return key
}

// file gives the file of a place and where in it the place is.
func (l *laterIDs) file(place int64) (index int, at int64) {
	index = sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > place }) - 1
	return index, place - l.starts[index]
}

// again is a recordId that came before.
type again struct {
	file  int
	id    idRef
	first earlier
}

// distinct is the first record of an id among ids of one hash.
type distinct struct {
	id       []byte
	readable bool
	place    uint64 // as a Sorter gets it
}

// repeated gives the ids that came again, in the order of the files.
func (l *laterIDs) repeated(ctx context.Context, set *idSet) iter.Seq2[again, error] {
	return func(yield func(again, error) bool) {
		if l.ids == nil {
			return
		}
		found, err := l.sorter("again")
		if err != nil {
			yield(again{}, err)
			return
		}
		err = l.compare(ctx, set, found)
		for s, sortErr := range found.Sorted() {
			if err = errors.Join(err, sortErr, ctx.Err()); err != nil {
				break
			}
			if !yield(l.tell(set, s), nil) {
				break
			}
		}
		if err = errors.Join(err, found.Close()); err != nil {
			yield(again{}, err)
		}
	}
}

// compare notes which ids came before.
func (l *laterIDs) compare(ctx context.Context, set *idSet, found Sorter) error {
	var before Sorted // the last of the same hash, and the only one as long as firsts is empty
	var firsts []distinct
	for s, err := range l.ids.Sorted() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if !bytes.Equal(s.Key[:8], before.Key[:8]) {
			before, firsts = s, firsts[:0]
			continue
		}
		if len(firsts) == 0 {
			firsts = append(firsts, l.distinct(set, before, nil))
		}
		d := l.distinct(set, s, set.ids[0])
		same := false
		for _, first := range firsts {
			// A file that can be read only once leaves the hash as the judge, as it does in the set.
			if same = !d.readable || !first.readable || bytes.Equal(d.id, first.id); same {
				if err := found.Add(pair(binary.BigEndian.Uint64(s.Key[8:]), first.place), s.Order); err != nil {
					return err
				}
				break
			}
		}
		if set.ids[0] = d.id; !same {
			set.ids[0] = nil
			firsts = append(firsts, d)
		}
	}
	return nil
}

func (l *laterIDs) distinct(set *idSet, s Sorted, into []byte) distinct {
	file, at := l.file(int64(binary.BigEndian.Uint64(s.Key[8:])))
	id, ok := set.read(file, at, into)
	return distinct{id, ok, uint64(file)<<lineBits | uint64(min(s.Order, 1<<lineBits-1))}
}

func (l *laterIDs) tell(set *idSet, s Sorted) again {
	file, at := l.file(int64(binary.BigEndian.Uint64(s.Key[:])))
	first := binary.BigEndian.Uint64(s.Key[8:])
	id, _ := set.read(file, at, set.ids[0])
	set.ids[0] = id
	return again{
		file:  file,
		id:    idRef{line: s.Order, at: at},
		first: earlier{jsonl.Quote(id), fmt.Sprintf("%s:%d", set.names[first>>lineBits], first&(1<<lineBits-1))},
	}
}

func (l *laterIDs) close() error {
	if l.ids == nil {
		return nil
	}
	return l.ids.Close()
}
