package shardfile

import (
	"bufio"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run/lines"
)

// Loose keeps outcomes as they come, in any order, and the place of each. Its file is gone when the journal is there.
type Loose struct {
	e      *effect.Effects
	file   *effect.OutFile
	buf    *bufio.Writer
	line   []byte
	reader lines.Reader
	size   int64
	at     []int64 // by place; -1: none yet
	length []int32
	given  []bool // by place: an answer came
}

// CreateLoose begins the outcomes of a shard of n records.
func (d Dir) CreateLoose(id quarry.ShardID, n int) (*Loose, error) {
	if err := d.effects.MkdirAll(filepath.Dir(d.Journal(id))); err != nil {
		return nil, err
	}
	f, err := d.effects.Create(d.Journal(id) + ".loose")
	if err != nil {
		return nil, err
	}
	l := &Loose{e: d.effects, file: f, buf: bufio.NewWriterSize(f, 256<<10), at: make([]int64, n), length: make([]int32, n), given: make([]bool, n)}
	for i := range l.at {
		l.at[i] = -1
	}
	return l, nil
}

// Remove throws the file away.
func (l *Loose) Remove() {
	_ = l.file.Close()
	_ = l.e.Remove(l.file.Path())
}

func (l *Loose) put(f *Found) error {
	var err error
	if l.line, err = f.AppendLine(l.line[:0]); err != nil {
		return err
	}
	l.at[f.At], l.length[f.At] = l.size, int32(len(l.line))
	l.size += int64(len(l.line))
	_, err = l.buf.Write(l.line)
	return err
}

func (l *Loose) get(place int) (f Found, err error) {
	l.line = slices.Grow(l.line[:0], int(l.length[place]))[:l.length[place]]
	if _, err := l.file.ReadAt(l.line, l.at[place]); err != nil {
		return f, err
	}
	return f, l.reader.Read(l.line, &f)
}

// Answer notes that an answer came for the record at a place, and reports whether it is the first.
func (l *Loose) Answer(place int) bool {
	first := !l.given[place]
	l.given[place] = true
	return first
}

// Keep takes one line's outcome. Of two lines for a record the better one stays; doubled says that this was a second one.
func (l *Loose) Keep(f *Found) (doubled bool, err error) {
	if l.at[f.At] < 0 {
		return false, l.put(f)
	}
	if err := l.buf.Flush(); err != nil {
		return true, err
	}
	at := f.At
	first, err := l.get(at)
	if err != nil {
		return true, err
	}
	if first.Outcome.Class == quarry.ClassOK || f.Outcome.Class != quarry.ClassOK {
		f = &first
		f.At = at
	}
	f.Outcome.Doubled = first.Outcome.Doubled + 1
	return true, l.put(f)
}

// Read gives the outcome of the record at a place, once all are kept; ok is false where there is none.
func (l *Loose) Read(place int) (f Found, ok bool, err error) {
	if l.at[place] < 0 {
		return f, false, nil
	}
	if err := l.buf.Flush(); err != nil {
		return f, false, err
	}
	f, err = l.get(place)
	return f, true, err
}
