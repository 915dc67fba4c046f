package collect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"quarry/internal/base/jsonl"
)

// maxLineBytes bounds one line of output: it repeats the input, whose file has at most a few GB, and adds an answer.
const maxLineBytes = 512 << 20

// OpenFile opens a file and takes off its compression where its name ends in .zst.
func OpenFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".zst") {
		return f, nil
	}
	z, err := unzstd(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return zstdFile{z, f}, nil
}

// unzstd uses one goroutine: many shards are read side by side.
func unzstd(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
}

type zstdFile struct {
	*zstd.Decoder
	f *os.File
}

func (z zstdFile) Close() error {
	z.Decoder.Close()
	return z.f.Close()
}

// OpenOutput opens a file of output as UTF-8 text, whatever it went through on its way: compression (gzip or zstd, detected by
// the first bytes, whatever the name), a byte order mark, UTF-16. Bedrock writes none of them; tools that copy its output do.
func OpenOutput(path string) (io.ReadCloser, error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	plain, err := decoded(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return outputFile{plain, f}, nil
}

type outputFile struct {
	io.Reader
	f io.Closer
}

func (o outputFile) Close() error { return o.f.Close() }

// maxLayers is how many compressions around one another are taken off.
const maxLayers = 3

func decoded(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for range maxLayers {
		head, _ := in.Peek(4) // an error comes again with the first read
		var layer io.Reader
		switch {
		case bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
			z, err := gzip.NewReader(in)
			if err != nil {
				return nil, err
			}
			layer = z
		case bytes.HasPrefix(head, []byte{0x28, 0xB5, 0x2F, 0xFD}):
			z, err := unzstd(in)
			if err != nil {
				return nil, err
			}
			layer = z.IOReadCloser()
		default:
			return decodedText(in, head), nil
		}
		in = bufio.NewReaderSize(layer, 64<<10)
	}
	return in, nil
}

// decodedText takes off a byte order mark and makes UTF-8 of UTF-16, with a mark or without: JSON begins with two
// characters of ASCII, so the zero bytes among the first four tell the order (RFC 4627, section 3).
func decodedText(in *bufio.Reader, head []byte) io.Reader {
	switch {
	case bytes.HasPrefix(head, []byte("\uFEFF")):
		_, _ = in.Discard(3)
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		_, _ = in.Discard(2)
		return &utf16Reader{in: in, order: binary.LittleEndian}
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		_, _ = in.Discard(2)
		return &utf16Reader{in: in, order: binary.BigEndian}
	case len(head) == 4 && head[0] != 0 && head[1] == 0 && head[3] == 0:
		return &utf16Reader{in: in, order: binary.LittleEndian}
	case len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0:
		return &utf16Reader{in: in, order: binary.BigEndian}
	}
	return in
}

// utf16Reader makes UTF-8 of UTF-16. Half a surrogate pair becomes U+FFFD.
type utf16Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	out   []byte
	err   error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 && u.err == nil {
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}

func (u *utf16Reader) fill() {
	u.out = u.out[:0]
	for len(u.out) < 32<<10 {
		r, ok := u.unit()
		if !ok {
			return
		}
		if utf16.IsSurrogate(r) {
			if next, _ := u.in.Peek(2); len(next) == 2 {
				if pair := utf16.DecodeRune(r, rune(u.order.Uint16(next))); pair != utf8.RuneError {
					_, _ = u.in.Discard(2)
					u.out = utf8.AppendRune(u.out, pair)
					continue
				}
			}
			r = utf8.RuneError
		}
		u.out = utf8.AppendRune(u.out, r)
	}
}

func (u *utf16Reader) unit() (rune, bool) {
	var b [2]byte
	if _, u.err = io.ReadFull(u.in, b[:]); u.err != nil {
		return 0, false
	}
	return rune(u.order.Uint16(b[:])), true
}

// Piece is a part of an output file: whole lines, which can be parsed side by side with those of other pieces.
type Piece struct {
	jsonl.Chunk
	File string // its path
	// Torn says why nothing can be read from line Line of the file on; nil in all pieces but the last of a file that is damaged.
	Torn error
}

// Chunks reads one output file. A file that is damaged ends with a piece that says so: what is in front of the damage was
// paid for. An error is one of reading the file from the disk.
func Chunks(ctx context.Context, path string) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		r, err := OpenOutput(path)
		if err != nil {
			var disk *os.PathError
			if errors.As(err, &disk) {
				yield(Piece{}, err)
				return
			}
			yield(Piece{File: path, Chunk: jsonl.Chunk{Line: 1}, Torn: err}, nil)
			return
		}
		defer func() { _ = r.Close() }()
		next := int64(1)
		for c, err := range jsonl.Chunks(ctx, r, jsonl.Place{}, maxLineBytes) {
			switch {
			case err == nil:
				next = c.Line + int64(bytes.Count(c.Data, []byte{'\n'}))
				if !yield(Piece{Chunk: c, File: path}, nil) {
					return
				}
				continue
			case ctx.Err() != nil:
				yield(Piece{}, context.Cause(ctx))
				return
			}
			var disk *os.PathError
			if errors.As(err, &disk) {
				yield(Piece{}, fmt.Errorf("read %s: %w", path, err))
				return
			}
			yield(Piece{File: path, Chunk: jsonl.Chunk{Line: next}, Torn: err}, nil)
			return
		}
	}
}
