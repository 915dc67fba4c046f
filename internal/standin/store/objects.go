package store

import (
	"context"
	"errors"
	"io"

	"quarry/internal/standin/s3err"

	bolt "go.etcd.io/bbolt"
)

// Put is an object to be stored in one piece.
type Put struct {
	Bucket, Key string
	Headers     Headers
	Tags        Tags
	If          Conditions // Match and NoneMatch
	Body        Body
}

// Put stores an object and returns what is now kept of it. Errors are ErrNoSuchBucket, those of the key, and S3's.
func (s *Store) Put(ctx context.Context, in Put) (Info, error) {
	if err := checkKey(in.Key); err != nil {
		return Info{}, err
	}
	if err := s.early(ctx, in.Bucket, in.Key, in.If); err != nil {
		return Info{}, err
	}
	c, err := s.receive(in.Body, true)
	if err != nil {
		return Info{}, err
	}
	o := &object{Info: Info{Tags: in.Tags, Headers: in.Headers}}
	if err := s.put(in.Bucket, in.Key, o, c, in.If.write); err != nil {
		return Info{}, err
	}
	return o.Info, nil
}

// early looks at the preconditions before the body is read; what counts is decided again in the transaction.
func (s *Store) early(ctx context.Context, bucket, key string, cond Conditions) error {
	o, err := s.lookup(ctx, bucket, key)
	switch {
	case errors.Is(err, ErrNoSuchKey):
		return cond.write(nil)
	case err != nil:
		return err
	}
	return cond.write(&o.Info)
}

// Head describes an object and the parts it was uploaded in, nil when it was uploaded in one piece.
func (s *Store) Head(ctx context.Context, bucket, key string) (Info, []Part, error) {
	o, err := s.lookup(ctx, bucket, key)
	if err != nil {
		return Info{}, nil, err
	}
	return o.Info, o.parts, nil
}

// Opened is an object that is held: its bytes stay although it is replaced or deleted. One of Section and Close ends the hold.
type Opened struct {
	Info
	Parts []Part

	handle *handle
}

// Open looks an object up and holds its bytes.
func (s *Store) Open(ctx context.Context, bucket, key string) (*Opened, error) {
	o, h, err := s.open(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	return &Opened{Info: o.Info, Parts: o.parts, handle: h}, nil
}

// Section reads length bytes from offset, which must lie within the object. Closing the reader ends the hold.
func (o *Opened) Section(offset, length int64) io.ReadCloser { return o.handle.section(offset, length) }

// Close ends the hold where nothing was read.
func (o *Opened) Close() { o.handle.release() }

// Delete takes a key away. One that is not there is no error, as in S3, unless cond.Match is set.
func (s *Store) Delete(ctx context.Context, bucket, key string, cond Conditions) error {
	return s.commit(ctx, func(tx *txn) error { return tx.deleteObject(bucket, key, cond) })
}

func (t *txn) deleteObject(bucket, key string, cond Conditions) error {
	keys := t.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys == nil {
		return refuse(ErrNoSuchBucket)
	}
	b := keys.Get([]byte(key))
	if b == nil {
		return refuse(cond.remove(nil))
	}
	old, err := decodeObject(b)
	if err != nil {
		return err
	}
	if err := cond.remove(&old.Info); err != nil {
		return refuse(err)
	}
	if err := t.dropRefs(old.segments); err != nil {
		return err
	}
	return keys.Delete([]byte(key))
}

// Doomed is one of many objects to delete. Err is set where it was refused before.
type Doomed struct {
	Key string
	If  Conditions
	Err *s3err.Error
}

// DeleteMany deletes the keys in one index transaction, and sets Err where one is refused.
func (s *Store) DeleteMany(ctx context.Context, bucket string, doomed []Doomed) error {
	return s.commit(ctx, func(tx *txn) error {
		if tx.Bucket(nameObjects).Bucket([]byte(bucket)) == nil {
			return refuse(ErrNoSuchBucket)
		}
		for i := range doomed {
			d := &doomed[i]
			if d.Err != nil {
				continue
			}
			err := tx.deleteObject(bucket, d.Key, d.If)
			if r := (refusal{}); errors.As(err, &r) {
				d.Err = S3Error(r.err, bucket, d.Key)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// SetTags rewrites an object's tags in place: neither its time nor its generation changes, readers stay valid.
func (s *Store) SetTags(ctx context.Context, bucket, key string, tags Tags) error {
	return s.commit(ctx, func(tx *txn) error {
		keys, b, err := tx.record(bucket, key)
		if err != nil {
			return refuse(err)
		}
		o, err := decodeObject(b)
		if err != nil {
			return err
		}
		o.Tags = tags
		record, err := o.encode()
		if err != nil {
			return err
		}
		return keys.Put([]byte(key), record)
	})
}

// record finds the record of a key.
func (t *txn) record(bucket, key string) (keys *bolt.Bucket, record []byte, err error) {
	if keys = t.Bucket(nameObjects).Bucket([]byte(bucket)); keys == nil {
		return nil, nil, ErrNoSuchBucket
	}
	if record = keys.Get([]byte(key)); record == nil {
		return nil, nil, ErrNoSuchKey
	}
	return keys, record, nil
}
