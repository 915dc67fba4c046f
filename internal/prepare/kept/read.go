package kept

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Kept is what was kept of a source, as a source. A block's position is its place in the file; a document's and a fault's
// are those that they had at their origin.
type Kept struct {
	about      about
	path, name string
	index      int
	end        int64
	Documents  int64 // how many there are
	// Read is how many of them the source was asked for now. Since is from when on they were modified, by its clock; zero: all were read.
	Read  int64
	Since time.Time
}

// Name gives the name of the source that was kept.
func (k *Kept) Name() string { return k.name }

// unpacker opens frames for all blocks: it holds no memory between them and no goroutine.
var unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(4<<30))
})

// Blocks gives the blocks as they came from the source. They are unpacked where they are read.
func (k *Kept) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		in, err := os.Open(k.path)
		if err != nil {
			yield(quarry.Block{}, fmt.Errorf("read what was kept of %s: %w", k.name, err))
			return
		}
		defer func() { _ = in.Close() }()
		offset := from.Offset
		if _, _, err := readFrame(in, offset, k.end); err != nil && offset < k.end {
			offset = 0 // of a copy that was damaged and made again: its blocks begin elsewhere, and the reader looks for its documents
		}
		for offset < k.end {
			if err := ctx.Err(); err != nil {
				yield(quarry.Block{}, err)
				return
			}
			packed, next, err := readFrame(in, offset, k.end)
			if err != nil {
				yield(quarry.Block{}, fmt.Errorf("read %s: %w", k.path, err))
				return
			}
			first := quarry.Position{Source: k.index, File: k.name, Offset: offset}
			if !yield(quarry.Block{First: first, Documents: k.documents(packed)}, nil) {
				return
			}
			offset = next
		}
		if err := ctx.Err(); err != nil {
			yield(quarry.Block{}, err)
		}
	}
}

func (k *Kept) documents(packed []byte) iter.Seq2[quarry.Document, error] {
	return func(yield func(quarry.Document, error) bool) {
		fail := func(err error) { yield(quarry.Document{}, fmt.Errorf("read %s: %w", k.path, err)) }
		z, err := unpacker()
		if err != nil {
			fail(err)
			return
		}
		content, err := z.DecodeAll(packed, nil)
		if err != nil {
			fail(errors.Join(ErrBroken, err))
			return
		}
		var check jsonl.Checker
		for len(content) > 0 {
			line, rest, whole := bytes.Cut(content, []byte{'\n'})
			content = rest
			d, fault, err := read(&check, line, k.index)
			if err != nil || !whole {
				fail(errors.Join(ErrBroken, err))
				return
			}
			if fault != nil {
				err = fault
			}
			if !yield(d, err) {
				return
			}
		}
	}
}
