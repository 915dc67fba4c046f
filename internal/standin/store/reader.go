package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// lookup reads one record; version is its id on the wire, "" for the current one. What it returns is a copy.
func (s *Store) lookup(ctx context.Context, bucket, key, version string) (*object, error) {
	var o *object
	err := s.view(ctx, func(tx *bolt.Tx) error {
		var err error
		o, _, _, err = find(tx, bucket, key, version)
		return err
	})
	return o, err
}

// open looks an object up and pins its blobs: from here on the bytes cannot be taken away.
func (s *Store) open(ctx context.Context, bucket, key, version string) (*object, *handle, error) {
	for {
		o, err := s.lookup(ctx, bucket, key, version)
		if err != nil {
			return nil, nil, err
		}
		if len(o.segments) == 0 {
			return o, &handle{inline: o.inline}, nil
		}
		s.blobs.pin(o.segments)
		// Between the look and the pin the object may have been replaced and its blobs unlinked. If the index still
		// has this record now, a writer that replaces it later sees the pin.
		again, err := s.lookup(ctx, bucket, key, version)
		if err == nil && again.Generation == o.Generation {
			return o, &handle{blobs: s.blobs, segments: o.segments}, nil
		}
		s.blobs.unpin(o.segments)
		if err != nil {
			return nil, nil, err
		}
	}
}

// handle is a hold on an object's bytes.
type handle struct {
	blobs    *blobs // nil when the bytes are inline
	segments []segment
	inline   []byte
	once     sync.Once
}

func (h *handle) release() {
	h.once.Do(func() {
		if h.blobs != nil {
			h.blobs.unpin(h.segments)
		}
	})
}

// section reads length bytes from offset. It opens one blob at a time and takes the handle over: Close releases it.
func (h *handle) section(offset, length int64) io.ReadCloser {
	if h.blobs == nil {
		return &inlineReader{rest: h.inline[offset : offset+length]}
	}
	r := h.reader(length)
	for i, s := range h.segments {
		if offset < s.Length {
			r.next, r.skip = i, offset
			return r
		}
		offset -= s.Length
	}
	r.next = len(h.segments)
	return r
}

// reader reads from the first byte; section and UploadPartCopy build on it.
func (h *handle) reader(length int64) *blobReader { return &blobReader{handle: h, left: length} }

type inlineReader struct{ rest []byte }

func (r *inlineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *inlineReader) Close() error { r.rest = nil; return nil }

// blobReader reads through the segments of a handle.
type blobReader struct {
	handle *handle
	next   int   // segment to open next
	skip   int64 // where to start in it
	left   int64 // bytes still wanted in all
	here   int64 // bytes left in the open segment
	file   *os.File
}

func (r *blobReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.here == 0 {
		if err := r.advance(); err != nil {
			return 0, err
		}
	}
	p = p[:min(int64(len(p)), r.here, r.left)]
	n, err := r.file.Read(p)
	r.here -= int64(n)
	r.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the index promised more: never pass a short object off as whole
	}
	return 0, fmt.Errorf("read blob: %w", err)
}

func (r *blobReader) advance() error {
	for {
		if err := r.closeFile(); err != nil {
			return err
		}
		if r.handle == nil || r.next >= len(r.handle.segments) {
			return fmt.Errorf("read blob: %w", io.ErrUnexpectedEOF)
		}
		s := r.handle.segments[r.next]
		r.next++
		r.here = s.Length - r.skip
		start := s.Offset + r.skip
		r.skip = 0
		if r.here == 0 {
			continue
		}
		f, err := os.Open(r.handle.blobs.path(s.Blob))
		if err != nil {
			return fmt.Errorf("read blob: %w", err)
		}
		r.file = f
		if _, err := f.Seek(start, io.SeekStart); err != nil {
			return fmt.Errorf("read blob: %w", err)
		}
		return nil
	}
}

func (r *blobReader) closeFile() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

func (r *blobReader) Close() error {
	err := r.closeFile()
	if r.handle != nil {
		r.handle.release()
	}
	r.handle, r.left = nil, 0
	return err
}
