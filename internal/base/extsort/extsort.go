// Package extsort sorts more records of one size than memory holds.
//
// It owns the sorted runs on the disk and their merge. It does not know what a record is: its user says how one is written, read and
// compared. What always holds: memory does not grow with the number of records, and few files exist at a time.
package extsort

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"quarry/internal/base/effect"
)

// Form is how records of a type are written and compared.
type Form[T any] struct {
	Bytes   int             // of a record in a file
	Put     func([]byte, T) // writes a record over so many bytes
	Get     func([]byte) T
	Compare func(a, b T) int
}

// Config says where a sorter may write and how much it may hold.
type Config struct {
	Dir    string // of the runs; made on demand
	Name   string // what the runs' names begin with
	Memory int    // records held; at least 1
}

// Sorter takes records in any order and gives them sorted. One goroutine at a time.
type Sorter[T any] struct {
	cfg  Config
	form Form[T]
	e    *effect.Effects
	held []T
	runs []file // the older ones are at no lower level
	made int    // runs so far: what names the next
}

// file is a sorted run on the disk. Those that hold what memory held are at level 0; mergeRuns of one level make one of
// the next. So there are few to be read at once, whatever the number of records, and a record is written again once for
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

// New gives an empty sorter.
func New[T any](e *effect.Effects, form Form[T], cfg Config) *Sorter[T] {
	return &Sorter[T]{cfg: cfg, form: form, e: e}
}

// Add takes a record.
func (s *Sorter[T]) Add(record T) error {
	if len(s.held) == cap(s.held) {
		// Doubled up to the bound: what append leaves over on the way there is several times as much.
		grown := make([]T, len(s.held), min(max(2*len(s.held), 64), max(s.cfg.Memory, 1)))
		copy(grown, s.held)
		s.held = grown
	}
	s.held = append(s.held, record)
	if len(s.held) < s.cfg.Memory {
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	return s.settle()
}

// spill writes what is held as a run.
func (s *Sorter[T]) spill() error {
	slices.SortFunc(s.held, s.form.Compare)
	err := s.write(0, func(yield func(T, error) bool) {
		for _, record := range s.held {
			if !yield(record, nil) {
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
func (s *Sorter[T]) settle() error {
	for {
		n := len(s.runs) - mergeRuns
		if n < 0 || s.runs[n].level != s.runs[len(s.runs)-1].level {
			return nil
		}
		merged := slices.Clone(s.runs[n:])
		if err := s.write(merged[0].level+1, s.merging(nil, merged)); err != nil {
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
func (s *Sorter[T]) write(level int, records iter.Seq2[T, error]) error {
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
	b := make([]byte, s.form.Bytes)
	for record, err := range records {
		if err == nil {
			s.form.Put(b, record)
			_, err = w.Write(b)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// Sorted gives all records in order. It may be read more than once.
func (s *Sorter[T]) Sorted() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if len(s.runs) > 0 && len(s.held) > 0 {
			// To those on the disk: the memory is worth more to a caller that works on what comes out.
			if err := s.spill(); err != nil {
				var none T
				yield(none, err)
				return
			}
		}
		if len(s.held) == 0 {
			s.held = nil
		}
		slices.SortFunc(s.held, s.form.Compare)
		s.merging(s.held, s.runs)(yield)
	}
}

// merging gives the records of sorted runs, in memory and on the disk, in order.
func (s *Sorter[T]) merging(held []T, files []file) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		runs := []*run[T]{{held: held}}
		for _, file := range files {
			f, err := os.Open(file.path)
			if err != nil {
				yield(none, err)
				return
			}
			defer func() { _ = f.Close() }()
			runs = append(runs, &run[T]{r: bufio.NewReaderSize(f, readBytes)})
		}
		m := merge[T]{form: &s.form}
		for _, r := range runs {
			if ok, err := r.next(&s.form); err != nil {
				yield(none, err)
				return
			} else if ok {
				m.runs = append(m.runs, r)
			}
		}
		heap.Init(&m)
		for len(m.runs) > 0 {
			if !yield(m.runs[0].head, nil) {
				return
			}
			ok, err := m.runs[0].next(&s.form)
			switch {
			case err != nil:
				yield(none, err)
				return
			case ok:
				heap.Fix(&m, 0)
			default:
				heap.Pop(&m)
			}
		}
	}
}

// Close removes the runs.
func (s *Sorter[T]) Close() error {
	var errs []error
	for _, run := range s.runs {
		errs = append(errs, s.e.Remove(run.path))
	}
	s.runs, s.held = nil, nil
	return errors.Join(errs...)
}

// run is one sorted sequence, in memory or in a file.
type run[T any] struct {
	held []T
	r    *bufio.Reader
	head T
}

func (r *run[T]) next(form *Form[T]) (bool, error) {
	if r.r == nil {
		if len(r.held) == 0 {
			return false, nil
		}
		r.head, r.held = r.held[0], r.held[1:]
		return true, nil
	}
	b, err := r.r.Peek(form.Bytes)
	if err != nil {
		if len(b) == 0 && errors.Is(err, io.EOF) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return false, fmt.Errorf("read sorted run: %w", err)
	}
	r.head = form.Get(b)
	_, err = r.r.Discard(form.Bytes)
	return true, err
}

// merge is a heap of runs by their heads.
type merge[T any] struct {
	form *Form[T]
	runs []*run[T]
}

func (m *merge[T]) Len() int           { return len(m.runs) }
func (m *merge[T]) Less(i, j int) bool { return m.form.Compare(m.runs[i].head, m.runs[j].head) < 0 }
func (m *merge[T]) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merge[T]) Push(x any)         { m.runs = append(m.runs, x.(*run[T])) }
func (m *merge[T]) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}
