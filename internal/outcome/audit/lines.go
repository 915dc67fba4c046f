package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	gojson "github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// maxLine bounds one line in memory: an item has at most 32 MiB unless someone wants more, and JSON can write a byte
// as six.
const maxLine = 512 << 20

var errLongLine = errors.New("line is too long to be read")

// line is one line of a file. Its text holds until the next one is read.
type line struct {
	n    int64 // from 1
	at   int64 // of its first byte, unpacked
	text []byte
	torn bool // the file's last line, without its newline
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// open opens a file, unpacked where its name says that it is packed.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".zst") {
		return f, nil
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return unpacked{z, f}, nil
}

type unpacked struct {
	*zstd.Decoder
	file *os.File
}

func (u unpacked) Close() error {
	u.Decoder.Close()
	return u.file.Close()
}

// lines reads a file line by line; lines without a character but white space are none.
func lines(path string) iter.Seq2[line, error] { return linesOf(path, open) }

func linesOf(path string, open func(path string) (io.ReadCloser, error)) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		r, err := open(path)
		if err != nil {
			yield(line{}, err)
			return
		}
		defer func() { _ = r.Close() }()
		in := bufio.NewReaderSize(r, 128<<10)
		var long []byte
		var offset int64
		for n := int64(1); ; n++ {
			text, err := in.ReadSlice('\n')
			for errors.Is(err, bufio.ErrBufferFull) {
				if len(long) >= maxLine {
					yield(line{n: n}, fmt.Errorf("line %d: %w", n, errLongLine))
					return
				}
				long = append(long, text...)
				text, err = in.ReadSlice('\n')
			}
			if len(long) > 0 {
				long = append(long, text...)
				text = long
				long = long[:0]
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{n: n}, fmt.Errorf("after line %d: %w", n-1, err))
				return
			}
			l := line{n: n, at: offset, text: bytes.TrimSuffix(text, []byte("\n")), torn: err != nil && len(text) > 0}
			offset += int64(len(text))
			if len(bytes.TrimSpace(l.text)) > 0 && !yield(l, nil) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// decode reads one JSON value strictly: names are compared letter by letter and are once, strings are UTF-8.
func decode(text []byte, v any) error { return gojson.Unmarshal(text, v) }

// decoded reads a file of JSON lines. What it yields holds until the next line is read. A line that is none is yielded as an error that
// names it, and reading continues after it; where the file itself cannot be read, the error wraps errUnreadable and is the last.
func decoded[T any, P lineOf[T]](path string) iter.Seq2[T, error] {
	return decodedLines[T, P](path, false)
}

// held is decoded, but what it yields is the caller's.
func held[T any, P lineOf[T]](path string) iter.Seq2[T, error] {
	return decodedLines[T, P](path, true)
}

func decodedLines[T any, P lineOf[T]](path string, hold bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var f fields
		for l, err := range lines(path) {
			var v T
			if err != nil {
				yield(v, fmt.Errorf("%w: %w", errUnreadable, err))
				return
			}
			if hold {
				l.text = bytes.Clone(l.text)
			}
			if err = f.read(l.text, P(&v)); err != nil {
				err = fmt.Errorf("line %d: %w", l.n, err)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

var errUnreadable = errors.New("cannot be read")
