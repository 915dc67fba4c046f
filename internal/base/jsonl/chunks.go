package jsonl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
)

// Chunk is a run of whole lines of a stream. It owns its memory: nothing else writes there, and it lives as long as
// someone holds a part of it.
type Chunk struct {
	Data   []byte // whole lines with their newlines; the stream's last line may have none
	Line   int64  // number of the first line, from 1
	Offset int64  // of the first byte in the stream
	// Skipped, when not 0, says that the chunk stands for one line above the limit, of that many bytes without its
	// newline. It was read over and is not held: Data is empty.
	Skipped int64

	buf []byte // that Data is in
}

// Held is how many bytes the chunk holds in memory.
func (c *Chunk) Held() int { return cap(c.buf) }

// Buffers takes the memory of chunks that no one holds any more, for chunks to come. Any number of goroutines may use it.
type Buffers struct {
	free chan []byte
	long chan []byte // one, for the next long line
}

// NewBuffers keeps at most n buffers.
func NewBuffers(n int) *Buffers { return &Buffers{free: make(chan []byte, n)} }

// KeepLong keeps one buffer more, of a line that was longer than a chunk, as long as such lines continue coming. It is for
// a caller that gives such a chunk back before the next is cut.
func (b *Buffers) KeepLong() { b.long = make(chan []byte, 1) }

// keptChunks is after how many chunks without a long line its buffer is not kept any more.
const keptChunks = 64

// Give says that no one holds a part of the chunk any more.
func (b *Buffers) Give(c Chunk) {
	kept := b.free
	switch {
	case c.buf == nil:
		return
	case cap(c.buf) != chunkSize: // one that a long line needed would be held to the end
		kept = b.long
	}
	select {
	case kept <- c.buf:
	default:
	}
}

// takeLong gives a buffer of at least n bytes, which is more than a chunk has.
func (b *Buffers) takeLong(n, most int) []byte {
	select {
	case buf := <-b.long:
		if len(buf) >= n {
			return buf
		}
	default:
	}
	return make([]byte, max(n, most))
}

// dropLong forgets the buffer of long lines.
func (b *Buffers) dropLong() {
	select {
	case <-b.long:
	default:
	}
}

// take gives a buffer of n bytes.
func (b *Buffers) take(n int) []byte {
	if n == chunkSize {
		select {
		case buf := <-b.free:
			return buf[:n]
		default:
		}
	}
	return make([]byte, n)
}

// Place is where reading begins: the number of the first line and its offset. The reader is there already.
type Place struct {
	Line   int64 // 0 means 1
	Offset int64
}

// chunkSize is large enough that cutting costs nothing next to checking, and small enough that a chunk for each worker
// and some on their way fit into little memory.
const chunkSize = 512 << 10

// maxLineBytes bounds what a caller can allow: a line is in one buffer.
const maxLineBytes = 1 << 30

// Chunks cuts a stream into chunks at line ends. A line longer than maxLine bytes is read over without being held.
// Data that came before a read error is yielded before the error, but not the line that the error broke.
func Chunks(ctx context.Context, r io.Reader, from Place, maxLine int) iter.Seq2[Chunk, error] {
	return ChunksIn(ctx, nil, r, from, maxLine)
}

// ChunksIn is Chunks in the memory of chunks that were given back.
func ChunksIn(ctx context.Context, buffers *Buffers, r io.Reader, from Place, maxLine int) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		if buffers == nil {
			buffers = NewBuffers(0)
		}
		c := cutter{r: r, buffers: buffers, line: max(from.Line, 1), offset: from.Offset, max: min(max(maxLine, 1), maxLineBytes)}
		for {
			if err := ctx.Err(); err != nil {
				yield(Chunk{}, err)
				return
			}
			chunk, err := c.next()
			if (len(chunk.Data) > 0 || chunk.Skipped > 0) && !yield(chunk, nil) {
				return
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Chunk{}, err)
				return
			}
		}
	}
}

// cutter holds what is after the last cut.
type cutter struct {
	r       io.Reader
	buffers *Buffers
	rest    []byte // read, not yet given; never holds a whole line unless long is about to be given
	err     error  // what the reader ended with
	line    int64  // of the first byte of rest
	offset  int64  // of the first byte of rest
	max     int
	short   int // chunks since one that a long line needed
}

// next gives the chunk up to the last newline that one buffer holds. io.EOF can come with the last chunk.
func (c *cutter) next() (Chunk, error) {
	buf := c.buffers.take(max(chunkSize, len(c.rest)+1))
	n := copy(buf, c.rest)
	for seen := 0; ; {
		// Of a long line's buffer no more is filled than the line takes: what is not touched is not in memory, and what
		// is after the line has to be copied.
		n += c.fill(buf[n:min(len(buf), n+chunkSize)])
		if c.err != nil {
			break
		}
		// A line above the limit is only known as such when more than the limit is there without a newline.
		if bytes.IndexByte(buf[seen:n], '\n') >= 0 || n > c.max {
			break
		}
		if seen = n; n < len(buf) {
			continue
		}
		// Fourfold leaves less for the collector than doubling, and the largest buffer is no larger.
		want := 4 * len(buf)
		if want >= c.max { // with room for the one byte that tells a line above the limit
			want = c.max + 1
		}
		grown := c.buffers.takeLong(n+1, want)
		copy(grown, buf[:n])
		if len(buf) == chunkSize {
			c.buffers.Give(Chunk{buf: buf})
		}
		buf = grown
	}
	if cap(buf) > chunkSize {
		c.short = 0
	} else if c.short++; c.short == keptChunks {
		c.buffers.dropLong()
	}
	data := buf[:n]
	end := bytes.LastIndexByte(data, '\n') + 1
	if errors.Is(c.err, io.EOF) {
		end = n
	}
	if end == 0 && n > c.max {
		c.buffers.Give(Chunk{buf: buf})
		return c.skip(int64(n))
	}
	// Lines above the limit that fit into a buffer are found here, at the price of one walk over the newlines.
	if c.max < end {
		if at, length := longLine(data[:end], c.max); at == 0 {
			return c.cutLong(data, length)
		} else if at > 0 {
			end = at
		}
	}
	chunk := Chunk{Data: data[:end:end], Line: c.line, Offset: c.offset, buf: buf}
	c.advance(chunk.Data)
	if cap(c.rest) > chunkSize {
		c.rest = nil
	}
	c.rest = append(c.rest[:0], data[end:]...)
	return chunk, c.ended()
}

func (c *cutter) advance(given []byte) {
	c.line += int64(bytes.Count(given, []byte{'\n'}))
	c.offset += int64(len(given))
}

// ended gives the reader's end once all that was read is given, and drops a line that a read error broke.
func (c *cutter) ended() error {
	if c.err == nil || (errors.Is(c.err, io.EOF) && len(c.rest) > 0) {
		return nil
	}
	if bytes.IndexByte(c.rest, '\n') >= 0 {
		return nil
	}
	return c.err
}

// cutLong gives the long line that data begins with, which is all there.
func (c *cutter) cutLong(data []byte, length int) (Chunk, error) {
	chunk := Chunk{Line: c.line, Offset: c.offset, Skipped: int64(length)}
	end := min(length+1, len(data))
	c.line++
	c.offset += int64(end)
	c.rest = append([]byte(nil), data[end:]...)
	return chunk, c.ended()
}

// skip reads over a line of which n bytes are known, up to its newline or the end of the stream.
func (c *cutter) skip(n int64) (Chunk, error) {
	chunk := Chunk{Line: c.line, Offset: c.offset}
	c.rest = nil
	buf := make([]byte, chunkSize)
	for c.err == nil {
		got := c.fill(buf)
		if at := bytes.IndexByte(buf[:got], '\n'); at >= 0 {
			chunk.Skipped = n + int64(at)
			c.line++
			c.offset += chunk.Skipped + 1
			c.rest = append([]byte(nil), buf[at+1:got]...)
			return chunk, c.ended()
		}
		n += int64(got)
	}
	chunk.Skipped = n
	c.offset += n
	return chunk, c.ended()
}

// fill reads until the buffer is full or the reader ends.
func (c *cutter) fill(buf []byte) int {
	n := 0
	for empty := 0; n < len(buf) && c.err == nil; {
		var got int
		got, c.err = c.r.Read(buf[n:])
		n += got
		if got > 0 {
			empty = 0
		} else if empty++; empty > 100 && c.err == nil {
			c.err = io.ErrNoProgress
		}
	}
	return n
}

// longLine gives the place and length of the first line above the limit, or -1.
func longLine(data []byte, most int) (at, length int) {
	for at < len(data) {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			n = len(data) - at
		}
		if n > most {
			return at, n
		}
		at += n + 1
	}
	return -1, 0
}

// Line is one line of a chunk.
type Line struct {
	Text   []byte // without its newline
	Line   int64  // its number, from 1
	Offset int64  // of its first byte in the stream
}

// Lines walks the lines of a chunk, empty ones too. It may be called more than once and on any goroutine.
func (c Chunk) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		line, offset := c.Line, c.Offset
		for data := c.Data; len(data) > 0; line++ {
			n := bytes.IndexByte(data, '\n')
			next := n + 1
			if n < 0 {
				n, next = len(data), len(data)
			}
			if !yield(Line{Text: data[:n:n], Line: line, Offset: offset}) {
				return
			}
			data = data[next:]
			offset += int64(next)
		}
	}
}

// First gives the first n lines of a chunk, or all, as a chunk that owns no memory: giving it back gives nothing.
func (c Chunk) First(n int) Chunk {
	end := 0
	for ; n > 0 && end < len(c.Data); n-- {
		next := bytes.IndexByte(c.Data[end:], '\n')
		if next < 0 {
			end = len(c.Data)
			break
		}
		end += next + 1
	}
	c.Data, c.buf = c.Data[:end:end], nil
	return c
}

// Blank reports whether a line holds nothing but white space.
func Blank(line []byte) bool { return space(line, 0) == len(line) }
