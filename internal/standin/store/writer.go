package store

import (
	"bufio"
	"context"
	"crypto/md5" // S3 defines its ETag by it
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"unicode/utf8"
)

// content is bytes that are safely on disk (or small enough for the index) but that nothing names yet.
type content struct {
	size     int64
	md5      []byte
	checksum Checksum // zero if none was requested
	segments []segment
	inline   []byte
}

// intake takes a stream of bytes of any length: in memory up to the inline limit, then into a blob file.
type intake struct {
	blobs *blobs
	limit int
	buf   []byte
	id    blobID
	file  *os.File
	out   *bufio.Writer
	size  int64
	md5   hash.Hash
	sum   hasher // its Hash is nil if none was requested
	err   error
}

// newIntake starts one; with inline false even an empty stream becomes a file (parts must be files).
func (s *Store) newIntake(sum hasher, inline bool) *intake {
	in := &intake{blobs: s.blobs, md5: md5.New(), sum: sum}
	if inline {
		in.limit = inlineLimit
	}
	return in
}

var errFinished = errors.New("write after the end of the object")

func (in *intake) Write(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	in.md5.Write(p)
	if in.sum.Hash != nil {
		in.sum.Write(p)
	}
	in.size += int64(len(p))
	if in.file == nil && in.size <= int64(in.limit) {
		in.buf = append(in.buf, p...)
		return len(p), nil
	}
	if in.file == nil {
		if in.err = in.open(); in.err != nil {
			return 0, in.err
		}
	}
	if _, err := in.out.Write(p); err != nil {
		in.err = fmt.Errorf("write blob: %w", err)
		return 0, in.err
	}
	return len(p), nil
}

func (in *intake) open() error {
	id, file, err := in.blobs.create()
	if err != nil {
		return err
	}
	in.id, in.file, in.out = id, file, bufio.NewWriterSize(file, 64<<10)
	_, err = in.out.Write(in.buf)
	in.buf = nil
	return err
}

// seal syncs and closes the file. After it, discard takes the content back as long as nothing names it.
func (in *intake) seal() (content, error) {
	if in.err != nil {
		return content{}, errors.Join(in.err, in.abort())
	}
	if in.file == nil && in.limit == 0 {
		if err := in.open(); err != nil {
			return content{}, errors.Join(err, in.abort())
		}
	}
	c := content{size: in.size, md5: in.md5.Sum(nil), inline: in.buf}
	if in.sum.Hash != nil {
		c.checksum = Checksum{Algorithm: in.sum.algorithm, Type: FullObject, Value: in.sum.value()}
	}
	if in.file == nil {
		in.err = errFinished
		return c, nil
	}
	err := in.out.Flush()
	if err == nil && !in.blobs.noSync {
		err = in.file.Sync()
	}
	if err != nil {
		return content{}, errors.Join(fmt.Errorf("write blob: %w", err), in.abort())
	}
	err = in.file.Close()
	in.file, in.out, in.err = nil, nil, errFinished
	in.blobs.written(in.id, err == nil)
	if err != nil {
		return content{}, fmt.Errorf("write blob: %w", err)
	}
	c.segments = []segment{{Blob: in.id, Length: in.size}}
	return c, nil
}

// abort throws away what was written. It may be called at any time, also after seal, where it does nothing.
func (in *intake) abort() error {
	if in.err == nil {
		in.err = errFinished
	}
	in.buf = nil
	if in.file == nil {
		return nil
	}
	err := in.file.Close()
	in.file, in.out = nil, nil
	in.blobs.written(in.id, false)
	if err != nil {
		return fmt.Errorf("abort blob: %w", err)
	}
	return nil
}

// giveBack removes sealed content when the commit that should name it was refused.
func (s *Store) giveBack(c content, reason error) {
	if e := (indexError{}); errors.As(reason, &e) {
		return
	}
	for _, g := range c.segments {
		s.blobs.remove(g.Blob)
	}
}

// Writer streams one object into the store. It is used by one goroutine at a time and ends with Commit or Abort.
type Writer struct {
	store  *Store
	ended  func() error // why the caller's context is over, nil while it is not
	bucket string
	key    string
	in     *intake
}

// Create starts an object of any size. Nothing is visible before Commit; until then the old object stays.
func (s *Store) Create(ctx context.Context, bucket, key string) (*Writer, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if _, err := s.Bucket(ctx, bucket); err != nil {
		return nil, err
	}
	sum, _ := newHasher(CRC32)
	return &Writer{store: s, ended: ctx.Err, bucket: bucket, key: key, in: s.newIntake(sum, true)}, nil
}

// Write takes the next bytes of the object.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.ended(); err != nil {
		return 0, err
	}
	return w.in.Write(p)
}

// Commit makes the object visible, whole and on disk. The Writer is finished whether it succeeds or not.
func (w *Writer) Commit() (Object, error) {
	if err := w.ended(); err != nil {
		return Object{}, errors.Join(err, w.in.abort())
	}
	c, err := w.in.seal()
	if err != nil {
		return Object{}, fmt.Errorf("write %s/%s: %w", w.bucket, w.key, err)
	}
	o := &object{Info: Info{Headers: Headers{ContentType: "binary/octet-stream"}}}
	if err := w.store.put(w.bucket, w.key, o, c, nil); err != nil {
		return Object{}, fmt.Errorf("write %s/%s: %w", w.bucket, w.key, err)
	}
	return o.native(w.key), nil
}

// Abort throws away what was written. After Commit it does nothing, so it can be deferred.
func (w *Writer) Abort() error { return w.in.abort() }

// put names content in the index: it replaces whatever has the key, if allow (nil: always) agrees with what is there.
func (s *Store) put(bucket, key string, o *object, c content, allow func(old *Info) error) error {
	o.Size, o.segments, o.inline = c.size, c.segments, c.inline
	if o.ETag == "" {
		o.ETag = hex.EncodeToString(c.md5)
	}
	if o.Checksum.Algorithm == "" {
		o.Checksum = c.checksum
	}
	err := s.transact(func(tx *txn) error { return s.replace(tx, bucket, key, o, allow) })
	if err != nil {
		s.giveBack(c, err)
	}
	return err
}

// replace writes the record of o, counts its blobs and lets go of the old ones.
func (s *Store) replace(tx *txn, bucket, key string, o *object, allow func(old *Info) error) error {
	keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys == nil {
		return refuse(ErrNoSuchBucket)
	}
	var old *object
	if b := keys.Get([]byte(key)); b != nil {
		var err error
		if old, err = decodeObject(b); err != nil {
			return fmt.Errorf("read %s/%s: %w", bucket, key, err)
		}
	}
	if allow != nil {
		var h *Info
		if old != nil {
			h = &old.Info
		}
		if err := allow(h); err != nil {
			return refuse(err)
		}
	}
	o.Generation, o.Modified = s.generation(), now()
	if err := tx.addRefs(o.segments); err != nil { // before the old version's are let go: a copy may share them
		return err
	}
	var err error
	if o.VersionID, err = tx.retire(bucket, key, old); err != nil {
		return err
	}
	record, err := o.encode()
	if err != nil {
		return err
	}
	return keys.Put([]byte(key), record)
}

// checkKey refuses what cannot be an S3 key: AWS allows 1 to 1,024 bytes of UTF-8 (User Guide, "Naming Amazon S3
// objects").
func checkKey(key string) error {
	if key == "" {
		return ErrNoSuchKey
	}
	if len(key) > 1024 {
		return ErrKeyTooLong
	}
	if !utf8.ValidString(key) {
		return ErrKeyEncoding
	}
	return nil
}
