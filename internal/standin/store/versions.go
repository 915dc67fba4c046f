package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	"quarry/internal/standin/s3err"

	bolt "go.etcd.io/bbolt"
)

// The states of a bucket's versioning; a new bucket has none.
const (
	Enabled   = "Enabled"
	Suspended = "Suspended"
)

// NullVersion is the id on the wire of a version that was made while versioning was not enabled. Info.VersionID is empty then.
const NullVersion = "null"

// Version is the id of a version on the wire.
func (h *Info) Version() string {
	if h.VersionID == "" {
		return NullVersion
	}
	return h.VersionID
}

// stored is the Info.VersionID of an id on the wire.
func stored(version string) string {
	if version == NullVersion {
		return ""
	}
	return version
}

// MarkerError says that the requested version is a delete marker.
type MarkerError struct {
	Version string // its id
	Named   bool   // the request named the version
}

// Error says what is there.
func (e *MarkerError) Error() string { return "version " + e.Version + " is a delete marker" }

// Unwrap is S3's answer: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
func (e *MarkerError) Unwrap() error {
	if e.Named {
		return s3err.New(s3err.MethodNotAllowed)
	}
	return ErrNoSuchKey
}

// archive gives the bucket of a key's versions that are not current, newest first; nil where there are none and create is false.
func archive(tx *bolt.Tx, bucket, key string, create bool) (*bolt.Bucket, error) {
	all := tx.Bucket(nameVersions)
	if !create {
		if all = all.Bucket([]byte(bucket)); all == nil {
			return nil, nil
		}
		return all.Bucket([]byte(key)), nil
	}
	all, err := all.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return nil, err
	}
	return all.CreateBucketIfNotExists([]byte(key))
}

// age sorts the newest first.
func (h *Info) age() []byte { return binary.BigEndian.AppendUint64(nil, ^h.Generation) }

// keep puts a version that is no longer current into the archive. Its blobs stay counted.
func (t *txn) keep(bucket, key string, o *object) error {
	versions, err := archive(t.Tx, bucket, key, true)
	if err != nil {
		return err
	}
	record, err := o.encode()
	if err != nil {
		return err
	}
	return versions.Put(o.age(), record)
}

// retire makes room for a new version of a key: the current one is kept or let go, as the bucket's versioning wants it. The new
// version's id is returned.
func (t *txn) retire(bucket, key string, old *object) (id string, err error) {
	b, err := readBucket(t.Tx, bucket)
	if err != nil {
		return "", err
	}
	if b.Versioning == Enabled {
		id = rand.Text()
	} else if b.Versioning == Suspended { // the new version takes the place of the null one
		if err := t.dropArchived(bucket, key, ""); err != nil {
			return "", err
		}
	}
	switch {
	case old == nil:
		return id, nil
	case b.Versioning == Enabled, old.VersionID != "":
		return id, t.keep(bucket, key, old)
	}
	return id, t.dropRefs(old.segments)
}

// dropArchived lets a version go that is not current. One that is not there is no error.
func (t *txn) dropArchived(bucket, key, id string) error {
	versions, err := archive(t.Tx, bucket, key, false)
	if versions == nil || err != nil {
		return err
	}
	place, o, err := findVersion(versions, id)
	if o == nil || err != nil {
		return err
	}
	if err := t.dropRefs(o.segments); err != nil {
		return err
	}
	if err := versions.Delete(place); err != nil {
		return err
	}
	return t.tidyArchive(bucket, key, versions)
}

// tidyArchive takes an empty archive away.
func (t *txn) tidyArchive(bucket, key string, versions *bolt.Bucket) error {
	if k, _ := versions.Cursor().First(); k != nil {
		return nil
	}
	return t.Bucket(nameVersions).Bucket([]byte(bucket)).DeleteBucket([]byte(key))
}

func findVersion(versions *bolt.Bucket, id string) (place []byte, o *object, err error) {
	c := versions.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		var h Info
		if _, err := decodeHeader(v, &h); err != nil {
			return nil, nil, err
		}
		if h.VersionID == id {
			o, err := decodeObject(v)
			return bytes.Clone(k), o, err
		}
	}
	return nil, nil, nil
}

// promote makes the newest version of the archive current where a key has no current one, unless it is a delete marker.
func (t *txn) promote(bucket, key string) error {
	keys := t.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys.Get([]byte(key)) != nil {
		return nil
	}
	versions, err := archive(t.Tx, bucket, key, false)
	if versions == nil || err != nil {
		return err
	}
	k, v := versions.Cursor().First()
	if k == nil {
		return nil
	}
	var h Info
	if _, err := decodeHeader(v, &h); err != nil || h.Marker {
		return err
	}
	if err := keys.Put([]byte(key), bytes.Clone(v)); err != nil {
		return err
	}
	if err := versions.Delete(bytes.Clone(k)); err != nil {
		return err
	}
	return t.tidyArchive(bucket, key, versions)
}

// find reads the version of a key with this id on the wire; "" is the current one. keys holds it under place.
func find(tx *bolt.Tx, bucket, key, version string) (o *object, keys *bolt.Bucket, place []byte, err error) {
	if keys = tx.Bucket(nameObjects).Bucket([]byte(bucket)); keys == nil {
		return nil, nil, nil, ErrNoSuchBucket
	}
	versions, err := archive(tx, bucket, key, false)
	if err != nil {
		return nil, nil, nil, err
	}
	if b := keys.Get([]byte(key)); b != nil {
		o, err := decodeObject(b)
		if err != nil || version == "" || version == o.Version() {
			return o, keys, []byte(key), err
		}
	}
	switch {
	case versions == nil && version == "":
		return nil, nil, nil, ErrNoSuchKey
	case versions == nil:
		return nil, nil, nil, noSuchVersion(key, version)
	case version == "": // a key that is not current and has versions ends in a marker
		var h Info
		if _, v := versions.Cursor().First(); v != nil {
			_, err = decodeHeader(v, &h)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		return nil, nil, nil, &MarkerError{Version: h.Version()}
	}
	place, o, err = findVersion(versions, stored(version))
	switch {
	case err != nil:
		return nil, nil, nil, err
	case o == nil:
		return nil, nil, nil, noSuchVersion(key, version)
	case o.Marker:
		return nil, nil, nil, &MarkerError{Version: version, Named: true}
	}
	return o, versions, place, nil
}

func noSuchVersion(key, version string) error {
	return s3err.New(s3err.NoSuchVersion).With("Key", key).With("VersionId", version)
}
