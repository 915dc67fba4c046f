// Package atomicfile writes files that appear whole or not at all.
//
// It owns the order temp, write, sync, close, rename, sync directory, and nothing of what is written. A reader never
// sees half a file, and a crash leaves at most a temporary file that the next attempt overwrites.
package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"quarry/internal/base/effect"
)

const bufferBytes = 256 << 10

// What the content of a file goes through is kept for the next one: making it costs more than a small file does.
var buffers, encoders sync.Pool

// Writer is a file in the making.
type Writer struct {
	e    *effect.Effects
	f    *effect.OutFile
	buf  *bufio.Writer // nil until something is written: many files stay empty
	zstd *zstd.Encoder // likewise
	pack bool          // the content is compressed
	path string
}

// Create begins a file. Nothing is at path until Commit.
func Create(e *effect.Effects, path string) (*Writer, error) {
	f, err := e.Create(path + ".tmp")
	if err != nil {
		return nil, err
	}
	return &Writer{e: e, f: f, path: path}, nil
}

// CreateZstd begins a file whose content is compressed with zstd.
func CreateZstd(e *effect.Effects, path string) (*Writer, error) {
	w, err := Create(e, path)
	if err != nil {
		return nil, err
	}
	w.pack = true
	return w, nil
}

// Write takes more of the content.
func (w *Writer) Write(p []byte) (int, error) {
	if w.buf == nil {
		if len(p) == 0 {
			return 0, nil
		}
		if err := w.begin(); err != nil {
			return 0, err
		}
	}
	if w.zstd != nil {
		return w.zstd.Write(p)
	}
	return w.buf.Write(p)
}

// begin takes what the content goes through, kept or new.
func (w *Writer) begin() (err error) {
	buf, ok := buffers.Get().(*bufio.Writer)
	if !ok {
		buf = bufio.NewWriterSize(nil, bufferBytes)
	}
	buf.Reset(w.f)
	w.buf = buf
	if !w.pack {
		return nil
	}
	if z, ok := encoders.Get().(*zstd.Encoder); ok {
		z.Reset(w.buf)
		w.zstd = z
		return nil
	}
	// One goroutine and a small window: many of these are open at once, and memory counts more than the last percent.
	w.zstd, err = zstd.NewWriter(w.buf, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return fmt.Errorf("compress %s: %w", w.path, err)
	}
	return nil
}

// keep gives back what begin took. Content that has not reached the file is dropped.
func (w *Writer) keep() {
	if w.zstd != nil {
		w.zstd.Reset(nil)
		encoders.Put(w.zstd)
		w.zstd = nil
	}
	if w.buf != nil {
		w.buf.Reset(nil)
		buffers.Put(w.buf)
		w.buf = nil
	}
}

// ReadAt reads back what was written to a file that is not compressed.
func (w *Writer) ReadAt(p []byte, off int64) (int, error) {
	if w.buf != nil {
		if err := w.buf.Flush(); err != nil {
			return 0, err
		}
	}
	return w.f.ReadAt(p, off)
}

// Commit makes the file appear at its path, durably. The writer is spent afterwards, whatever the outcome.
func (w *Writer) Commit() error {
	err := w.finish()
	if err != nil {
		w.Abort()
		return fmt.Errorf("write %s: %w", w.path, err)
	}
	return w.e.Rename(w.path+".tmp", w.path)
}

// CommitAll commits files one after the other, and none after one that failed: a caller that sees the last sees them all.
func CommitAll(files ...*Writer) error {
	for _, w := range files {
		if err := w.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) finish() error {
	if w.zstd != nil {
		if err := w.zstd.Close(); err != nil {
			return err
		}
	}
	if w.buf != nil {
		if err := w.buf.Flush(); err != nil {
			return err
		}
	}
	w.keep()
	if err := w.f.Sync(); err != nil {
		return err
	}
	f := w.f
	w.f = nil
	return f.Close()
}

// Abort throws the file away. After Commit it does nothing.
func (w *Writer) Abort() {
	w.keep()
	if w.f == nil {
		return
	}
	_ = w.f.Close()
	w.f = nil
	_ = w.e.Remove(w.path + ".tmp")
}

// Write makes a small file of p.
func Write(e *effect.Effects, path string, p []byte) error {
	w, err := Create(e, path)
	if err != nil {
		return err
	}
	if _, err := w.Write(p); err != nil {
		w.Abort()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return w.Commit()
}

// CopyZstd makes a compressed file of all that r gives, and returns its uncompressed size.
func CopyZstd(e *effect.Effects, path string, r io.Reader) (int64, error) {
	w, err := CreateZstd(e, path)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(struct{ io.Writer }{w}, r)
	if err != nil {
		w.Abort()
		return n, fmt.Errorf("write %s: %w", path, err)
	}
	return n, w.Commit()
}
