// Package dedupe finds equal hashes among more of them than memory holds.
//
// It owns an external sort: hashes are kept in memory up to a bound, written as sorted runs beyond it, and merged. It
// does not know what a hash stands for. What always holds: memory does not grow with the number of hashes, and equal
// hashes come out next to each other in the order in which they went in.
package dedupe

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"quarry/internal/effect"
)

// Hash is enough of a cryptographic hash that a collision among 10⁸ is not to be expected.
type Hash [16]byte

// Entry is one hash and the number of what it was made from.
type Entry struct {
	Hash  Hash
	Order int64
}

const entryBytes = 24

// Config says where a sorter may write and how much it may hold.
type Config struct {
	Dir    string // of the runs; made on demand
	Name   string // what the runs' names begin with
	Memory int    // entries held; zero: 512 Ki, which is 12 MiB
}

// Sorter takes entries in any order and gives them sorted. One goroutine at a time.
type Sorter struct {
	cfg  Config
	e    *effect.Effects
	held []Entry
	runs []string
}

// NewSorter gives an empty sorter.
func NewSorter(e *effect.Effects, cfg Config) *Sorter {
	if cfg.Memory == 0 {
		cfg.Memory = 512 << 10
	}
	return &Sorter{cfg: cfg, e: e}
}

// Add takes an entry.
func (s *Sorter) Add(entry Entry) error {
	s.held = append(s.held, entry)
	if len(s.held) < s.cfg.Memory {
		return nil
	}
	return s.spill()
}

func compare(a, b Entry) int {
	if c := bytes.Compare(a.Hash[:], b.Hash[:]); c != 0 {
		return c
	}
	switch {
	case a.Order < b.Order:
		return -1
	case a.Order > b.Order:
		return 1
	}
	return 0
}

func (s *Sorter) spill() error {
	slices.SortFunc(s.held, compare)
	if err := s.e.MkdirAll(s.cfg.Dir); err != nil {
		return err
	}
	f, err := s.e.Create(filepath.Join(s.cfg.Dir, fmt.Sprintf("%s.run%05d", s.cfg.Name, len(s.runs))))
	if err != nil {
		return err
	}
	// Named before it is whole, so that Close removes it whatever happens.
	s.runs = append(s.runs, f.Path())
	w := bufio.NewWriterSize(f, 256<<10)
	var b [entryBytes]byte
	for _, entry := range s.held {
		copy(b[:], entry.Hash[:])
		binary.BigEndian.PutUint64(b[16:], uint64(entry.Order))
		if _, err := w.Write(b[:]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	s.held = s.held[:0]
	return errors.Join(w.Flush(), f.Close())
}

// Sorted gives all entries by hash, equal ones by order.
func (s *Sorter) Sorted() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		slices.SortFunc(s.held, compare)
		m := merge{{held: s.held}}
		for _, path := range s.runs {
			f, err := os.Open(path)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			defer func() { _ = f.Close() }()
			m = append(m, &run{r: bufio.NewReaderSize(f, 64<<10)})
		}
		live := m[:0]
		for _, r := range m {
			if ok, err := r.next(); err != nil {
				yield(Entry{}, err)
				return
			} else if ok {
				live = append(live, r)
			}
		}
		m = live
		heap.Init(&m)
		for len(m) > 0 {
			if !yield(m[0].head, nil) {
				return
			}
			ok, err := m[0].next()
			switch {
			case err != nil:
				yield(Entry{}, err)
				return
			case ok:
				heap.Fix(&m, 0)
			default:
				heap.Pop(&m)
			}
		}
	}
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

// Close removes the runs.
func (s *Sorter) Close() error {
	var errs []error
	for _, path := range s.runs {
		errs = append(errs, s.e.Remove(path))
	}
	s.runs, s.held = nil, nil
	return errors.Join(errs...)
}

// run is one sorted sequence, in memory or in a file.
type run struct {
	held []Entry
	r    *bufio.Reader
	head Entry
}

func (r *run) next() (bool, error) {
	if r.r == nil {
		if len(r.held) == 0 {
			return false, nil
		}
		r.head, r.held = r.held[0], r.held[1:]
		return true, nil
	}
	var b [entryBytes]byte
	if _, err := io.ReadFull(r.r, b[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("read sorted run: %w", err)
	}
	copy(r.head.Hash[:], b[:])
	r.head.Order = int64(binary.BigEndian.Uint64(b[16:]))
	return true, nil
}

type merge []*run

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return compare(m[i].head, m[j].head) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*run)) }
func (m *merge) Pop() any {
	old := *m
	last := old[len(old)-1]
	*m = old[:len(old)-1]
	return last
}
