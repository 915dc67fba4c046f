package store

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"strings"

	"quarry/internal/standin/s3err"

	bolt "go.etcd.io/bbolt"
)

const defaultRegion = "us-east-1"

// Buckets lists up to limit buckets (0: all of them) of an account whose name begins with prefix and comes after after. more says that there are
// others.
func (s *Store) Buckets(ctx context.Context, account, prefix, after string, limit int) (buckets []BucketInfo, more bool, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		c := tx.Bucket(nameBuckets).Cursor()
		for k, v := c.Seek([]byte(max(prefix, after))); k != nil && strings.HasPrefix(string(k), prefix); k, v = c.Next() {
			if string(k) == after {
				continue
			}
			var b bucketRecord
			if err := json.Unmarshal(v, &b); err != nil {
				return err
			}
			if b.owner() != account {
				continue
			}
			if limit > 0 && len(buckets) == limit {
				more = true
				return nil
			}
			buckets = append(buckets, b.info())
		}
		return nil
	})
	return buckets, more, err
}

// CreateBucket makes a bucket of which Name, Account, Region, Ownership and Tags are given. Where there is one already, it is S3's error.
func (s *Store) CreateBucket(ctx context.Context, info BucketInfo) error {
	if !bucketName.MatchString(info.Name) {
		return ErrBucketName
	}
	b := &bucketRecord{Name: info.Name, Account: info.Account, Region: info.Region, Created: now(), Ownership: info.Ownership, Tags: info.Tags}
	return s.commit(ctx, func(tx *txn) error {
		old, err := readBucket(tx.Tx, b.Name)
		switch {
		case err != nil:
			return tx.makeBucket(b)
		case old.owner() != b.owner():
			return refuse(s3err.New(s3err.BucketTaken).With("BucketName", b.Name))
		case old.Region == defaultRegion && b.Region == defaultRegion:
			// In us-east-1 alone, making one's own bucket again is no error (S3 API reference, CreateBucket).
			return nil
		}
		return refuse(s3err.New(s3err.BucketOwnedByYou).With("BucketName", b.Name))
	})
}

// DeleteBucket refuses while objects are there. Unfinished uploads go with the bucket.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	name := []byte(bucket)
	return s.commit(ctx, func(tx *txn) error {
		if _, err := readBucket(tx.Tx, bucket); err != nil {
			return refuse(err)
		}
		if k, _ := tx.Bucket(nameObjects).Bucket(name).Cursor().First(); k != nil {
			return refuse(s3err.New(s3err.BucketNotEmpty).With("BucketName", bucket))
		}
		if versions := tx.Bucket(nameVersions).Bucket(name); versions != nil {
			if k, _ := versions.Cursor().First(); k != nil {
				return refuse(s3err.Text(s3err.BucketNotEmpty, "The bucket you tried to delete is not empty. You must delete all versions "+
					"in the bucket.").With("BucketName", bucket))
			}
			if err := tx.Bucket(nameVersions).DeleteBucket(name); err != nil {
				return err
			}
		}
		var ids []string
		c := tx.Bucket(nameUploads).Bucket(name).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			_, id := splitUploadKey(k)
			ids = append(ids, id)
		}
		for _, id := range ids {
			if err := tx.dropParts(id); err != nil {
				return err
			}
		}
		if err := tx.Bucket(nameUploads).DeleteBucket(name); err != nil {
			return err
		}
		if err := tx.Bucket(nameObjects).DeleteBucket(name); err != nil {
			return err
		}
		return tx.Bucket(nameBuckets).Delete(name)
	})
}

// SetVersioning sets the versioning status, Enabled or Suspended. Versions that are there stay.
func (s *Store) SetVersioning(ctx context.Context, bucket, status string) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error { b.Versioning = status; return nil })
}

// SetOwnership keeps the object ownership; empty takes it away.
func (s *Store) SetOwnership(ctx context.Context, bucket, ownership string) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error { b.Ownership = ownership; return nil })
}

// SetBucketTags replaces a bucket's tags; nil takes them away.
func (s *Store) SetBucketTags(ctx context.Context, bucket string, tags Tags) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error { b.Tags = tags; return nil })
}

// SetPolicy keeps a bucket's policy, which is JSON; nil takes it away. Nothing here evaluates it.
func (s *Store) SetPolicy(ctx context.Context, bucket string, policy []byte) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error { b.Policy = policy; return nil })
}

// defaultEncryption reads algorithm and KMS key out of a ServerSideEncryptionConfiguration. Without one it is AES256 (User Guide,
// "Setting default server-side encryption behavior for Amazon S3 buckets").
func defaultEncryption(doc []byte) (algorithm, key string) {
	var conf struct {
		Rules []struct {
			Default struct {
				Algorithm string `xml:"SSEAlgorithm"`
				Key       string `xml:"KMSMasterKeyID"`
			} `xml:"ApplyServerSideEncryptionByDefault"`
		} `xml:"Rule"`
	}
	if doc == nil || xml.Unmarshal(doc, &conf) != nil {
		return "AES256", ""
	}
	for _, r := range conf.Rules {
		if strings.HasPrefix(r.Default.Algorithm, "aws:kms") {
			return r.Default.Algorithm, r.Default.Key
		}
	}
	return "AES256", ""
}
