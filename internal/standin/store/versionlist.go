package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// ListedVersion is a version in a listing.
type ListedVersion struct {
	Key    string
	Latest bool
	Info
}

// VersionPage is one page of all versions: by key, of each key the newest first.
type VersionPage struct {
	Versions  []ListedVersion
	Prefixes  []string // common prefixes
	LastKey   string   // the last key or common prefix of the page
	LastID    string   // the last version's id, "" after a common prefix
	Truncated bool
}

// ListVersions lists versions after the key q.After, and of that key those after the one with the id afterID.
func (s *Store) ListVersions(ctx context.Context, bucket string, q Query, afterID string) (VersionPage, error) {
	var page VersionPage
	l := &listing{Query: q}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		objects := tx.Bucket(nameObjects).Bucket([]byte(bucket))
		if objects == nil {
			return ErrNoSuchBucket
		}
		if q.Limit == 0 {
			return nil
		}
		for key := range allKeys(objects, tx.Bucket(nameVersions).Bucket([]byte(bucket)), l, afterID != "") {
			common, rolled := l.common(key)
			if rolled && common == l.page.Last {
				continue
			}
			versions, err := versionsOf(tx, bucket, key)
			if err != nil {
				return fmt.Errorf("list versions of %s/%s: %w", bucket, key, err)
			}
			if key == q.After {
				versions = afterVersion(versions, afterID)
			}
			if rolled && len(versions) > 0 {
				versions = versions[:1]
			}
			for _, v := range versions {
				if l.full(len(page.Versions) + len(page.Prefixes)) {
					page.Truncated = true
					return nil
				}
				if rolled {
					l.add(common)
					page.Prefixes, page.LastKey, page.LastID = append(page.Prefixes, common), common, ""
					continue
				}
				l.add(key)
				page.Versions, page.LastKey, page.LastID = append(page.Versions, v), key, v.Version()
			}
		}
		return nil
	})
	return page, err
}

// allKeys gives the keys that have a current version or archived ones, in order, from where the page begins; with inclusive the key
// q.After is among them.
func allKeys(objects, archived *bolt.Bucket, l *listing, inclusive bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		a, b := keyWalk(objects, l, inclusive), keyWalk(archived, l, inclusive)
		for a.key != nil || b.key != nil {
			next := a.key
			if next == nil || b.key != nil && bytes.Compare(b.key, next) < 0 {
				next = b.key
			}
			key := string(next)
			if !yield(key) {
				return
			}
			a.pass(key)
			b.pass(key)
		}
	}
}

// walk goes through the keys of one bucket.
type walk struct {
	cursor *bolt.Cursor
	prefix string
	key    []byte // nil at the end
}

func keyWalk(keys *bolt.Bucket, l *listing, inclusive bool) *walk {
	w := &walk{prefix: l.Prefix}
	if keys == nil {
		return w
	}
	w.cursor = keys.Cursor()
	if inclusive {
		w.set(w.cursor.Seek([]byte(max(l.Prefix, l.After))))
	} else {
		w.set(l.start(w.cursor))
	}
	return w
}

func (w *walk) set(key, _ []byte) {
	if w.key = key; !strings.HasPrefix(string(key), w.prefix) {
		w.key = nil
	}
}

// pass continues where the walk is at key.
func (w *walk) pass(key string) {
	if w.key != nil && string(w.key) == key {
		w.set(w.cursor.Next())
	}
}

// versionsOf gives the versions of a key, the newest first.
func versionsOf(tx *bolt.Tx, bucket, key string) ([]ListedVersion, error) {
	var out []ListedVersion
	add := func(record []byte) error {
		v := ListedVersion{Key: key, Latest: len(out) == 0}
		_, err := decodeHeader(record, &v.Info)
		out = append(out, v)
		return err
	}
	if b := tx.Bucket(nameObjects).Bucket([]byte(bucket)).Get([]byte(key)); b != nil {
		if err := add(b); err != nil {
			return nil, err
		}
	}
	versions, err := archive(tx, bucket, key, false)
	if versions == nil || err != nil {
		return out, err
	}
	c := versions.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := add(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func afterVersion(versions []ListedVersion, id string) []ListedVersion {
	i := slices.IndexFunc(versions, func(v ListedVersion) bool { return v.Version() == id })
	if i < 0 {
		return nil
	}
	return versions[i+1:]
}
