// Package notify tells another program what happens in a run: a command gets each event on its standard input, or a URL gets it as a
// POST request.
//
// It owns the form of an event, the journal of those that are not delivered yet, and their delivery. It does not decide what is an event.
//
// What always holds: an event is in the journal before the first attempt to deliver it and until one has succeeded, so each is
// delivered at least once if a later command has the same notifier; no fault of a delivery stops or delays the run; the path and the
// query of a URL and the words of a command, which may be secrets, are in no message and in no file.
package notify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// Kind says what happened.
type Kind string

// The kinds of event.
const (
	Pilot    Kind = "pilot"    // the pilot's answers were read
	Question Kind = "question" // the run waits for a person's answer
	Gate     Kind = "gate"     // the run stopped, since too few answers of the pilot are good
	Cap      Kind = "cap"      // the run stopped before it could cost more than its cap
	Stuck    Kind = "stuck"    // a job has processed no record for a while
	End      Kind = "end"      // the run is complete
	Failure  Kind = "failure"  // the run stopped for another reason
)

// Event is what is sent, as one JSON object. Fields are only ever added.
type Event struct {
	ID      string `json:"id"` // the same in each attempt to deliver the event
	Version int    `json:"version"`
	Kind    Kind   `json:"kind"`
	Time    string `json:"time"` // RFC 3339, UTC
	Run     string `json:"run"`  // empty before the run has an id
	Dir     string `json:"dir"`  // the run directory
	Command string `json:"command"`
	Text    string `json:"text"` // one sentence for people
	// ExitCode is the command's, with End, Gate, Cap and Failure, and with a Question that ended it.
	ExitCode *int `json:"exit_code,omitempty"`
	// Documents and CostUSD are those of the report, with End.
	Documents any         `json:"documents,omitempty"`
	CostUSD   *quarry.USD `json:"cost_usd,omitempty"`
	// Good of Judged answers passed their checks, with Pilot.
	Good   int64 `json:"good,omitempty"`
	Judged int64 `json:"judged,omitempty"`
	// Shard, Job, Processed and Records are those of the job, with Stuck.
	Shard     quarry.ShardID `json:"shard,omitempty"`
	Job       string         `json:"job,omitempty"`
	Processed int64          `json:"processed,omitempty"`
	Records   int64          `json:"records,omitempty"`
}

// Config is how events are delivered.
type Config struct {
	Target  *Target
	Dir     string // of the journal; it is made where it does not exist
	Effects *effect.Effects
	// Fault gets the reason why an event could not be delivered, once for each event. It is called from another goroutine.
	Fault func(error)
	// Wait is the time before the second attempt; it doubles up to a minute. Default: 1 s.
	Wait time.Duration
	// Last is how long Close waits for deliveries. Default: 3 s.
	Last time.Duration
}

// Bounds of the journal and of the pace.
const (
	mostPending = 1000
	longestWait = time.Minute
	pace        = 100 * time.Millisecond
)

// Notifier delivers events, one after another. Safe for concurrent use.
type Notifier struct {
	cfg     Config
	file    *effect.OutFile
	release func() error
	closing chan struct{}
	ended   chan struct{}
	cancel  context.CancelFunc

	mu      sync.Mutex
	pending []Event
	more    chan struct{} // has room for one signal
}

// entry is a line of the journal: an event, or the id of one that was delivered.
type entry struct {
	Event     *Event `json:"event,omitempty"`
	Delivered string `json:"delivered,omitempty"`
}

// Open locks the journal and begins to deliver what is in it. The context's end does not end the deliveries; Close does.
func Open(ctx context.Context, cfg Config) (*Notifier, error) {
	if cfg.Wait == 0 {
		cfg.Wait = time.Second
	}
	if cfg.Last == 0 {
		cfg.Last = 3 * time.Second
	}
	if err := cfg.Effects.MkdirAll(cfg.Dir); err != nil {
		return nil, err
	}
	release, err := cfg.Effects.TryLock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	n := &Notifier{cfg: cfg, release: release, closing: make(chan struct{}), ended: make(chan struct{}), more: make(chan struct{}, 1)}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, release())
	}
	if len(n.pending) > 0 {
		n.more <- struct{}{}
	}
	ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go n.deliver(ctx)
	return n, nil
}

func (n *Notifier) journal() string { return filepath.Join(n.cfg.Dir, "pending.jsonl") }

// open reads the journal and writes it again with what is pending alone.
func (n *Notifier) open() error {
	text, err := os.ReadFile(n.journal())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delivered := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		var e entry
		switch {
		case json.Unmarshal(lines.Bytes(), &e) != nil: // the last line of a process that was killed
		case e.Event != nil:
			n.pending = append(n.pending, *e.Event)
		default:
			delivered[e.Delivered] = true
		}
	}
	kept := n.pending[:0]
	for i := range n.pending {
		if !delivered[n.pending[i].ID] {
			kept = append(kept, n.pending[i])
		}
	}
	n.pending = kept[max(0, len(kept)-mostPending):]
	var out []byte
	for i := range n.pending {
		line, err := json.Marshal(entry{Event: &n.pending[i]})
		if err != nil {
			return err
		}
		out = append(append(out, line...), '\n')
	}
	if err := atomicfile.Write(n.cfg.Effects, n.journal(), out); err != nil {
		return err
	}
	n.file, err = n.cfg.Effects.Append(n.journal())
	return err
}

// Send journals an event, with a new id and the time, and returns. A nil Notifier drops it.
func (n *Notifier) Send(e Event) {
	if n == nil {
		return
	}
	e.ID, e.Version, e.Time = rand.Text(), 1, quarry.Timestamp(time.Now())
	if err := n.append(entry{Event: &e}); err != nil { // it is delivered all the same, unless this process is killed before
		n.cfg.Fault(fmt.Errorf("keep the event %s: %w", e.Kind, err))
	}
	n.mu.Lock()
	n.pending = append(n.pending, e)
	if len(n.pending) > mostPending {
		n.pending = n.pending[1:]
	}
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

func (n *Notifier) append(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return n.file.Sync()
}

// deliver sends what is pending until Close.
func (n *Notifier) deliver(ctx context.Context) {
	defer close(n.ended)
	for {
		n.mu.Lock()
		var next *Event
		if len(n.pending) > 0 {
			e := n.pending[0]
			next = &e
		}
		n.mu.Unlock()
		if next == nil {
			select {
			case <-n.more:
				continue
			case <-n.closing:
				return
			}
		}
		if !n.attempt(ctx, next) {
			return
		}
		n.mu.Lock()
		if len(n.pending) > 0 && n.pending[0].ID == next.ID {
			n.pending = n.pending[1:]
		}
		n.mu.Unlock()
		if err := n.append(entry{Delivered: next.ID}); err != nil {
			n.cfg.Fault(fmt.Errorf("note that the event %s was delivered: %w", next.Kind, err))
		}
		if !sleep(ctx, pace, nil) {
			return
		}
	}
}

// attempt delivers one event; false: Close has ended it.
func (n *Notifier) attempt(ctx context.Context, e *Event) bool {
	for wait, tries := n.cfg.Wait, 1; ; wait, tries = min(2*wait, longestWait), tries+1 {
		err := n.cfg.Target.send(ctx, n.cfg.Effects, e)
		if err == nil {
			return true
		}
		if tries == 1 {
			n.cfg.Fault(fmt.Errorf("event %s was not delivered and is tried again: %w", e.Kind, err))
		}
		select {
		case <-n.closing: // the time that is left is short
			wait = n.cfg.Wait
		default:
		}
		if !sleep(ctx, wait, n.closing) {
			return false
		}
	}
}

// sleep waits; sooner ends it early. It is false where the context has ended.
func sleep(ctx context.Context, d time.Duration, sooner <-chan struct{}) bool {
	select {
	case <-sooner:
		sooner = nil
		d = min(d, pace)
	default:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sooner:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// Close waits a moment for what is pending, and leaves the rest in the journal. It gives how many events that are.
func (n *Notifier) Close() (left int, err error) {
	if n == nil {
		return 0, nil
	}
	close(n.closing)
	timer := time.AfterFunc(n.cfg.Last, n.cancel)
	<-n.ended
	timer.Stop()
	n.cancel()
	return len(n.pending), errors.Join(n.file.Close(), n.release())
}
