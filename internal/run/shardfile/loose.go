package shardfile

import (
	"bufio"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/effect"
)

// Loose keeps outcomes as they come, in any order, and the place of each. Its file is gone when the journal is there.
type Loose struct {
	e      *effect.Effects
	file   *effect.OutFile
	buf    *bufio.Writer
	line   []byte
	unpack unpacker
	ahead  []byte // what was read of the file, from the offset from on
	from   int64
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
	l.line = f.pack(l.line[:0])
	l.at[f.At], l.length[f.At] = l.size, int32(len(l.line))
	l.size += int64(len(l.line))
	_, err := l.buf.Write(l.line)
	return err
}

// aheadBytes are read at a time where outcomes are read one after another, as they are where output keeps the order of the input.
const aheadBytes = 64 << 10

func (l *Loose) get(place int) (f Found, err error) {
	at, n := l.at[place], int64(l.length[place])
	if ahead := l.from + int64(len(l.ahead)); at < l.from || at+n > ahead {
		want := n
		if at >= l.from && at <= ahead { // the one after the last
			want = max(n, min(aheadBytes, l.size-at))
		}
		l.from, l.ahead = at, slices.Grow(l.ahead[:0], int(want))[:want]
		if _, err := l.file.ReadAt(l.ahead, at); err != nil {
			l.ahead = l.ahead[:0]
			return f, err
		}
	}
	return l.unpack.unpack(l.ahead[at-l.from : at-l.from+n])
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
