package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"regexp"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Object is what the job engine needs to know of an object. ETag has no quotes.
type Object struct {
	Key      string
	Size     int64
	ETag     string
	Modified time.Time
}

func (h *Info) native(key string) Object {
	return Object{Key: key, Size: h.Size, ETag: h.ETag, Modified: h.Modified}
}

// Stat looks an object up; ErrNoSuchBucket or ErrNoSuchKey when it is not there.
func (s *Store) Stat(ctx context.Context, bucket, key string) (Object, error) {
	var h Info
	err := s.view(ctx, func(tx *bolt.Tx) error {
		keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
		if keys == nil {
			return ErrNoSuchBucket
		}
		b := keys.Get([]byte(key))
		if b == nil {
			return ErrNoSuchKey
		}
		_, err := decodeHeader(b, &h)
		return err
	})
	if err != nil {
		return Object{}, fmt.Errorf("stat %s/%s: %w", bucket, key, err)
	}
	return h.native(key), nil
}

// Read opens an object at an offset; at its end or beyond, the reader is empty. The reader keeps the object as it is
// now and must be closed.
func (s *Store) Read(ctx context.Context, bucket, key string, offset int64) (io.ReadCloser, Object, error) {
	if offset < 0 {
		return nil, Object{}, fmt.Errorf("read %s/%s: offset %d is negative", bucket, key, offset)
	}
	o, h, err := s.open(ctx, bucket, key, "")
	if err != nil {
		return nil, Object{}, fmt.Errorf("read %s/%s: %w", bucket, key, err)
	}
	offset = min(offset, o.Size)
	return h.section(offset, o.Size-offset), o.native(key), nil
}

// pageSize is how many records are looked at in one index transaction: a consumer may write to the store between two
// objects, which a longer transaction would block.
const pageSize = 1000

// Objects goes through the keys that begin with prefix in order of their bytes. Objects that come or go meanwhile may
// or may not be seen; the others are, once.
func (s *Store) Objects(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		from := []byte(prefix)
		page := make([]Object, 0, pageSize)
		for {
			page = page[:0]
			err := s.view(ctx, func(tx *bolt.Tx) error {
				keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
				if keys == nil {
					return ErrNoSuchBucket
				}
				c := keys.Cursor()
				for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, []byte(prefix)) && len(page) < pageSize; k, v = c.Next() {
					var h Info
					if _, err := decodeHeader(v, &h); err != nil {
						return err
					}
					page = append(page, h.native(string(k)))
				}
				return nil
			})
			if err != nil {
				yield(Object{}, fmt.Errorf("list %s/%s: %w", bucket, prefix, err))
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			from = append([]byte(page[len(page)-1].Key), 0)
		}
	}
}

// BucketInfo is what preflight and the job engine need to know of a bucket.
type BucketInfo struct {
	Name     string
	Account  string // that owns it, 12 digits
	Region   string
	Created  time.Time
	Policy   []byte // JSON, nil when there is none
	KMSKeyID string // key of the default encryption, "" when it is not aws:kms

	Encryption string // algorithm of the default encryption: AES256, aws:kms or aws:kms:dsse
	Ownership  string // of objects; "" when it was never set, which means BucketOwnerEnforced
	Versioning string // "", Enabled or Suspended
	Tags       Tags
}

// bucketName is S3's rule (User Guide, "General purpose bucket naming rules") without its list of reserved names.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// MakeBucket makes a bucket. One that is there already is left as it is, without an error.
func (s *Store) MakeBucket(ctx context.Context, bucket, region string) error {
	if !bucketName.MatchString(bucket) {
		return fmt.Errorf("make bucket %q: %w", bucket, ErrBucketName)
	}
	b := &bucketRecord{Name: bucket, Region: region, Created: now()}
	err := s.commit(ctx, func(tx *txn) error {
		if tx.Bucket(nameBuckets).Get([]byte(bucket)) != nil {
			return nil
		}
		return tx.makeBucket(b)
	})
	if err != nil {
		return fmt.Errorf("make bucket %s: %w", bucket, err)
	}
	return nil
}

// Bucket describes a bucket; ErrNoSuchBucket when it is not there.
func (s *Store) Bucket(ctx context.Context, bucket string) (BucketInfo, error) {
	b, err := s.bucket(ctx, bucket)
	if err != nil {
		return BucketInfo{}, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return b.info(), nil
}

func (b *bucketRecord) info() BucketInfo {
	algorithm, key := defaultEncryption(b.Documents["encryption"])
	return BucketInfo{
		Name: b.Name, Account: b.owner(), Region: b.Region, Created: b.Created, Policy: b.Policy, KMSKeyID: key,
		Encryption: algorithm, Ownership: b.Ownership, Versioning: b.Versioning, Tags: b.Tags,
	}
}

// bucketRecord is a bucket in the index. Documents holds the configurations that the store keeps without looking
// into them, by the name of their query parameter.
type bucketRecord struct {
	Name       string            `json:"name"`
	Account    string            `json:"account,omitempty"` // empty: the default account
	Region     string            `json:"region"`
	Created    time.Time         `json:"created"`
	Policy     []byte            `json:"policy,omitempty"`
	Ownership  string            `json:"ownership,omitempty"`
	Versioning string            `json:"versioning,omitempty"`
	Tags       Tags              `json:"tags,omitempty"`
	Documents  map[string][]byte `json:"documents,omitempty"`
}

// owner is the account that the bucket belongs to.
func (b *bucketRecord) owner() string {
	if b.Account == "" {
		return defaultAccount
	}
	return b.Account
}

func (s *Store) bucket(ctx context.Context, bucket string) (*bucketRecord, error) {
	var b *bucketRecord
	err := s.view(ctx, func(tx *bolt.Tx) error {
		var err error
		b, err = readBucket(tx, bucket)
		return err
	})
	return b, err
}

func readBucket(tx *bolt.Tx, bucket string) (*bucketRecord, error) {
	v := tx.Bucket(nameBuckets).Get([]byte(bucket))
	if v == nil {
		return nil, ErrNoSuchBucket
	}
	b := &bucketRecord{}
	if err := json.Unmarshal(v, b); err != nil {
		return nil, fmt.Errorf("%w: bucket %s: %w", errRecord, bucket, err)
	}
	return b, nil
}

func (t *txn) putBucket(b *bucketRecord) error {
	v, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return t.Bucket(nameBuckets).Put([]byte(b.Name), v)
}

func (t *txn) makeBucket(b *bucketRecord) error {
	if err := t.putBucket(b); err != nil {
		return err
	}
	if _, err := t.Bucket(nameObjects).CreateBucket([]byte(b.Name)); err != nil {
		return err
	}
	_, err := t.Bucket(nameUploads).CreateBucket([]byte(b.Name))
	return err
}

// changeBucket rewrites a bucket's record.
func (s *Store) changeBucket(ctx context.Context, bucket string, change func(b *bucketRecord) error) error {
	return s.commit(ctx, func(tx *txn) error {
		b, err := readBucket(tx.Tx, bucket)
		if err != nil {
			return refuse(err)
		}
		if err := change(b); err != nil {
			return refuse(err)
		}
		return tx.putBucket(b)
	})
}

// Document returns a bucket's configuration by its query parameter ("lifecycle"), nil when there is none.
func (s *Store) Document(ctx context.Context, bucket, name string) ([]byte, error) {
	b, err := s.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	return b.Documents[name], nil
}

// SetDocument keeps a bucket's configuration under its query parameter; nil takes it away.
func (s *Store) SetDocument(ctx context.Context, bucket, name string, doc []byte) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error {
		if doc == nil {
			delete(b.Documents, name)
			return nil
		}
		if b.Documents == nil {
			b.Documents = map[string][]byte{}
		}
		b.Documents[name] = doc
		return nil
	})
}
