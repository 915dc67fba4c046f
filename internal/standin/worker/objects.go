package worker

import (
	"context"
	"io"
	"iter"
)

// Object is what the engine needs to know of an input file.
type Object struct {
	Key  string
	Size int64
	ETag string // tells one content from another
}

// Bucket is what the engine needs to know of a bucket.
type Bucket struct {
	Account string // that owns it
	KMSKey  string // id of the key that new objects are encrypted with, or empty
}

// Store is where jobs read and write. FromStore makes one of the embedded store; errors wrap store.ErrNoSuchBucket and
// store.ErrNoSuchKey where that is the reason.
type Store interface {
	Bucket(ctx context.Context, name string) (Bucket, error)
	Stat(ctx context.Context, bucket, key string) (Object, error)
	// Objects lists in the order of the keys.
	Objects(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error]
	// Read opens an object; the reader keeps this content even when the object is replaced.
	Read(ctx context.Context, bucket, key string) (io.ReadCloser, Object, error)
	// Create makes an object that appears whole on Commit, replacing what was there, or not at all.
	Create(ctx context.Context, bucket, key string) (Writer, error)
}

// Writer is an object that is being written. Abort after Commit does nothing.
type Writer interface {
	io.Writer
	Commit() error
	Abort() error
}
