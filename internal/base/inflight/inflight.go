// Package inflight bounds the bytes of replies that are held in memory at once.
//
// It owns the count and the order of those that wait for room in it. It reads no reply by itself and knows no wire. What always holds:
// the oldest hold may exceed the budget, so that a reply larger than all of it gets through, alone; so the oldest never waits, and the
// others follow in order.
package inflight

import (
	"context"
	"io"
	"slices"
	"sync"
)

// Budget is shared by all who hold replies. It is safe for concurrent use.
type Budget struct {
	mu      sync.Mutex
	bytes   int64
	held    int64
	holds   []*Hold // those with bytes or a wish for some, the oldest first
	changed chan struct{}
}

// New makes a budget of so many bytes.
func New(bytes int64) *Budget { return &Budget{bytes: bytes, changed: make(chan struct{})} }

// Hold is the part of a budget that one reply has. One goroutine at a time may use it. A nil Hold takes nothing and never waits.
type Hold struct {
	budget *Budget
	bytes  int64
}

// Hold begins a hold of no bytes, as does a nil Budget, whose holds are nil.
func (b *Budget) Hold() *Hold {
	if b == nil {
		return nil
	}
	return &Hold{budget: b}
}

// Grow adds n bytes to the hold, and waits until there is room for them. The error is the context's, and nothing is added then.
func (h *Hold) Grow(ctx context.Context, n int64) error {
	if h == nil || n <= 0 {
		return nil
	}
	b := h.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.holds, h) {
		b.holds = append(b.holds, h)
	}
	for b.held+n > b.bytes && b.holds[0] != h {
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
			b.mu.Lock()
		case <-ctx.Done():
			b.mu.Lock()
			if h.bytes == 0 {
				b.leave(h)
			}
			return context.Cause(ctx)
		}
	}
	h.bytes += n
	b.held += n
	return nil
}

// Release gives back all that the hold has. It may be used again.
func (h *Hold) Release() {
	if h == nil {
		return
	}
	h.budget.mu.Lock()
	defer h.budget.mu.Unlock()
	h.budget.held -= h.bytes
	h.bytes = 0
	h.budget.leave(h)
}

// leave takes a hold out of the order and wakes those who wait. The lock is held.
func (b *Budget) leave(h *Hold) {
	b.holds = slices.DeleteFunc(b.holds, func(o *Hold) bool { return o == h })
	close(b.changed)
	b.changed = make(chan struct{})
}

// step is how much a reader of an unknown length takes at once.
const step = 256 << 10

// Reader gives what r gives, once there is room for it. length is what r gives in all; below 0: not known. Bytes beyond limit take no
// room: the caller reads no further.
func (h *Hold) Reader(ctx context.Context, r io.Reader, length, limit int64) io.Reader {
	if h == nil {
		return r
	}
	return &reader{Reader: r, ctx: ctx, hold: h, left: min(length, limit), more: limit}
}

type reader struct {
	io.Reader
	ctx  context.Context //nolint:containedctx // of one reply
	hold *Hold
	left int64 // to be taken at the first byte
	room int64 // taken and not read yet
	more int64 // that may still be taken
}

// Read waits for room before it reads.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) > 0 && r.room == 0 && r.more > 0 {
		n := min(max(r.left, step), r.more)
		if r.left > 0 {
			n = r.left
		}
		if err := r.hold.Grow(r.ctx, n); err != nil {
			return 0, err
		}
		r.left, r.room, r.more = 0, n, r.more-n
	}
	n, err := r.Reader.Read(p)
	r.room = max(0, r.room-int64(n))
	return n, err
}

type key struct{}

// With gives a context that carries a hold to the code that reads the reply.
func With(ctx context.Context, h *Hold) context.Context { return context.WithValue(ctx, key{}, h) }

// From gives the hold that a context carries; nil: none.
func From(ctx context.Context) *Hold {
	h, _ := ctx.Value(key{}).(*Hold)
	return h
}
