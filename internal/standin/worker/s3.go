package worker

import (
	"context"
	"io"
	"iter"

	"quarry/internal/standin/store"
)

// FromStore lets jobs read and write the embedded store.
func FromStore(s *store.Store) Store { return embedded{s} }

type embedded struct{ store *store.Store }

func (e embedded) Bucket(ctx context.Context, name string) (Bucket, error) {
	info, err := e.store.Bucket(ctx, name)
	return Bucket{Account: info.Account, KMSKey: info.KMSKeyID}, err
}

func (e embedded) Stat(ctx context.Context, bucket, key string) (Object, error) {
	o, err := e.store.Stat(ctx, bucket, key)
	return Object{Key: o.Key, Size: o.Size, ETag: o.ETag}, err
}

func (e embedded) Objects(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for o, err := range e.store.Objects(ctx, bucket, prefix) {
			if !yield(Object{Key: o.Key, Size: o.Size, ETag: o.ETag}, err) {
				return
			}
		}
	}
}

func (e embedded) Read(ctx context.Context, bucket, key string) (io.ReadCloser, Object, error) {
	r, o, err := e.store.Read(ctx, bucket, key, 0)
	return r, Object{Key: o.Key, Size: o.Size, ETag: o.ETag}, err
}

func (e embedded) Create(ctx context.Context, bucket, key string) (Writer, error) {
	w, err := e.store.Create(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	return embeddedWriter{w}, nil
}

type embeddedWriter struct{ *store.Writer }

func (w embeddedWriter) Commit() error {
	_, err := w.Writer.Commit()
	return err
}
