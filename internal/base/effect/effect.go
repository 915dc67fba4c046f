// Package effect is the floor under a run: its only file writes, SQL commits and HTTP requests.
//
// It owns the counting of these outside effects and the hook by which a test dies at any one of them. It does not own
// what is written or asked. What always holds: an effect whose hook fails beforehand is not done; reading changes
// nothing and is therefore not counted.
package effect

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Kind groups effects by what they touch.
type Kind string

// The kinds of effect.
const (
	File Kind = "file"
	SQL  Kind = "sql"
	HTTP Kind = "http"
)

// When tells on which side of an effect a hook is called.
type When string

// Both sides of an effect. A process that dies after an effect has done it and does not know.
const (
	Before When = "before"
	After  When = "after"
)

// Point is one side of one effect.
type Point struct {
	N    int64 // number of the effect in this process, from 1
	Kind Kind
	When When
	What string // "rename journal/s00001.jsonl.zst", "POST /model-invocation-job"
}

// ErrHook is wrapped by every error of a hook: it is not to be waited out, as an error of the network would be.
var ErrHook = errors.New("ended by a hook")

// Hook is called on both sides of every effect. An error from it is the effect's error: the caller sees it as if the
// process had lost its disk or its network there. It is called from many goroutines.
type Hook func(Point) error

// Effects does the outside effects of one run. Safe for concurrent use.
type Effects struct {
	hook    Hook
	n       atomic.Int64
	tracker atomic.Pointer[Tracker]

	mu        sync.Mutex
	counts    map[Kind]int64
	temporary []string // directories, with a separator at the end
}

// New gives effects with a hook; nil means none.
func New(hook Hook) *Effects { return &Effects{hook: hook, counts: map[Kind]int64{}} }

// Counts gives how many effects of each kind were begun.
func (e *Effects) Counts() map[Kind]int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[Kind]int64, len(e.counts))
	for k, n := range e.counts {
		out[k] = n
	}
	return out
}

// do runs one effect between its two hook calls.
func (e *Effects) do(kind Kind, what string, act func() error) error {
	e.mu.Lock()
	e.counts[kind]++
	e.mu.Unlock()
	if e.hook == nil {
		return act()
	}
	n := e.n.Add(1)
	if err := e.hook(Point{N: n, Kind: kind, When: Before, What: what}); err != nil {
		return fmt.Errorf("%w before %s: %w", ErrHook, what, err)
	}
	if err := act(); err != nil {
		return err
	}
	if err := e.hook(Point{N: n, Kind: kind, When: After, What: what}); err != nil {
		return fmt.Errorf("%w after %s: %w", ErrHook, what, err)
	}
	return nil
}
