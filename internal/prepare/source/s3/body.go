package s3

import (
	"context"
	"errors"
	"io"

	"quarry"
)

// reopened is how often one object is opened again where its connection broke off, before it is given up: the program
// that called says to run again, and continues there.
const reopened = 5

// open opens an object from its beginning; a connection that breaks off is taken up where it was.
func (s Store) open(ctx context.Context, o Object) (io.ReadCloser, error) {
	in, err := s.Open(ctx, o.Key, o.ETag, 0, 0)
	if err != nil {
		return nil, err
	}
	return &body{ctx: ctx, store: s, object: o, in: in}, nil
}

// body is an object under way. It reads with the context with which it was opened, as the connection below it does.
type body struct {
	ctx    context.Context //nolint:containedctx // a reader is a call that continues
	store  Store
	object Object
	in     io.ReadCloser
	at     int64
	end    int64 // 0: the object's
	again  int
}

// Read reads on, over a new connection where the one at hand broke off.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.at += int64(n)
	var failure *quarry.Error
	if err == nil || errors.Is(err, io.EOF) || b.ctx.Err() != nil || !errors.As(err, &failure) || failure.Kind != quarry.Provider ||
		b.again == reopened {
		return n, err
	}
	b.again++
	in, openErr := b.store.Open(b.ctx, b.object.Key, b.object.ETag, b.at, max(0, b.end-b.at))
	if openErr != nil {
		return n, openErr
	}
	_ = b.in.Close()
	b.in = in
	return n, nil
}

// Close closes the connection.
func (b *body) Close() error { return b.in.Close() }

// places reads an object at any place, a request each.
type places struct {
	ctx    context.Context //nolint:containedctx // io.ReaderAt has no room for it
	store  Store
	object Object
}

// ReadAt reads a part.
func (r *places) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.object.Size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), r.object.Size-off)]
	if len(want) == 0 {
		return 0, nil
	}
	in, err := r.store.Open(r.ctx, r.object.Key, r.object.ETag, off, int64(len(want)))
	if err != nil {
		return 0, err
	}
	whole := &body{ctx: r.ctx, store: r.store, object: r.object, in: in, at: off, end: off + int64(len(want))}
	defer func() { _ = whole.Close() }()
	n, err := io.ReadFull(whole, want)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Close has nothing open.
func (r *places) Close() error { return nil }
