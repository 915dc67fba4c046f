package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"quarry"
	"quarry/internal/collect"
	"quarry/internal/jsonl"
	"quarry/internal/ledger"
)

// tally counts one outcome.
func tally(s *ledger.Shard, o *outcome) {
	s.Tally.Classes[o.Class]++
	s.Tally.Usage.Add(o.Result.Usage)
	switch {
	case o.Left:
		s.Tally.Left++
	case o.Result.Status == quarry.StatusOK:
		s.Tally.OK++
	case o.Result.Status == quarry.StatusInvalid:
		s.Tally.Invalid++
	default:
		s.Tally.Failed++
	}
}

// inputs reads the first attempts' bodies of a shard's records, by place. They are asked for in order, and seldom.
type inputs struct {
	open  func() (io.ReadCloser, error)
	strip bool // lines are whole records, not bare bodies
	file  io.ReadCloser
	in    *bufio.Reader
	next  int // place of the next line
}

func (r *Run) openInputs(s *ledger.Shard) (*inputs, error) {
	if s.Kind == quarry.RetryShard {
		return &inputs{open: func() (io.ReadCloser, error) { return collect.OpenFile(r.basePath(s.ID)) }}, nil
	}
	return r.openAsked(s), nil
}

// openAsked reads the bodies as this shard asks them.
func (r *Run) openAsked(s *ledger.Shard) *inputs {
	return &inputs{open: func() (io.ReadCloser, error) { return os.Open(r.shardPath(s.ID)) }, strip: true}
}

func (in *inputs) base(place int) ([]byte, error) {
	if in.file == nil {
		f, err := in.open()
		if err != nil {
			return nil, fmt.Errorf("read what was asked: %w", err)
		}
		in.file, in.in = f, bufio.NewReaderSize(f, 1<<20)
	}
	for {
		line, err := in.line(in.next == place)
		if err != nil {
			return nil, fmt.Errorf("read what was asked, record %d: %w", place+1, err)
		}
		in.next++
		if in.next <= place {
			continue
		}
		if !in.strip {
			return line, nil
		}
		for name, value := range jsonl.Members(line) {
			if string(name) == "modelInput" {
				return value, nil
			}
		}
		return nil, fmt.Errorf("record %d has no modelInput", place+1)
	}
}

// line reads one line, and holds it only where it is wanted.
func (in *inputs) line(want bool) ([]byte, error) {
	var line []byte
	for {
		piece, err := in.in.ReadSlice('\n')
		if want {
			line = append(line, piece...)
		}
		switch {
		case err == nil:
			if n := len(line); n > 0 {
				line = line[:n-1]
			}
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func (in *inputs) close() {
	if in.file != nil {
		_ = in.file.Close()
	}
}
