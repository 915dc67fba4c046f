package store

import (
	bolt "go.etcd.io/bbolt"
)

// Deleted is what became of a key that was deleted.
type Deleted struct {
	Version string // of the marker that was made, or of the version that is gone; "" without versioning
	Marker  bool   // Version is a delete marker
}

// remove deletes a key, or the version of it with this id on the wire.
func (t *txn) remove(bucket, key, version string, cond Conditions, generation uint64) (Deleted, error) {
	keys := t.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys == nil {
		return Deleted{}, refuse(ErrNoSuchBucket)
	}
	var current *object
	if b := keys.Get([]byte(key)); b != nil {
		var err error
		if current, err = decodeObject(b); err != nil {
			return Deleted{}, err
		}
	}
	if version != "" {
		return t.removeVersion(bucket, key, version, current, keys, cond)
	}
	var h *Info
	if current != nil {
		h = &current.Info
	}
	if err := cond.remove(h); err != nil {
		return Deleted{}, refuse(err)
	}
	return t.mark(bucket, key, current, keys, generation)
}

// mark deletes the current version of a key: with versioning a delete marker takes its place.
func (t *txn) mark(bucket, key string, current *object, keys *bolt.Bucket, generation uint64) (Deleted, error) {
	b, err := readBucket(t.Tx, bucket)
	if err != nil || b.Versioning == "" && current == nil {
		return Deleted{}, err
	}
	id, err := t.retire(bucket, key, current)
	if err == nil {
		err = keys.Delete([]byte(key))
	}
	if err != nil || b.Versioning == "" {
		return Deleted{}, err
	}
	marker := &object{Info: Info{Generation: generation, Modified: now(), VersionID: id, Marker: true}}
	return Deleted{Version: marker.Version(), Marker: true}, t.keep(bucket, key, marker)
}

func (t *txn) removeVersion(bucket, key, version string, current *object, keys *bolt.Bucket, cond Conditions) (Deleted, error) {
	gone := Deleted{Version: version}
	if current != nil && current.Version() == version {
		if err := cond.remove(&current.Info); err != nil {
			return gone, refuse(err)
		}
		if err := t.dropRefs(current.segments); err != nil {
			return gone, err
		}
		if err := keys.Delete([]byte(key)); err != nil {
			return gone, err
		}
		return gone, t.promote(bucket, key)
	}
	versions, err := archive(t.Tx, bucket, key, false)
	if versions == nil || err != nil {
		return gone, err
	}
	id := stored(version)
	_, o, err := findVersion(versions, id)
	if o == nil || err != nil {
		return gone, err
	}
	if err := cond.remove(&o.Info); err != nil {
		return gone, refuse(err)
	}
	gone.Marker = o.Marker
	if err := t.dropArchived(bucket, key, id); err != nil {
		return gone, err
	}
	return gone, t.promote(bucket, key)
}
