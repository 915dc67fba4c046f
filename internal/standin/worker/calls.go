package worker

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"quarry/internal/base/inflight"
	"quarry/internal/standin/model"
	"quarry/internal/standin/model/stream"
)

// calls is the journal of on-demand calls: only what the bill needs of them.
type calls struct {
	*journal
	path   string
	number atomic.Uint64 // of the last call without an id of its own

	mu    sync.Mutex
	total Totals
}

const callPrefix = "call-"

func openCalls(path string, noSync bool, d *disk) (*calls, error) {
	c := &calls{path: path}
	count := func(f *finished) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total.Add(f.total())
	}
	var err error
	c.journal, err = openJournal(path, noSync, d,
		func(f finished, _ int64) error {
			count(&f)
			// A number that was billed is not given again: another call's answer would look like a second one of it.
			if n, err := strconv.ParseUint(strings.TrimPrefix(f.id, callPrefix), 10, 64); err == nil && n > c.number.Load() {
				c.number.Store(n)
			}
			return nil
		},
		func(group []*finished, _ []int64) {
			for _, f := range group {
				count(f)
			}
		})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *calls) totals() Totals {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

func (c *calls) read(each func(finished, int64) error) error {
	f, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	_, err = readFrames(f, each)
	return err
}

func (c *calls) close() error {
	err := c.flush()
	if e := c.journal.close(); err == nil {
		err = e
	}
	return err
}

// repliesBytes bounds what is held of the replies of servers, until they are on the disk or with the client. What is made of a reply on
// the way takes a few times as much.
const repliesBytes = 32 << 20

// Hold begins a hold of the replies that are in memory, which Call and Stream find in their context.
func (e *Engine) Hold() *inflight.Hold { return e.replies.Hold() }

// Call asks the model once, as an on-demand call, with the engine's faults, and journals the answer for the bill before
// it returns. A request without a RecordID counts as "call-<n>". The error is a *model.Error, or the context's.
func (e *Engine) Call(ctx context.Context, req model.Request) (Reply, error) {
	return e.call(ctx, req, nil)
}

// Stream is Call for a client that reads the answer while it is written: if the model supports it, along is called with each
// piece. The reply is the whole answer, whether or not along was called. An error of along ends the call.
func (e *Engine) Stream(ctx context.Context, req model.Request, along func(stream.Delta) error) (Reply, error) {
	return e.call(ctx, req, along)
}

func (e *Engine) call(ctx context.Context, req model.Request, along func(stream.Delta) error) (Reply, error) {
	if req.RecordID == "" {
		req.RecordID = callPrefix + strconv.FormatUint(e.calls.number.Add(1), 10)
	}
	if e.disk.isFull() {
		return Reply{}, &model.Error{Code: http.StatusServiceUnavailable, Message: "The disk of the stand-in is full: no call is made before there is room."}
	}
	reply, err := e.ask(ctx, e.cfg.Faults, req, along)
	if err != nil {
		return Reply{}, err
	}
	recorded := make(chan error, 1)
	f := &finished{id: req.RecordID, recorded: recorded}
	f.count(&reply.Response)
	if err := e.calls.add(f); err != nil {
		return Reply{}, fmt.Errorf("bill call %s: %w", req.RecordID, err)
	}
	if err := <-recorded; err != nil {
		return Reply{}, fmt.Errorf("bill call %s: %w", req.RecordID, err)
	}
	return reply, nil
}
