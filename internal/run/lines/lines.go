// Package lines reads and writes files of lines, from their beginning to their end.
//
// It owns the form of these files, JSON or bare lines, compressed or not, and the merge of several that are sorted by the
// documents' order. It does not know what a line says. What always holds: a reader holds one line of each file that is open,
// however long the files are.
package lines

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"quarry/internal/collect"
)

// Open opens a file to be read from its beginning to its end; one whose name ends in .zst is decompressed.
func Open(path string) (io.ReadCloser, error) { return collect.OpenFile(path) }

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
		in := json.NewDecoder(bufio.NewReaderSize(r, 256<<10))
		for {
			var v T
			if err := in.Decode(&v); err != nil {
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

// Write writes a value as one line. <, > and & stay as they are: these are data, not pages.
func Write(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
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
