// Package cut cuts a stream into items whose ends are not line ends: JSON objects in an array, rows with line breaks in
// their cells, elements of an XML file.
//
// It owns the buffer and the count of lines and bytes. Where an item begins and ends is a connector's rule.
//
// What always holds: items come in order and do not overlap; an item above the limit is read over and never held;
// a chunk owns its memory.
package cut

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"

	"quarry/internal/base/jsonl"
)

// Rules say where items begin and end.
type Rules struct {
	// Next finds the first item of data, which begins where the item before it ended: data[start:end]. end 0 says that
	// no item is whole yet: start is then where one has begun, or len(data), and skip is what can be forgotten. An item
	// that is broken may be given as far as it is thought to go: a caller that reads it names the fault.
	Next func(data []byte, more More) (start, end, skip int)
	// Between the items there may be what holds none of them, at any length: Next says with the end Gap that such a
	// stretch begins at start and does not end in the data. Gap then gives a function that reads over it. It is called with the
	// bytes of the stretch, each once, and gives how many of them belong to it, and whether it ends there.
	Gap func() func(data []byte) (n int, ends bool)
	// Skipper gives a function that reads over an item which is too long. It is called with the item's bytes from its
	// first on, each once, and gives the index at which the item ends, or -1.
	Skipper func() func(data []byte) int
	// End, where set, is called after the last item of a stream that was read to its end, and says what is wrong with
	// that end: a file that was cut off between two items looks like a whole one to Next.
	End func() (fault string)
}

// Gap is the end that Rules.Next gives where no item can be before a long stretch was passed.
const Gap = -1

// Between is how much a rule keeps, at most, of what is before an item.
const Between = 4096

// More says what is after the data that a rule sees.
type More int

// The states of reading.
const (
	Comes More = iota // more can be had
	Full              // the limit of an item is reached
	None              // the stream has ended
)

// Chunk is a run of consecutive items.
type Chunk struct {
	Data   []byte
	Spans  []Span
	Line   int64 // at the first byte, from 1
	Offset int64 // of the first byte in the stream; what is before the first item is a rule's to see
	// Skipped, when not 0, says that the chunk stands for one item above the limit, of that many bytes.
	Skipped int64
	Item    jsonl.Place // of the item that was skipped
	// Fault, where set, is what Rules.End said. Such a chunk is the last one, and has no items.
	Fault string
}

// Span is an item inside its chunk.
type Span struct{ Start, End int }

// Item is one item of a chunk.
type Item struct {
	Text   []byte
	Line   int64
	Offset int64
}

// Items walks the items of a chunk. It may be called more than once and on any goroutine.
func (c Chunk) Items() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		line, at := c.Line, 0
		for _, s := range c.Spans {
			line += int64(bytes.Count(c.Data[at:s.Start], []byte{'\n'}))
			at = s.Start
			if !yield(Item{c.Data[s.Start:s.End:s.End], line, c.Offset + int64(s.Start)}) {
				return
			}
		}
	}
}

const (
	chunkSize = 1 << 20
	readSize  = 256 << 10
)

// Chunks cuts a stream into chunks of items. What came before a read error is yielded before it.
func Chunks(ctx context.Context, r io.Reader, from jsonl.Place, rules Rules, maxItem int) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		c := cutter{r: r, rules: rules, max: maxItem, line: max(from.Line, 1), offset: from.Offset}
		for {
			if err := ctx.Err(); err != nil {
				yield(Chunk{}, err)
				return
			}
			chunk, ok := c.next()
			if ok && !yield(chunk, nil) {
				return
			}
			if !ok {
				switch {
				case c.err != nil && !errors.Is(c.err, io.EOF):
					yield(Chunk{}, c.err)
				case rules.End != nil:
					if fault := rules.End(); fault != "" {
						yield(Chunk{Line: c.line, Offset: c.offset, Fault: fault}, nil)
					}
				}
				return
			}
		}
	}
}

type cutter struct {
	r      io.Reader
	rules  Rules
	max    int
	rest   []byte // read and not yet given
	line   int64  // of the first byte of rest
	offset int64  // of the first byte of rest
	err    error
}

// next gives the next chunk: what the items in one buffer are, or one item that is larger than it.
func (c *cutter) next() (Chunk, bool) {
	buf := make([]byte, len(c.rest), c.size(len(c.rest)))
	copy(buf, c.rest)
	var spans []Span
	at := 0
	for {
		// More is read only when no item is whole, or the buffer has room: a chunk is about one buffer.
		for c.err == nil && len(buf) < cap(buf) {
			buf = c.read(buf, min(cap(buf), len(buf)+readSize))
		}
		last := c.err != nil
		begun, passed := len(buf), false
		for {
			start, end, skip := c.rules.Next(buf[at:], c.more(len(buf)-at))
			if end == Gap {
				if len(spans) == 0 {
					c.forget(buf[:start])
					buf, passed = c.pass(buf[start:]), true
				}
				break
			}
			if end == 0 {
				if len(spans) == 0 {
					c.forget(buf[:skip])
					buf = buf[skip:]
					begun = start - skip
				}
				break
			}
			if end-start > c.max {
				if len(spans) > 0 {
					return c.give(buf, spans, at), true
				}
				return c.over(buf, start, end), true
			}
			spans = append(spans, Span{at + start, at + end})
			at += end
		}
		if len(spans) > 0 {
			return c.give(buf, spans, at), true
		}
		if passed {
			continue
		}
		if last {
			c.rest = nil
			return Chunk{}, false
		}
		if c.more(len(buf)) == Full && len(buf)-begun > c.max {
			return c.skip(buf, begun), true
		}
		if len(buf) == cap(buf) || cap(buf) < readSize {
			buf = append(make([]byte, 0, c.size(4*len(buf))), buf...)
		}
	}
}

// pass reads over a stretch without items that begins in the buffer, and gives a buffer that begins after it.
func (c *cutter) pass(buf []byte) []byte {
	gap := c.rules.Gap()
	for {
		n, ends := gap(buf)
		c.forget(buf[:n])
		if ends || c.err != nil {
			return append(make([]byte, 0, c.size(len(buf)-n)), buf[n:]...)
		}
		buf = c.read(make([]byte, 0, readSize), readSize)
	}
}

// more says what is after n bytes that are held.
func (c *cutter) more(n int) More {
	switch {
	case errors.Is(c.err, io.EOF):
		return None
	case n-Between > c.max:
		return Full
	}
	return Comes
}

// size is that of a buffer which is to hold n bytes, if it may: never more than shows that an item is too long. Growing
// fourfold leaves less for the collector than doubling, and the largest buffer is no larger.
func (c *cutter) size(n int) int {
	return max(chunkSize, min(n, c.max+Between+1), len(c.rest)+1)
}

// read reads after what the buffer holds, up to a length.
func (c *cutter) read(buf []byte, upTo int) []byte {
	for range 100 {
		var n int
		n, c.err = c.r.Read(buf[len(buf):upTo])
		if n > 0 || c.err != nil {
			return buf[:len(buf)+n]
		}
	}
	c.err = io.ErrNoProgress
	return buf
}

func (c *cutter) forget(b []byte) {
	c.line += int64(bytes.Count(b, []byte{'\n'}))
	c.offset += int64(len(b))
}

// give makes a chunk of the items up to at. It begins where the item before it ended, as reading does that continues
// from there: rules must see the same.
func (c *cutter) give(buf []byte, spans []Span, at int) Chunk {
	chunk := Chunk{Data: buf[:at:at], Spans: spans, Line: c.line, Offset: c.offset}
	c.forget(chunk.Data)
	c.rest = append([]byte(nil), buf[at:]...)
	return chunk
}

// over gives an item above the limit that is all there.
func (c *cutter) over(buf []byte, start, end int) Chunk {
	chunk := Chunk{Line: c.line, Offset: c.offset, Skipped: int64(end - start)}
	c.forget(buf[:start])
	chunk.Item = jsonl.Place{Line: c.line, Offset: c.offset}
	c.forget(buf[start:end])
	c.rest = append([]byte(nil), buf[end:]...)
	return chunk
}

// skip reads over an item that begins at start, has more bytes than the limit and no end yet.
func (c *cutter) skip(buf []byte, start int) Chunk {
	chunk := Chunk{Line: c.line, Offset: c.offset}
	c.forget(buf[:start])
	chunk.Item = jsonl.Place{Line: c.line, Offset: c.offset}
	buf = buf[start:]
	skip := c.rules.Skipper()
	for {
		if at := skip(buf); at >= 0 {
			chunk.Skipped += int64(at)
			c.forget(buf[:at])
			c.rest = append([]byte(nil), buf[at:]...)
			return chunk
		}
		chunk.Skipped += int64(len(buf))
		c.forget(buf)
		if c.err != nil {
			c.rest = nil
			return chunk
		}
		buf = c.read(make([]byte, 0, readSize), readSize)
	}
}
