package store

import (
	"context"
	"errors"
	"io"

	"quarry/internal/standin/s3err"
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
	o, err := s.lookup(ctx, bucket, key, "")
	switch {
	case errors.Is(err, ErrNoSuchKey):
		return cond.write(nil)
	case err != nil:
		return err
	}
	return cond.write(&o.Info)
}

// Head describes an object and the parts it was uploaded in, nil when it was uploaded in one piece. version is its id on the wire, "" for
// the current one. The error is a MarkerError where that is a delete marker.
func (s *Store) Head(ctx context.Context, bucket, key, version string) (Info, []Part, error) {
	o, err := s.lookup(ctx, bucket, key, version)
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

// Open looks an object up and holds its bytes. version and the error are as of Head.
func (s *Store) Open(ctx context.Context, bucket, key, version string) (*Opened, error) {
	o, h, err := s.open(ctx, bucket, key, version)
	if err != nil {
		return nil, err
	}
	return &Opened{Info: o.Info, Parts: o.parts, handle: h}, nil
}

// Section reads length bytes from offset; both must be within the object. Closing the reader ends the hold.
func (o *Opened) Section(offset, length int64) io.ReadCloser { return o.handle.section(offset, length) }

// Close ends the hold where nothing was read.
func (o *Opened) Close() { o.handle.release() }

// Delete takes a key away, or the version of it with this id on the wire. One that is not there is no error, as in S3, unless
// cond.Match is set.
func (s *Store) Delete(ctx context.Context, bucket, key, version string, cond Conditions) (Deleted, error) {
	var gone Deleted
	err := s.commit(ctx, func(tx *txn) (err error) {
		gone, err = tx.remove(bucket, key, version, cond, s.generation())
		return err
	})
	return gone, err
}

// Doomed is one of many objects to delete. Err is set where it was refused before.
type Doomed struct {
	Key     string
	Version string // its id on the wire; "": the current one
	If      Conditions
	Err     *s3err.Error
	Gone    Deleted // what became of it
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
			var err error
			d.Gone, err = tx.remove(bucket, d.Key, d.Version, d.If, s.generation())
			if r := (refusal{}); errors.As(err, &r) {
				d.Err = S3Error(r.err, bucket, d.Key)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// SetTags rewrites the tags of an object, or of a version of it, in place: neither its time nor its generation changes, readers stay
// valid. What has the tags now is returned.
func (s *Store) SetTags(ctx context.Context, bucket, key, version string, tags Tags) (Info, error) {
	var made Info
	err := s.commit(ctx, func(tx *txn) error {
		o, keys, place, err := find(tx.Tx, bucket, key, version)
		if err != nil {
			return refuse(err)
		}
		o.Tags = tags
		made = o.Info
		record, err := o.encode()
		if err != nil {
			return err
		}
		return keys.Put(place, record)
	})
	return made, err
}
