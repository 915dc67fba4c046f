// Package dedupe finds equal hashes among more of them than memory holds.
//
// It owns an external sort: hashes are kept in memory up to a bound, written as sorted runs beyond it, and merged. It
// does not know what a hash stands for. What always holds: memory does not grow with the number of hashes, and equal
// hashes come out next to each other in the order in which they went in.
package dedupe

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"quarry/internal/base/effect"
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

const entryBytes = 24

// Config says where a sorter may write and how much it may hold.
type Config struct {
	Dir    string // of the runs; made on demand
	Name   string // what the runs' names begin with
	Memory int    // entries held; zero: 256 Ki, which is 6 MiB
}

// Sorter takes entries in any order and gives them sorted. One goroutine at a time.
type Sorter struct {
	cfg  Config
	e    *effect.Effects
	held []Entry
	runs []file // the older ones are at no lower level
	made int    // runs so far: what names the next
}

// file is a sorted run on the disk. Those that hold what memory held are at level 0; mergeRuns of one level make one of
// the next. So there are few to be read at once, whatever the number of entries, and an entry is written again once for
// each factor of mergeRuns.
type file struct {
	path  string
	level int
}

// mergeRuns runs are read at once, with readBytes of memory each, and as many of each higher level.
const (
	mergeRuns  = 64
	readBytes  = 32 << 10
	writeBytes = 64 << 10
)

// NewSorter gives an empty sorter.
func NewSorter(e *effect.Effects, cfg Config) *Sorter {
	if cfg.Memory == 0 {
		cfg.Memory = 256 << 10
	}
	return &Sorter{cfg: cfg, e: e}
}

// Add takes an entry.
func (s *Sorter) Add(entry Entry) error {
	if len(s.held) == cap(s.held) {
		// Doubled up to the bound: what append leaves over on the way there is several times as much.
		grown := make([]Entry, len(s.held), min(max(2*len(s.held), 1<<10), max(s.cfg.Memory, 1)))
		copy(grown, s.held)
		s.held = grown
	}
	s.held = append(s.held, entry)
	if len(s.held) < s.cfg.Memory {
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	return s.settle()
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

// spill writes what is held as a run.
func (s *Sorter) spill() error {
	slices.SortFunc(s.held, compare)
	err := s.write(0, func(yield func(Entry, error) bool) {
		for _, entry := range s.held {
			if !yield(entry, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	s.held = s.held[:0]
	return nil
}

// settle merges the last runs as long as there are mergeRuns of one level.
func (s *Sorter) settle() error {
	for {
		n := len(s.runs) - mergeRuns
		if n < 0 || s.runs[n].level != s.runs[len(s.runs)-1].level {
			return nil
		}
		merged := slices.Clone(s.runs[n:])
		if err := s.write(merged[0].level+1, merging(nil, merged)); err != nil {
			return err
		}
		s.runs = append(s.runs[:n], s.runs[len(s.runs)-1])
		for i, m := range merged {
			if err := s.e.Remove(m.path); err != nil {
				s.runs = append(s.runs, merged[i:]...) // Close tries again
				return err
			}
		}
	}
}

// write writes a run.
func (s *Sorter) write(level int, entries iter.Seq2[Entry, error]) error {
	if err := s.e.MkdirAll(s.cfg.Dir); err != nil {
		return err
	}
	f, err := s.e.Create(filepath.Join(s.cfg.Dir, fmt.Sprintf("%s.run%05d", s.cfg.Name, s.made)))
	if err != nil {
		return err
	}
	// Named before it is whole, so that Close removes it whatever happens.
	s.runs = append(s.runs, file{f.Path(), level})
	s.made++
	w := bufio.NewWriterSize(f, writeBytes)
	var b [entryBytes]byte
	for entry, err := range entries {
		if err == nil {
			copy(b[:], entry.Hash[:])
			binary.BigEndian.PutUint64(b[16:], uint64(entry.Order))
			_, err = w.Write(b[:])
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// Sorted gives all entries by hash, equal ones by order.
func (s *Sorter) Sorted() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if len(s.runs) > 0 && len(s.held) > 0 {
			// To those on the disk: the memory is worth more to a caller that works on what comes out.
			if err := s.spill(); err != nil {
				yield(Entry{}, err)
				return
			}
		}
		if len(s.held) == 0 {
			s.held = nil
		}
		slices.SortFunc(s.held, compare)
		merging(s.held, s.runs)(yield)
	}
}

// merging gives the entries of sorted runs, in memory and on the disk, in order.
func merging(held []Entry, files []file) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m := merge{{held: held}}
		for _, file := range files {
			f, err := os.Open(file.path)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			defer func() { _ = f.Close() }()
			m = append(m, &run{r: bufio.NewReaderSize(f, readBytes)})
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
	for _, run := range s.runs {
		errs = append(errs, s.e.Remove(run.path))
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
	b, err := r.r.Peek(entryBytes)
	if err != nil {
		if len(b) == 0 && errors.Is(err, io.EOF) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return false, fmt.Errorf("read sorted run: %w", err)
	}
	copy(r.head.Hash[:], b)
	r.head.Order = int64(binary.BigEndian.Uint64(b[16:]))
	_, err = r.r.Discard(entryBytes)
	return true, err
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
