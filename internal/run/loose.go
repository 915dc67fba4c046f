package run

import (
	"bufio"
	"bytes"
	"encoding/json"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/run/lines"
)

// loose keeps outcomes as they come, and where each lies.
type loose struct {
	e      *effect.Effects
	file   *effect.OutFile
	buf    *bufio.Writer
	line   bytes.Buffer
	size   int64
	at     []int64 // by place; -1: none yet
	length []int32
}

func (r *Run) newLoose(id quarry.ShardID, n int) (*loose, error) {
	f, err := r.effects.Create(r.journalPath(id) + ".loose")
	if err != nil {
		return nil, err
	}
	l := &loose{e: r.effects, file: f, buf: bufio.NewWriterSize(f, 256<<10), at: make([]int64, n), length: make([]int32, n)}
	for i := range l.at {
		l.at[i] = -1
	}
	return l, nil
}

func (l *loose) remove() {
	_ = l.file.Close()
	_ = l.e.Remove(l.file.Path())
}

func (l *loose) put(f *found) error {
	l.line.Reset()
	if err := lines.Write(&l.line, f); err != nil {
		return err
	}
	l.at[f.at], l.length[f.at] = l.size, int32(l.line.Len())
	l.size += int64(l.line.Len())
	_, err := l.buf.Write(l.line.Bytes())
	return err
}

func (l *loose) get(place int) (f found, err error) {
	b := make([]byte, l.length[place])
	if _, err := l.file.ReadAt(b, l.at[place]); err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// keep takes one line's outcome. A second line for a record is counted, and the better of the two stays.
func (r *Run) keep(s *ledger.Shard, l *loose, f *found) error {
	s.Output.Lines++
	if l.at[f.at] >= 0 {
		s.Output.Doubled++
		s.Tally.Classes[quarry.ClassDuplicate]++
		if err := l.buf.Flush(); err != nil {
			return err
		}
		at := f.at
		first, err := l.get(at)
		if err != nil {
			return err
		}
		if first.Outcome.Class == quarry.ClassOK || f.Outcome.Class != quarry.ClassOK {
			f = &first
			f.at = at
		}
		f.Outcome.Doubled = first.Outcome.Doubled + 1
	}
	return l.put(f)
}
