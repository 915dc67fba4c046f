package answered

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sort"

	"quarry/internal/base/effect"
)

// rows sorts records of one size by their bytes: in memory up to a bound, as sorted files beyond it. One goroutine at a time.
type rows struct {
	e     *effect.Effects
	dir   string // of the sorted files; made on demand
	name  string // what their names begin with
	width int    // bytes of a record
	most  int    // records held in memory

	held  []byte
	files []sortedFile
	made  int
}

// sortedFile is a file of sorted records. Those that hold what memory held are at level 0; mergeFiles of one level make one
// of the next, so few are read at once, whatever the number of records.
type sortedFile struct {
	path  string
	level int
}

const (
	mergeFiles  = 32
	readBytes   = 32 << 10
	heldRecords = 96 << 10 // 5 MiB of entries
)

func newRows(e *effect.Effects, dir, name string, width, most int) *rows {
	if most == 0 {
		most = heldRecords
	}
	return &rows{e: e, dir: dir, name: name, width: width, most: most}
}

func (r *rows) add(record []byte) error {
	r.held = append(r.held, record...)
	if len(r.held) < r.most*r.width {
		return nil
	}
	if err := r.spill(); err != nil {
		return err
	}
	return r.settle()
}

// Len, Less and Swap sort what is held.
func (r *rows) Len() int           { return len(r.held) / r.width }
func (r *rows) Less(i, j int) bool { return bytes.Compare(r.at(i), r.at(j)) < 0 }
func (r *rows) at(i int) []byte    { return r.held[i*r.width : (i+1)*r.width] }
func (r *rows) Swap(i, j int) {
	a, b := r.at(i), r.at(j)
	for k := range a {
		a[k], b[k] = b[k], a[k]
	}
}

func (r *rows) spill() error {
	sort.Sort(r)
	err := r.write(0, func(yield func([]byte, error) bool) {
		for i := range r.Len() {
			if !yield(r.at(i), nil) {
				return
			}
		}
	})
	r.held = r.held[:0]
	return err
}

// settle merges the last files as long as there are mergeFiles of one level.
func (r *rows) settle() error {
	for {
		n := len(r.files) - mergeFiles
		if n < 0 || r.files[n].level != r.files[len(r.files)-1].level {
			return nil
		}
		merged := append([]sortedFile(nil), r.files[n:]...)
		if err := r.write(merged[0].level+1, r.merging(nil, merged)); err != nil {
			return err
		}
		r.files = append(r.files[:n], r.files[len(r.files)-1])
		for i, f := range merged {
			if err := r.e.Remove(f.path); err != nil {
				r.files = append(r.files, merged[i:]...) // close tries again
				return err
			}
		}
	}
}

func (r *rows) write(level int, records iter.Seq2[[]byte, error]) error {
	if err := r.e.MkdirAll(r.dir); err != nil {
		return err
	}
	f, err := r.e.Create(filepath.Join(r.dir, fmt.Sprintf("%s.run%05d", r.name, r.made)))
	if err != nil {
		return err
	}
	r.files = append(r.files, sortedFile{f.Path(), level}) // named before it is whole, so that close removes it
	r.made++
	w := bufio.NewWriterSize(f, 64<<10)
	for record, err := range records {
		if err == nil {
			_, err = w.Write(record)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// sorted gives all records by their bytes. It may be read more than once. A slice holds until the next one.
func (r *rows) sorted() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if len(r.files) > 0 && len(r.held) > 0 {
			if err := r.spill(); err != nil {
				yield(nil, err)
				return
			}
		}
		sort.Sort(r)
		r.merging(r.held, r.files)(yield)
	}
}

// close removes the files.
func (r *rows) close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, r.e.Remove(f.path))
	}
	r.files, r.held = nil, nil
	return errors.Join(errs...)
}

func (r *rows) merging(held []byte, files []sortedFile) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var m heads
		defer func() { m.close() }()
		open := []*head{{in: bufio.NewReader(bytes.NewReader(held))}}
		for _, f := range files {
			in, err := os.Open(f.path)
			if err != nil {
				m = append(m, open...)
				yield(nil, err)
				return
			}
			open = append(open, &head{in: bufio.NewReaderSize(in, readBytes), file: in})
		}
		for i, h := range open {
			h.record = make([]byte, r.width)
			ok, err := h.next()
			if err != nil {
				m = append(m, open[i:]...)
				yield(nil, err)
				return
			}
			if ok {
				m = append(m, h)
			}
		}
		heap.Init(&m)
		for len(m) > 0 {
			if !yield(m[0].record, nil) {
				return
			}
			ok, err := m[0].next()
			switch {
			case err != nil:
				yield(nil, err)
				return
			case ok:
				heap.Fix(&m, 0)
			default:
				heap.Pop(&m)
			}
		}
	}
}

// head is the next record of one sorted sequence.
type head struct {
	in     *bufio.Reader
	file   *os.File // nil: in memory
	record []byte
}

// next reads the next record; at the end it closes the file.
func (h *head) next() (bool, error) {
	_, err := io.ReadFull(h.in, h.record)
	if err == nil {
		return true, nil
	}
	h.close()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return false, fmt.Errorf("read sorted records: %w", err)
}

func (h *head) close() {
	if h.file != nil {
		_ = h.file.Close()
		h.file = nil
	}
}

type heads []*head

func (m heads) Len() int           { return len(m) }
func (m heads) Less(i, j int) bool { return bytes.Compare(m[i].record, m[j].record) < 0 }
func (m heads) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *heads) Push(x any)        { *m = append(*m, x.(*head)) }
func (m *heads) Pop() any {
	old := *m
	last := old[len(old)-1]
	*m = old[:len(old)-1]
	return last
}

func (m heads) close() {
	for _, h := range m {
		h.close()
	}
}
