package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"quarry/internal/base/inflight"
	"quarry/internal/standin/model"
	"quarry/internal/standin/model/stream"
)

// calls is the journal of an account's on-demand calls: only what the bill needs of them.
type calls struct {
	*journal
	path string

	mu    sync.Mutex
	total Totals
}

// callLogs are the journals of all accounts.
type callLogs struct {
	number atomic.Uint64 // of the last call without an id of its own, in any account

	mu   sync.Mutex
	open map[string]*calls // by account
}

// The journal of the account that has been there from the start has no account in its name.
const (
	callsName    = "calls"
	callsEnding  = ".log"
	firstAccount = "123456789012"
)

func (e *Engine) callsPath(account string) string {
	if account == firstAccount {
		return filepath.Join(e.cfg.Dir, callsName+callsEnding)
	}
	return filepath.Join(e.cfg.Dir, callsName+"-"+account+callsEnding)
}

// openCallLogs opens the journals that are there, so that no number is given twice.
func (e *Engine) openCallLogs() error {
	entries, err := os.ReadDir(e.cfg.Dir)
	if err != nil {
		return fmt.Errorf("look for the calls: %w", err)
	}
	for _, entry := range entries {
		name, isLog := strings.CutSuffix(entry.Name(), callsEnding)
		account, found := strings.CutPrefix(name, callsName)
		if !isLog || !found {
			continue
		}
		if account = strings.TrimPrefix(account, "-"); account == "" {
			account = firstAccount
		}
		if _, err := e.callsOf(account); err != nil {
			return err
		}
	}
	return nil
}

// callsOf opens an account's journal of calls when it is first needed.
func (e *Engine) callsOf(account string) (*calls, error) {
	l := &e.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.open[account]; c != nil {
		return c, nil
	}
	c, err := openCalls(e.callsPath(account), e.cfg.NoSync, e.disk, &l.number)
	if err != nil {
		return nil, err
	}
	l.open[account] = c
	return c, nil
}

func (l *callLogs) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	for _, c := range l.open {
		err = errors.Join(err, c.close())
	}
	return err
}

const callPrefix = "call-"

func openCalls(path string, noSync bool, d *disk, number *atomic.Uint64) (*calls, error) {
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
			if n, err := strconv.ParseUint(strings.TrimPrefix(f.id, callPrefix), 10, 64); err == nil && n > number.Load() {
				number.Store(n)
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

// Call sends one request to the model, as an on-demand call of an account, with the engine's faults, and journals the answer for the bill before
// it returns. A request without a RecordID counts as "call-<n>". The error is a *model.Error, or the context's.
func (e *Engine) Call(ctx context.Context, account string, req model.Request) (Reply, error) {
	return e.call(ctx, account, req, nil)
}

// Stream is Call for a client that reads the answer while it is written: if the model supports it, along is called with each
// piece. The reply is the whole answer, whether or not along was called. An error of along ends the call.
func (e *Engine) Stream(ctx context.Context, account string, req model.Request, along func(stream.Delta) error) (Reply, error) {
	return e.call(ctx, account, req, along)
}

func (e *Engine) call(ctx context.Context, account string, req model.Request, along func(stream.Delta) error) (Reply, error) {
	calls, err := e.callsOf(account)
	if err != nil {
		return Reply{}, fmt.Errorf("bill call %s: %w", req.RecordID, err)
	}
	if req.RecordID == "" {
		req.RecordID = callPrefix + strconv.FormatUint(e.calls.number.Add(1), 10)
	}
	if e.disk.isFull() {
		return Reply{}, &model.Error{Code: http.StatusServiceUnavailable, Message: "The disk of the stand-in is full: no call is made before there is room."}
	}
	reply, err := e.ask(ctx, e.cfg.Faults(), req, along)
	if err != nil {
		return Reply{}, err
	}
	recorded := make(chan error, 1)
	f := &finished{id: req.RecordID, recorded: recorded}
	f.count(&reply.Response)
	if err := calls.add(f); err != nil {
		return Reply{}, fmt.Errorf("bill call %s: %w", req.RecordID, err)
	}
	if err := <-recorded; err != nil {
		return Reply{}, fmt.Errorf("bill call %s: %w", req.RecordID, err)
	}
	return reply, nil
}
