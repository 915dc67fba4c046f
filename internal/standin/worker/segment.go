package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"quarry"
)

const segmentDir = "segments"

// segment is the journal of one job's finished records, with an index from the record's number to its place. The
// journal is in the order in which records ended; the output is put together from it, while it grows, in the order of
// the input.
type segment struct {
	*journal

	mu     sync.Mutex
	grown  *sync.Cond
	places []place
	tally  tally
	sealed bool // no record will come any more
}

// tally is what the finished records come to.
type tally struct {
	success, errors int64
	dropped         int64 // of those with success: answered and billed, and not in the output
	in, out         int64
	uncounted       int64 // answers whose tokens are not in the sums, which the back end did not count
}

func (t *tally) add(f *finished) {
	if f.flags&isError != 0 {
		t.errors++
		return
	}
	t.success++
	if f.flags&isDropped != 0 {
		t.dropped++
	}
	t.in += f.in
	t.out += f.out
	if f.flags&isUncounted != 0 {
		t.uncounted++
	}
}

func (t tally) counts(total int64) quarry.JobCounts {
	return quarry.JobCounts{Total: total, Processed: t.success + t.errors, Success: t.success, Error: t.errors}
}

func (e *Engine) segmentPath(id string) string {
	return filepath.Join(e.cfg.Dir, segmentDir, id+".log")
}

// openSegment opens a job's segment and counts what is in it. counted is called, from one goroutine, with the tally
// after every group that has reached the disk.
func (e *Engine) openSegment(j Job, counted func(tally)) (*segment, error) {
	s := &segment{places: make([]place, j.Counts.Total)}
	s.grown = sync.NewCond(&s.mu)
	note := func(f *finished, at int64) bool {
		if f.index < 0 || f.index >= int64(len(s.places)) || s.places[f.index].there {
			return false
		}
		s.places[f.index] = place{at: at, size: uint32(len(f.body)), flags: f.flags, there: true}
		s.tally.add(f)
		return true
	}
	var err error
	s.journal, err = openJournal(e.segmentPath(j.ID), e.cfg.NoSync, e.disk,
		func(f finished, at int64) error {
			if !note(&f, at) {
				return fmt.Errorf("record %d of %d is out of range or occurs twice", f.index, len(s.places))
			}
			return nil
		},
		func(group []*finished, at []int64) {
			s.mu.Lock()
			for i, f := range group {
				note(f, at[i])
			}
			sum := s.tally
			s.mu.Unlock()
			counted(sum)
			s.grown.Broadcast()
		})
	if err != nil {
		return nil, err
	}
	counted(s.tally)
	return s, nil
}

// finishedOf counts what is in a job's segment without opening it for work.
func (e *Engine) finishedOf(id string) (t tally, err error) {
	file, err := os.Open(e.segmentPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("count finished records: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = readFrames(file, func(f finished, _ int64) error {
		t.add(&f)
		return nil
	})
	return t, err
}

// seal writes what was added and says that nothing will come any more.
func (s *segment) seal() error {
	err := s.flush()
	s.mu.Lock()
	s.sealed = true
	s.mu.Unlock()
	s.grown.Broadcast()
	return err
}

// await waits until a record is finished, or will never be.
func (s *segment) await(index int64) place {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.places[index].there && !s.sealed {
		s.grown.Wait()
	}
	return s.places[index]
}

// sum is what is finished so far.
func (s *segment) sum() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally
}

// body reads the stored output of a finished record.
func (s *segment) body(p place, buf []byte) ([]byte, error) {
	if cap(buf) < int(p.size) {
		buf = make([]byte, p.size, p.size+p.size/4)
	}
	buf = buf[:p.size]
	if _, err := s.file.ReadAt(buf, p.at); err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	return buf, nil
}

// tidy keeps a terminal job's bill and removes its segment, which may be large. A crash in between is made good by the
// next Open.
func (e *Engine) tidy(j Job) error {
	if !e.untidy(j.ID) {
		return nil
	}
	if err := e.keepBill(j); err != nil {
		return err
	}
	if err := os.Remove(e.segmentPath(j.ID)); err != nil {
		return fmt.Errorf("remove segment: %w", err)
	}
	return nil
}

func (e *Engine) untidy(id string) bool {
	_, err := os.Stat(e.segmentPath(id))
	return err == nil
}
