package jsonl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"quarry/internal/jsonl"
)

// ErrNoItems says that a file has nothing at the path where its items should be.
var ErrNoItems = errors.New("no items at their place")

// seek reads on to the array at a path of names and indexes, and gives the reader behind its opening bracket. It holds
// nothing but one name: exports put all else of a site before and beside the items.
func seek(r io.Reader, path []string) (rest io.Reader, line, offset int64, err error) {
	s := seeker{in: bufio.NewReaderSize(r, 64<<10), line: 1}
	for _, step := range path {
		if err := s.into(step); err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w (%s)", ErrNoItems, strings.Join(path, "."))
			}
			return nil, 0, 0, err
		}
	}
	if c, err := s.token(); err != nil || c != '[' {
		return nil, 0, 0, fmt.Errorf("%w (%s is no array)", ErrNoItems, strings.Join(path, "."))
	}
	return s.in, s.line, s.offset, nil
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

// into goes into a container and stops before the value of one of its members.
func (s *seeker) into(step string) error {
	open, err := s.token()
	if err != nil {
		return err
	}
	index := 0
	for {
		c, err := s.token()
		if err != nil {
			return err
		}
		switch {
		case c == '}' || c == ']':
			return fmt.Errorf("%w (no %s)", ErrNoItems, step)
		case open == '{' && c == '"':
			name, err := s.name()
			if err != nil {
				return err
			}
			if name == step {
				return nil
			}
			if c, err = s.token(); err != nil {
				return err
			}
			if err := s.over(c); err != nil {
				return err
			}
		case open == '[':
			if strconv.Itoa(index) == step {
				s.offset--
				return s.in.UnreadByte()
			}
			if err := s.over(c); err != nil {
				return err
			}
			index++
		default:
			return fmt.Errorf("%w (broken JSON at byte %d)", ErrNoItems, s.offset)
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
