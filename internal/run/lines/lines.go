// Package lines reads and writes files of lines, from their beginning to their end.
//
// It owns the form of these files, JSON or bare lines, compressed or not, and the merge of several that are sorted by the
// documents' order. It does not know what a line says. What always holds: a reader holds one line of each file that is open,
// however long the files are.
package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
	"quarry/internal/outcome/collect"
)

// readers are kept for the next file: most files of a small run have less than one holds.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}

// Open opens a file to be read from its beginning to its end; one whose name ends in .zst is decompressed.
func Open(path string) (io.ReadCloser, error) { return collect.OpenFile(path) }

// A member reader takes the members of its line one by one, instead of being read by reflection.
type memberReader interface {
	ReadMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte)
}

// A head reader may take all that it wants from the beginning of a line. Then the rest of the line is not checked: its file has a checksum.
type headReader interface {
	ReadHead(line []byte) bool
}

// An appender spells its line itself.
type appender interface {
	AppendLine(dst []byte) ([]byte, error)
}

// Reader reads lines that were read from somewhere else, and keeps its memory from one to the next. The zero value is ready.
type Reader struct {
	check  jsonl.Checker
	values jsonl.Values
}

// Read reads one line, which has to be an object.
func (r *Reader) Read(line []byte, to memberReader) error {
	members, err := r.check.Object(line)
	if err != nil {
		return err
	}
	for i := range members {
		to.ReadMember(&r.check, &r.values, members[i].Name, members[i].Value)
	}
	return r.values.Err()
}

// Damaged is the error of a file that a run wrote whole and that cannot be read: a *quarry.Error of kind BadUsage if it is missing or was
// cut, else err.
func Damaged(path string, err error) error {
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: path, Err: fmt.Errorf("the file is missing or was cut: %w", err),
		Hint: "restore it from a backup; without one, start a run in another directory with --dir DIR --known results.jsonl of this one, " +
			"which keeps the answers in it",
	}
}

// Sealed reads a file that was written whole, as Read does. If it does not exist, that is an error (see Damaged): what it held was paid
// for, and a reader that took it for empty would send those records again.
func Sealed[T any](path string) iter.Seq2[T, error] {
	if _, err := os.Stat(path); err != nil {
		return func(yield func(T, error) bool) {
			var none T
			yield(none, Damaged(path, err))
		}
	}
	return Read[T](path)
}

// Read reads a file of JSON lines, compressed or not, each into a T. A file that does not exist has none.
func Read[T any](path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		r, err := collect.OpenFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err != nil {
			yield(none, err)
			return
		}
		defer func() { _ = r.Close() }()
		in := readers.Get().(*bufio.Reader)
		in.Reset(r)
		defer func() {
			in.Reset(nil)
			readers.Put(in)
		}()
		next := decoded[T](in)
		if _, ok := any(&none).(memberReader); ok {
			next = read[T](in)
		}
		for {
			var v T
			if err := next(&v); err != nil {
				if !errors.Is(err, io.EOF) {
					yield(none, fmt.Errorf("read %s: %w", path, err))
				}
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// decoded reads one value after another by reflection.
func decoded[T any](in io.Reader) func(*T) error {
	dec := json.NewDecoder(in)
	return func(v *T) error { return dec.Decode(v) }
}

// read reads one line after another, each by its own reader.
func read[T any](in *bufio.Reader) func(*T) error {
	var r Reader
	var long []byte
	n := 0
	return func(v *T) error {
		for {
			line, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				for long = long[:0]; errors.Is(err, bufio.ErrBufferFull); line, err = in.ReadSlice('\n') {
					long = append(long, line...)
				}
				long = append(long, line...)
				line = long
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			n++
			if !jsonl.Blank(line) {
				if h, ok := any(v).(headReader); ok && h.ReadHead(line) {
					return nil
				}
				if err := r.Read(line, any(v).(memberReader)); err != nil {
					return fmt.Errorf("line %d: %w", n, err)
				}
				return nil
			}
			if err != nil {
				return io.EOF
			}
		}
	}
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Write writes a value as one line. <, > and & stay as they are: these are data, not pages.
func Write(w io.Writer, v any) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	line, err := Append((*buf)[:0], v)
	*buf = line
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Append appends what Write writes, without the newline.
func Append(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case appender:
		return v.AppendLine(dst)
	case *quarry.Result:
		return resultline.Append(dst, v)
	}
	out := bytes.NewBuffer(dst)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), err
}

// Raw reads a file line by line, each with its newline; the last one may lack it. A slice is the caller's.
func Raw(path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		for {
			line, err := in.ReadBytes('\n')
			if len(line) > 0 && !yield(line, nil) {
				return
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, fmt.Errorf("read %s: %w", path, err))
				}
				return
			}
		}
	}
}
