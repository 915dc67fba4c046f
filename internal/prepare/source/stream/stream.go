// Package stream opens the files that connectors read: from a byte on, unpacked, in UTF-8 where the kind of file has no
// rule of its own for that.
//
// It owns compression, byte order marks and legacy encodings. It does not know what is in a file.
//
// What always holds: an offset is counted in the unpacked bytes; nothing is written; whatever is opened is closed by
// its Close, background work of the decoders included.
package stream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"quarry"
)

// File is a file that can be opened again and again.
type File struct {
	Name string // as people know it
	// Open opens it at its first byte, packed or not.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// At opens it to be read at any place and says how long it is; nil where that cannot be done.
	At func(ctx context.Context) (ReaderAtCloser, int64, error)
	// ID is that of a file which is one document; empty: the last part of its name.
	ID string

	once bool   // it can be opened only once
	head []byte // what Head gives, where it is known: a stream that comes once is not opened for it
}

// ReaderAtCloser is a file that is read at any place.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Local is a file on disk. A pipe by name (process substitution, /dev/stdin) is read once: a second opening would continue
// where the first stopped, and what was looked at would be lost without a word. Nothing waits for its writer longer than the
// context allows in which it was opened.
func Local(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		p := &pipe{path: path}
		return onceFile(path, &patient{open: p.open}, p), nil
	}
	return File{
		Name: path,
		Open: func(context.Context) (io.ReadCloser, error) { return os.Open(path) },
		At: func(context.Context) (ReaderAtCloser, int64, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, 0, err
			}
			info, err := f.Stat()
			if err != nil {
				return nil, 0, errors.Join(err, f.Close())
			}
			return f, info.Size(), nil
		},
	}, nil
}

// ErrReadTwice says that a stream which comes only once was asked for again.
var ErrReadTwice = errors.New("it can be read only once, from the start")

// Once makes a file of a reader that comes only once, such as standard input. What Head looked at is not lost. The reader is its
// owner's to close.
func Once(name string, r io.Reader) File { return onceFile(name, r, nil) }

func onceFile(name string, r io.Reader, closer io.Closer) File {
	in := &once{r: bufio.NewReaderSize(r, headSize), closer: closer}
	in.patient, _ = r.(*patient)
	return File{Name: name, Open: in.open, once: true}
}

// Single reports whether the file can be read only once.
func (f File) Single() bool { return f.once }

type once struct {
	r       *bufio.Reader
	patient *patient  // below r, where it is ours
	closer  io.Closer // nil where the reader is its owner's
	gone    bool
}

func (o *once) open(ctx context.Context) (io.ReadCloser, error) {
	if o.gone {
		return nil, ErrReadTwice
	}
	if o.patient != nil && o.closer != nil {
		o.patient.ctx = ctx
	}
	return o, nil
}

// Read marks the reader as used: opening it to look at its head alone does not.
func (o *once) Read(p []byte) (int, error) {
	o.gone = true
	return o.r.Read(p)
}

// Close closes a file that was opened here, once it was read.
func (o *once) Close() error {
	if o.closer == nil || !o.gone {
		return nil
	}
	return o.closer.Close()
}

// headSize is how much of a file is enough to tell its kind.
const headSize = 64 << 10

// zstd's own command refuses larger windows too unless a flag allows them.
const maxWindow = 128 << 20

// Head gives the first bytes of a file, unpacked: 64 KiB, or all there is.
func (f File) Head(ctx context.Context) ([]byte, error) {
	if f.head != nil {
		return f.head, nil
	}
	raw, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = raw.Close() }()
	var packed io.Reader = raw
	if o, ok := raw.(*once); ok {
		b, err := o.r.Peek(headSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		packed = bytes.NewReader(b)
	}
	r, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil // a head that breaks off is reported when the whole is read
}

// From opens the file at an offset of its unpacked bytes.
func (f File) From(ctx context.Context, offset int64) (io.ReadCloser, error) {
	raw, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	r, err := unpack(raw)
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("unpack: %w", err)
	}
	out := &reader{unpacked: r, raw: raw}
	if offset == 0 {
		return out, nil
	}
	if s, ok := raw.(io.Seeker); ok && r.plain {
		if _, err := s.Seek(offset, io.SeekStart); err == nil {
			out.unpacked = unpacked{Reader: raw, plain: true}
			return out, nil
		}
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("continue at byte %d: %w", offset, err)
	}
	return out, nil
}

type reader struct {
	unpacked
	raw io.Closer
}

// Read names a packed file that is damaged: what is after the damage cannot be had, so no one can continue.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !r.plain && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		err = &quarry.Error{Kind: quarry.BadItems, Err: err, Hint: "the file is damaged or truncated: fetch it again"}
	}
	return n, err
}

// Close closes the decoder and the file below it.
func (r *reader) Close() error {
	r.unpacked.Close()
	return r.raw.Close()
}

type unpacked struct {
	io.Reader
	plain bool
	free  func()
}

func (u unpacked) Close() {
	if u.free != nil {
		u.free()
	}
}

// unpack tells gzip and zstd by their magic numbers (RFC 1952, RFC 8878): names are.
func unpack(r io.Reader) (unpacked, error) {
	b := bufio.NewReaderSize(r, headSize)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return unpacked{}, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return unpacked{}, fmt.Errorf("gzip: %w", err)
		}
		return unpacked{Reader: z, free: func() { _ = z.Close() }}, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		// One goroutine and little memory: the cores belong to the cleaning.
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return unpacked{}, fmt.Errorf("zstd: %w", err)
		}
		return unpacked{Reader: z, free: z.Close}, nil
	}
	return unpacked{Reader: b, plain: true}, nil
}

// Extension gives the lower-case extension of a file's name, that of the file inside where it is packed.
func Extension(name string) string {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	return filepath.Ext(name)
}
