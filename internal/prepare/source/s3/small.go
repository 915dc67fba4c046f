package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"quarry"
	"quarry/internal/prepare/source/stream"
)

// flush gives the small objects that were gathered as a block. They are asked for when the block is read.
func (w *walk) flush(ctx context.Context) {
	if len(w.small) == 0 || w.stopped {
		return
	}
	objects := w.small
	w.small, w.bytes = nil, 0
	first := quarry.Position{Source: w.s.Index, File: w.s.uri(objects[0].Key)}
	w.stopped = !w.yield(quarry.Block{First: first, Documents: func(yield func(quarry.Document, error) bool) {
		got := w.s.fetch(ctx, objects)
		for i, o := range objects {
			if !w.one(ctx, o, got[i], yield) {
				return
			}
		}
	}}, nil)
}

// fetched is one object, or why it could not be had.
type fetched struct {
	data []byte
	err  error
}

// fetch gets objects side by side: each answer of S3 takes its time, whatever its size.
func (s *Source) fetch(ctx context.Context, objects []Object) []fetched {
	out := make([]fetched, len(objects))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(atOnce, len(objects)) {
		group.Go(func() {
			for i := range next {
				out[i].data, out[i].err = s.get(ctx, objects[i])
			}
		})
	}
	for i := range objects {
		next <- i
	}
	close(next)
	group.Wait()
	return out
}

func (s *Source) get(ctx context.Context, o Object) ([]byte, error) {
	in, err := s.Store.open(ctx, o)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, o.Size+1)
	b := bytes.NewBuffer(data)
	_, err = b.ReadFrom(io.LimitReader(in, smallBytes+1))
	return b.Bytes(), errors.Join(err, in.Close())
}

// one gives the items of a small object; false when no more are wanted.
func (w *walk) one(ctx context.Context, o Object, got fetched, yield func(quarry.Document, error) bool) bool {
	at := quarry.Position{Source: w.s.Index, File: w.s.uri(o.Key)}
	what := "cannot be read: "
	fault := func(err error) bool {
		if e := about(ctx, err); e != nil {
			yield(quarry.Document{At: at}, e)
			return false
		}
		return yield(quarry.Document{At: at}, &quarry.ItemError{At: at, Reason: what + bare(err)})
	}
	if got.err != nil {
		return fault(got.err)
	}
	file := stream.File{
		Name: at.File, ID: w.id(o),
		Open: func(context.Context) (io.ReadCloser, error) { return inMemory{bytes.NewReader(got.data)}, nil },
		At: func(context.Context) (stream.ReaderAtCloser, int64, error) {
			return inMemory{bytes.NewReader(got.data)}, int64(len(got.data)), nil
		},
	}
	head, err := file.Head(ctx)
	if err != nil {
		return fault(err)
	}
	in, err := w.s.Kind(file, head)
	if err != nil {
		return fault(err)
	}
	for b, err := range in.Blocks(ctx, quarry.Position{}) {
		if err != nil {
			return fault(err)
		}
		for d, err := range b.Documents {
			at = d.At
			if !yield(d, err) {
				return false
			}
		}
		at.Offset++ // where a fault of the rest would be
		what = "the rest cannot be read: "
	}
	return true
}

// inMemory is an object that is held.
type inMemory struct{ *bytes.Reader }

// Close has nothing to let go of.
func (inMemory) Close() error { return nil }
