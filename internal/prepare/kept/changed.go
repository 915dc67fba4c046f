package kept

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"quarry"
)

// changed finds modified items by their ids. An id that comes several times stands for as many items, in their order.
type changed struct {
	file *os.File
	end  int64
	path string
	of   map[quarry.DocumentID]*again
	at   int64 // the frame that is unpacked
	rows [][]byte
}

type again struct {
	places      []place
	used, asked int
}

// index reads the ids of what was modified.
func index(ctx context.Context, changes *Kept) (*changed, error) {
	c := &changed{end: changes.end, path: changes.path, of: map[quarry.DocumentID]*again{}, at: -1}
	for f, err := range frames(ctx, changes) {
		if err != nil {
			return nil, err
		}
		for l, err := range f.lines() {
			if err != nil {
				return nil, err
			}
			if l.id == "" {
				continue
			}
			if c.of[l.id] == nil {
				c.of[l.id] = new(again)
			}
			c.of[l.id].places = append(c.of[l.id].places, l.at)
		}
	}
	var err error
	c.file, err = os.Open(changes.path)
	return c, err
}

func (c *changed) close() error { return c.file.Close() }

// instead gives the line that takes the place of one of the earlier copy: that one, or the same item as it is now.
func (c *changed) instead(was kept) ([]byte, error) {
	a := c.of[was.id]
	if was.id == "" || a == nil || a.used == len(a.places) {
		return was.line, nil
	}
	at := a.places[a.used]
	a.used++
	return c.line(at)
}

// left gives a modified item that has taken no place: it is new. One without an id, which is a fault, could be found in no later copy, so
// it waits for the next full reading.
func (c *changed) left(l kept) ([]byte, error) {
	a := c.of[l.id]
	if a == nil {
		return nil, nil
	}
	if a.asked++; a.asked <= a.used {
		return nil, nil
	}
	return l.line, nil
}

// line reads a line. Most are asked for in their order, so one frame is unpacked for many of them.
func (c *changed) line(at place) ([]byte, error) {
	if at.frame != c.at {
		content, _, err := unpacked(c.file, at.frame, c.end)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", c.path, err)
		}
		c.at, c.rows = at.frame, bytes.Split(content, []byte("\n"))
	}
	return c.rows[at.n], nil
}
