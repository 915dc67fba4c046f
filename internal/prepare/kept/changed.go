package kept

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"quarry"
)

// changed finds modified items by their ids. An id names as many items as the earlier copy has of it, or one. Where it was given
// more often, its last places count: a site gives an item again that moved over the border of a page while the pages were read.
type changed struct {
	file *os.File
	end  int64
	path string
	of   map[quarry.DocumentID]*again
	at   int64 // the frame that is unpacked
	rows [][]byte
}

type again struct {
	places []place
	had    int // how many the earlier copy has, counted if there are several places
	used   int
}

// index reads the ids of what was modified, and keeps of each as many places as the earlier copy has, or one.
func index(ctx context.Context, base, changes *Kept) (*changed, error) {
	c := &changed{end: changes.end, path: changes.path, of: map[quarry.DocumentID]*again{}, at: -1}
	twice := map[quarry.DocumentID]*again{}
	err := each(ctx, changes, func(l kept) {
		a := c.of[l.id]
		if a == nil {
			a = new(again)
			c.of[l.id] = a
		} else {
			twice[l.id] = a
		}
		a.places = append(a.places, l.at)
	})
	if err != nil {
		return nil, err
	}
	if len(twice) > 0 { // else nothing asks how many the earlier copy has
		err = each(ctx, base, func(l kept) {
			if a := twice[l.id]; a != nil {
				a.had++
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for _, a := range twice {
		a.places = a.places[max(0, len(a.places)-max(1, a.had)):]
	}
	c.file, err = os.Open(changes.path)
	return c, err
}

// each gives the items of a copy that have an id.
func each(ctx context.Context, k *Kept, do func(kept)) error {
	for f, err := range frames(ctx, k) {
		if err != nil {
			return err
		}
		for l, err := range f.lines() {
			if err != nil {
				return err
			}
			if l.id != "" {
				do(l)
			}
		}
	}
	return nil
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
	if a == nil || a.used == len(a.places) || a.places[a.used] != l.at {
		return nil, nil
	}
	a.used++
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
