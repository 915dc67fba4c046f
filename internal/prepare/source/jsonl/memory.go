package jsonl

import (
	"sync"

	"quarry/internal/base/jsonl"
)

// maxFree is how many blocks' memory waits to be used again: more are seldom under way.
const maxFree = 16

// memory is what blocks that were given back leave for those to come.
type memory struct {
	chunks *jsonl.Buffers
	arenas chan *jsonl.Arena
}

func newMemory() *memory {
	return &memory{chunks: jsonl.NewBuffers(maxFree), arenas: make(chan *jsonl.Arena, maxFree)}
}

// texts is the memory of one block's texts. A block may be read more than once, and at once: only the first reading's
// memory comes from blocks before it and goes to others.
type texts struct {
	*memory
	mu    sync.Mutex
	first *jsonl.Arena
}

func (t *texts) arena() *jsonl.Arena {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first != nil {
		return new(jsonl.Arena)
	}
	select {
	case t.first = <-t.arenas:
	default:
		t.first = new(jsonl.Arena)
	}
	return t.first
}

func (t *texts) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil || !t.first.Reset() {
		return
	}
	select {
	case t.arenas <- t.first:
	default:
	}
}
