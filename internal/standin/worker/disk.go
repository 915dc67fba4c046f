package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// diskPause is how long the engine waits before it tries a full disk again.
	diskPause = 250 * time.Millisecond
	// diskRoom is what has to fit on a disk that was full before a step that found no room is tried again, in bytes.
	diskRoom = 256 << 10
)

// disk knows whether there is room for answers. While it is full nothing is sent to the model: an answer costs its back end time,
// and what cannot be kept would be sent again. What was answered before waits in memory.
type disk struct {
	dir  string          // in which room is looked for
	stop <-chan struct{} // the engine ends
	log  *slog.Logger

	mu   sync.Mutex
	full chan struct{} // nil: there was room at the last try; else closed when there is again
}

func newDisk(dir string, stop <-chan struct{}, log *slog.Logger) *disk {
	return &disk{dir: dir, stop: stop, log: log}
}

// noRoom tells a disk, or a quota of it, that is used up.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// fill notes that there is no room.
func (d *disk) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full == nil {
		d.full = make(chan struct{})
		d.log.Error("the disk is full: no record goes to the model until there is room; answers that have no room are kept in memory")
	}
}

// empty notes that there is room.
func (d *disk) empty() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full != nil {
		close(d.full)
		d.full = nil
		d.log.Info("there is room on the disk again")
	}
}

func (d *disk) state() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

func (d *disk) isFull() bool { return d.state() != nil }

// ready waits until something may be sent; false: ctx or the work is over first.
func (d *disk) ready(ctx context.Context, over <-chan struct{}) bool {
	for {
		full := d.state()
		select {
		case <-over:
			return false
		default:
		}
		if full == nil {
			return true
		}
		select {
		case <-full:
		case <-over:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// kept writes until there is room for it. The error is another one, or that of the full disk when the engine ends.
func (d *disk) kept(write func() error) error {
	for held := false; ; held = true {
		err := write()
		if !noRoom(err) {
			if held {
				d.empty()
			}
			return err
		}
		d.fill()
		select {
		case <-time.After(diskPause):
		case <-d.stop:
			return err
		}
	}
}

// wait passes the time until a step that found no room is tried again; false: the step is over.
func (d *disk) wait(step context.Context) bool {
	d.fill()
	for {
		select {
		case <-time.After(diskPause):
		case <-step.Done():
			return false
		}
		if !noRoom(d.room()) {
			d.empty()
			return true
		}
	}
}

// room writes a file and removes it.
func (d *disk) room() error {
	f, err := os.CreateTemp(d.dir, tempPattern)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, diskRoom))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
