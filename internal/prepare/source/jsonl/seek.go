package jsonl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"quarry/internal/base/jsonl"
)

// ErrNoItems says that a file has nothing at the path where its items should be.
var ErrNoItems = errors.New("no items at their place")

// seek reads on to the first array at a path, and gives the reader after its opening bracket. It holds nothing but one name:
// exports put all else of a site before and between the items.
func seek(r io.Reader, path []string) (rest io.Reader, line, offset int64, err error) {
	s := seeker{in: bufio.NewReaderSize(r, 64<<10), line: 1}
	w := newWalker(path, false)
	for {
		c, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, 0, 0, fmt.Errorf("%w (%s)", ErrNoItems, strings.Join(path, "."))
		case err != nil:
			return nil, 0, 0, err
		case w.step(c):
			return s.in, s.line, s.offset, nil
		}
	}
}

type seeker struct {
	in           *bufio.Reader
	line, offset int64
}

func (s *seeker) next() (byte, error) {
	c, err := s.in.ReadByte()
	if err == nil {
		s.offset++
		if c == '\n' {
			s.line++
		}
	}
	return c, err
}

// token gives the next byte that is neither space, comma, colon nor a byte order mark.
func (s *seeker) token() (byte, error) {
	for {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\n', '\r', ',', ':', 0xEF, 0xBB, 0xBF:
		default:
			return c, nil
		}
	}
}

// name reads a string of which the opening quote was read.
func (s *seeker) name() (string, error) {
	var raw []byte
	for {
		c, err := s.next()
		switch {
		case err != nil:
			return "", err
		case c == '"':
			return string(jsonl.Unescape(nil, raw)), nil
		case len(raw) > 4096:
			return "", fmt.Errorf("%w (a name without an end at byte %d)", ErrNoItems, s.offset)
		}
		raw = append(raw, c)
		if c == '\\' {
			if c, err = s.next(); err != nil {
				return "", err
			}
			raw = append(raw, c)
		}
	}
}

// over reads over a value of which the first byte was read.
func (s *seeker) over(c byte) error {
	var k skipper
	for {
		done := k.skip([]byte{c}) >= 0 || (k.depth == 0 && !k.inside && c == '"')
		if done {
			return nil
		}
		if k.depth == 0 && !k.inside && !k.escaped {
			// A number or literal ends before what is not part of it.
			next, err := s.in.Peek(1)
			if err != nil {
				return err
			}
			if next[0] == ',' || next[0] == '}' || next[0] == ']' || next[0] <= ' ' {
				return nil
			}
		}
		var err error
		if c, err = s.next(); err != nil {
			return err
		}
	}
}
