// Package s3 reads the objects below a prefix of a bucket as a folder's files are read: each object a document, or a file
// of many.
//
// It owns the walk over the objects, and the patience with a connection that breaks off. It knows no S3 client: the caller
// brings one as a Store. What kind of file an object is, the caller tells by what it holds, then by its name.
//
// What always holds: objects come in the order of their keys, as S3 lists them; ids of texts are keys relative to the
// prefix; what has a part that begins with a dot is not looked at, nor what is empty; an object that cannot be read is named,
// and those after it are read; small objects are asked for side by side, and no more than a block of them is held.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"quarry"
	"quarry/internal/prepare/source/stream"
)

// Scheme begins the address of a bucket.
const Scheme = "s3://"

// Object is one object of a listing.
type Object struct {
	Key  string
	ETag string
	Size int64
}

// Store is one bucket. Its errors are reported as they are, but for the two below.
type Store struct {
	// List gives the objects under a prefix in the order of their keys, those after a key alone where it is not empty.
	List func(ctx context.Context, prefix, after string) iter.Seq2[Object, error]
	// Open opens an object at a byte, for so many bytes or, with 0, to its end. An ETag that is not empty has to be the
	// object's still.
	Open func(ctx context.Context, key, etag string, from, bytes int64) (io.ReadCloser, error)
}

// What a Store says of an object that is no more what was listed.
var (
	ErrGone    = errors.New("it was deleted after it was listed")
	ErrChanged = errors.New("it was changed after it was listed")
)

// Reader gives the items of one object.
type Reader interface {
	Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

// Source is what is below a prefix.
type Source struct {
	Bucket string
	// Prefix is taken as a folder's name: `a` is the object of that name, or else all below `a/`.
	Prefix string
	Store  Store
	// Kind says how an object is read, by its name and its head. Its error says why it cannot be.
	Kind  func(file stream.File, head []byte) (Reader, error)
	Index int // of the source in the run
}

// Parse takes an address apart.
func Parse(address string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(address, Scheme)
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" || strings.ContainsAny(bucket, "?#@:") {
		return "", "", errors.New("it names no bucket")
	}
	return bucket, prefix, nil
}

// Name gives the address.
func (s *Source) Name() string { return s.uri(s.Prefix) }

func (s *Source) uri(key string) string { return Scheme + s.Bucket + "/" + key }

// What is small is held while it is read, some of it side by side.
const (
	smallBytes = 1 << 20
	blockBytes = 4 << 20
	blockFiles = 64
	atOnce     = 16
)

// Blocks gives the objects in blocks: many small ones, or a part of a large one.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		w := walk{s: s, yield: yield}
		if err := w.walk(ctx, from); err != nil && !w.stopped {
			yield(quarry.Block{}, err)
		}
	}
}

// walk is one walk under way.
type walk struct {
	s       *Source
	yield   func(quarry.Block, error) bool
	folder  string   // what ids are relative to
	small   []Object // of the block that is gathered
	bytes   int64
	found   int
	stopped bool
}

func (w *walk) walk(ctx context.Context, from quarry.Position) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	prefix, err := w.prefix(ctx)
	if err != nil {
		return err
	}
	after := ""
	if from.File != "" {
		// The object itself is found by the listing of its own key, which is the first that begins with it.
		key, ok := strings.CutPrefix(from.File, w.s.uri(""))
		if !ok {
			return fmt.Errorf("read %s: position %s is not in it", w.s.Name(), from.File)
		}
		after = key
		for o, err := range w.s.Store.List(ctx, key, "") {
			if err != nil {
				return err
			}
			if o.Key != key {
				return fmt.Errorf("read %s: %s: %w", w.s.Name(), from.File, ErrGone)
			}
			if err := w.visit(ctx, o, from); err != nil || w.stopped {
				return err
			}
			break
		}
	}
	for o, err := range w.s.Store.List(ctx, prefix, after) {
		if err != nil {
			return err
		}
		if prefix == w.s.Prefix && w.folder != prefix && o.Key != prefix {
			break // one object was named
		}
		if err := w.visit(ctx, o, quarry.Position{}); err != nil || w.stopped {
			return err
		}
	}
	w.flush(ctx)
	if w.found == 0 && from.File == "" && !w.stopped {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read source", Subject: w.s.Name(), Err: errors.New("it has no object that can be read"),
			Hint: "check the prefix: aws s3 ls " + w.s.Name(),
		}
	}
	return nil
}

// prefix finds out whether an object or a folder is named.
func (w *walk) prefix(ctx context.Context) (string, error) {
	p := w.s.Prefix
	if p == "" || strings.HasSuffix(p, "/") {
		w.folder = p
		return p, nil
	}
	for o, err := range w.s.Store.List(ctx, p, "") {
		if err != nil {
			return "", err
		}
		if o.Key == p { // it comes before all that it begins
			w.folder = p[:strings.LastIndexByte(p, '/')+1]
			return p, nil
		}
		break
	}
	w.folder = p + "/"
	return p + "/", nil
}

func (w *walk) visit(ctx context.Context, o Object, from quarry.Position) error {
	rel := strings.TrimPrefix(o.Key, w.folder)
	if o.Size == 0 || strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.") {
		return nil
	}
	w.found++
	if o.Size > smallBytes {
		w.flush(ctx)
		if w.stopped {
			return nil
		}
		return w.large(ctx, o, from)
	}
	if len(w.small) == blockFiles || (len(w.small) > 0 && w.bytes+o.Size > blockBytes) {
		w.flush(ctx)
	}
	w.small = append(w.small, o)
	w.bytes += o.Size
	return nil
}

// file gives an object as a file, read over the network.
func (w *walk) file(o Object) stream.File {
	return stream.File{
		Name: w.s.uri(o.Key), ID: w.id(o),
		Open: func(ctx context.Context) (io.ReadCloser, error) { return w.s.Store.open(ctx, o) },
		At: func(ctx context.Context) (stream.ReaderAtCloser, int64, error) {
			return &places{ctx: ctx, store: w.s.Store, object: o}, o.Size, nil
		},
	}
}

func (w *walk) id(o Object) string {
	if rel := strings.TrimPrefix(o.Key, w.folder); rel != "" {
		return rel
	}
	return path.Base(o.Key)
}

// large gives the blocks of a large object, which is read as they are asked for.
func (w *walk) large(ctx context.Context, o Object, from quarry.Position) error {
	at := quarry.Position{Source: w.s.Index, File: w.s.uri(o.Key)}
	file := w.file(o)
	head, err := file.Head(ctx)
	var in Reader
	if err == nil {
		in, err = w.s.Kind(file, head)
	}
	if err != nil {
		if e := about(ctx, err); e != nil {
			return e
		}
		w.stopped = !w.yield(broken(at, err), nil)
		return nil
	}
	// One block is held back: if the object breaks off, the fault is the last thing in it, and a resumption there meets
	// the fault again and nothing else twice.
	var last *quarry.Block
	for b, err := range in.Blocks(ctx, from) {
		if err != nil {
			if e := about(ctx, err); e != nil {
				if last != nil {
					w.stopped = !w.yield(*last, nil)
				}
				return e
			}
			if last == nil {
				w.stopped = !w.yield(broken(at, err), nil)
			} else {
				w.stopped = !w.yield(withFault(*last, at, err), nil)
			}
			return nil
		}
		if last != nil && !w.yield(*last, nil) {
			w.stopped = true
			return nil
		}
		last = &b
	}
	if last != nil {
		w.stopped = !w.yield(*last, nil)
	}
	return nil
}

// about gives an error that is about more than one object: the network, a right, an interruption. nil: it is about this one.
func about(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failure *quarry.Error
	if errors.As(err, &failure) && failure.Kind != quarry.BadUsage && failure.Kind != quarry.BadItems {
		return err
	}
	return nil
}

// broken is a block of one fault.
func broken(at quarry.Position, err error) quarry.Block {
	return quarry.Block{First: at, Documents: func(yield func(quarry.Document, error) bool) {
		yield(quarry.Document{At: at}, &quarry.ItemError{At: at, Reason: "cannot be read: " + bare(err)})
	}}
}

// withFault adds a fault of the block's object after its items.
func withFault(b quarry.Block, at quarry.Position, err error) quarry.Block {
	return quarry.Block{First: b.First, Documents: func(yield func(quarry.Document, error) bool) {
		last := at
		for d, err := range b.Documents {
			last = d.At
			if !yield(d, err) {
				return
			}
		}
		last.Offset++ // it is after the item
		yield(quarry.Document{At: last}, &quarry.ItemError{At: last, Reason: "the rest cannot be read: " + bare(err)})
	}}
}

// bare takes "read NAME:" off: the position names the object already.
func bare(err error) string {
	var failure *quarry.Error
	if errors.As(err, &failure) && failure.Err != nil {
		return failure.Err.Error()
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "read s3://") {
		return inner.Error()
	}
	return err.Error()
}
