// Package jsonl reads files of JSON objects: one a line (JSONL, NDJSON), or one after the other in an array or in no
// order of lines at all.
//
// It owns the cutting of a file into items. What an item's members mean is package item's, JSON itself is
// quarry/internal/base/jsonl's.
//
// What always holds: cutting is cheap and in order, checking is left to the blocks, which work apart from one another;
// an item that is broken or too long is one ItemError, and the items after it are read.
package jsonl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/stream"
)

// Source is one file of objects, one a line.
type Source struct {
	File   stream.File
	Config item.Config
	Index  int // of the source in the run
}

// Name gives the file's name.
func (s *Source) Name() string { return s.File.Name }

// Blocks gives the file in blocks of half a MiB, or less where the items are short.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			yield(quarry.Block{}, fmt.Errorf("read %s: %w", s.File.Name, err))
		}
	}
}

func (s *Source) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	var keys item.Keys
	decided := s.Config.Records
	if from.Offset > 0 && !decided {
		// The keys are the whole file's: its head decides, wherever reading begins.
		var err error
		if keys, err = s.headKeys(ctx); err != nil {
			return err
		}
		decided = true
	}
	in, err := s.File.From(ctx, from.Offset)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	mem := newMemory()
	for chunk, err := range jsonl.ChunksIn(ctx, mem.chunks, in, jsonl.Place{Line: from.Line, Offset: from.Offset}, s.Config.Limit()) {
		if err != nil {
			return err
		}
		held := chunk
		chunk = fromText(withoutMark(chunk))
		if len(chunk.Data) == 0 && chunk.Skipped == 0 {
			mem.chunks.Give(held)
			continue
		}
		if !decided {
			keys, decided = s.decide(chunk)
		}
		if stretches(chunk, func(part jsonl.Chunk, free func()) bool { return yield(s.block(part, keys, mem, free), nil) }, mem) {
			return nil
		}
	}
	return nil
}

// blockItems is how many items a block has at most. What is made of a short text, with the prompt around it, can be many
// times as long, and several blocks are in memory.
const blockItems = 256

// stretches gives a chunk in stretches of at most blockItems lines, and reports whether that was stopped. The chunk's memory
// goes back when each stretch was freed.
func stretches(chunk jsonl.Chunk, yield func(part jsonl.Chunk, free func()) bool, mem *memory) (stopped bool) {
	lines := bytes.Count(chunk.Data, []byte{'\n'})
	if lines <= blockItems {
		return !yield(chunk, func() { mem.chunks.Give(chunk) })
	}
	var held atomic.Int64
	held.Store(1) // until all are given
	free := func() {
		if held.Add(-1) == 0 {
			mem.chunks.Give(chunk)
		}
	}
	defer free()
	rest := chunk
	for len(rest.Data) > 0 && !stopped {
		if rest = fromText(rest); len(rest.Data) == 0 {
			break
		}
		part := rest.First(blockItems)
		rest.Line += blockItems
		rest.Offset += int64(len(part.Data))
		rest.Data = rest.Data[len(part.Data):]
		held.Add(1)
		stopped = !yield(part, free)
	}
	return stopped
}

// headKeys decides by the first chunk that holds an item.
func (s *Source) headKeys(ctx context.Context) (item.Keys, error) {
	in, err := s.File.From(ctx, 0)
	if err != nil {
		return item.Keys{}, err
	}
	defer func() { _ = in.Close() }()
	for chunk, err := range jsonl.Chunks(ctx, in, jsonl.Place{}, s.Config.Limit()) {
		if err != nil {
			return item.Keys{}, err
		}
		if keys, ok := s.decide(fromText(withoutMark(chunk))); ok {
			return keys, nil
		}
	}
	return item.Keys{}, nil
}

func (s *Source) decide(chunk jsonl.Chunk) (item.Keys, bool) {
	var first [][]byte
	var check jsonl.Checker
	for l := range chunk.Lines() {
		text := l.Text
		_, err := check.Object(text)
		if errors.Is(err, jsonl.ErrHalfPair) {
			text, _ = jsonl.ReplaceHalfPairs(nil, text)
			_, err = check.Object(text)
		}
		if err != nil {
			continue
		}
		if first = append(first, text); len(first) == item.Sample {
			break
		}
	}
	if len(first) == 0 {
		return item.Keys{}, false
	}
	return s.Config.Decide(first), true
}

// withoutMark takes a byte order mark off the head of the file.
func withoutMark(c jsonl.Chunk) jsonl.Chunk {
	const mark = "\ufeff"
	if c.Offset == 0 && bytes.HasPrefix(c.Data, []byte(mark)) {
		c.Data, c.Offset = c.Data[len(mark):], int64(len(mark))
	}
	return c
}

// fromText takes the blank lines off the head of a chunk: a file of nothing else may be packed a thousandfold.
func fromText(c jsonl.Chunk) jsonl.Chunk {
	at, lines := 0, int64(0)
	for i, b := range c.Data {
		if b == '\n' {
			at, lines = i+1, lines+1
		} else if b != ' ' && b != '\t' && b != '\r' {
			break
		}
		if i+1 == len(c.Data) {
			at = len(c.Data)
		}
	}
	c.Data, c.Line, c.Offset = c.Data[at:], c.Line+lines, c.Offset+int64(at)
	return c
}

func (s *Source) block(chunk jsonl.Chunk, keys item.Keys, mem *memory, free func()) quarry.Block {
	at := quarry.Position{Source: s.Index, File: s.File.Name, Line: chunk.Line, Offset: chunk.Offset}
	texts := &texts{memory: mem}
	return quarry.Block{First: at, Free: func() { texts.give(); free() }, Documents: func(yield func(quarry.Document, error) bool) {
		if chunk.Skipped > 0 {
			yield(quarry.Document{At: at}, s.Config.TooLong(chunk.Skipped, at))
			return
		}
		reader := s.Config.NewReaderIn(texts.arena(), keys)
		for l := range chunk.Lines() {
			if jsonl.Blank(l.Text) {
				continue
			}
			at := at
			at.Line, at.Offset = l.Line, l.Offset
			d, err := reader.Read(l.Text, at)
			if errors.Is(err, item.ErrFiltered) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}}
}
