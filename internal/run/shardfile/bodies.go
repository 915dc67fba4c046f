package shardfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
)

// Bodies reads modelInputs of a shard's records by place. They are read in order, and seldom.
type Bodies struct {
	open  func() (io.ReadCloser, error)
	strip bool // lines are whole records, not bare bodies
	file  io.ReadCloser
	in    *bufio.Reader
	next  int // place of the next line
}

// Bodies reads the bodies of the records' first attempts. further says that the shard sends further ones.
func (d Dir) Bodies(id quarry.ShardID, further bool) *Bodies {
	if !further {
		return d.Sent(id)
	}
	return &Bodies{open: func() (io.ReadCloser, error) { return collect.OpenFile(d.Base(id)) }}
}

// Sent reads the bodies as the shard itself sends them.
func (d Dir) Sent(id quarry.ShardID) *Bodies {
	return &Bodies{open: func() (io.ReadCloser, error) { return os.Open(d.Input(id)) }, strip: true}
}

// At gives the body at a place, which is above all places before.
func (in *Bodies) At(place int) ([]byte, error) {
	if in.file == nil {
		f, err := in.open()
		if err != nil {
			return nil, fmt.Errorf("read the records that were sent: %w", err)
		}
		in.file, in.in = f, bufio.NewReaderSize(f, 256<<10)
	}
	for {
		line, err := in.line(in.next == place)
		if err != nil {
			return nil, fmt.Errorf("read record %d that was sent: %w", place+1, err)
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
func (in *Bodies) line(want bool) ([]byte, error) {
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

// Close closes the file, if one was opened.
func (in *Bodies) Close() {
	if in.file != nil {
		_ = in.file.Close()
	}
}
