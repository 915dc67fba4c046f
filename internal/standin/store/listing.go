package store

import (
	"bytes"
	"context"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// maxListBytes bounds the names of one page: S3 may always send fewer keys than requested.
const maxListBytes = 512 << 10

// Query says which keys of a bucket a page lists.
type Query struct {
	Prefix, Delimiter string
	After             string // keys and common prefixes up to this one are left out
	Limit             int    // 0: an empty page
}

// Page is one page of a listing, in order of the bytes of the names.
type Page struct {
	Objects   []Listed
	Prefixes  []string // common prefixes
	Last      string   // the last key or common prefix of the page
	Truncated bool     // there is more after Last
}

// Listed is an object in a listing.
type Listed struct {
	Key string
	Info
}

// List fills a page in one pass over the keys; a common prefix is skipped in one step however many keys it has.
func (s *Store) List(ctx context.Context, bucket string, q Query) (Page, error) {
	l := &listing{Query: q}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
		if keys == nil {
			return ErrNoSuchBucket
		}
		if q.Limit == 0 {
			return nil
		}
		c := keys.Cursor()
		k, v := l.start(c)
		for k != nil && bytes.HasPrefix(k, []byte(q.Prefix)) {
			if l.full(len(l.page.Objects) + len(l.page.Prefixes)) {
				l.page.Truncated = true
				return nil
			}
			key := string(k)
			if common, ok := l.common(key); ok {
				l.add(common)
				l.page.Prefixes = append(l.page.Prefixes, common)
				k, v = seekPast(c, common)
				continue
			}
			o := Listed{Key: key}
			if _, err := decodeHeader(v, &o.Info); err != nil {
				return err
			}
			l.add(key)
			l.page.Objects = append(l.page.Objects, o)
			k, v = c.Next()
		}
		return nil
	})
	return l.page, err
}

// listing is a page that is being filled.
type listing struct {
	Query
	page  Page
	bytes int
}

func (l *listing) full(entries int) bool { return entries >= l.Limit || l.bytes > maxListBytes }

func (l *listing) add(name string) {
	l.page.Last = name
	l.bytes += len(name)
}

// common gives the common prefix a key is counted under, if it is.
func (l *listing) common(key string) (string, bool) {
	if l.Delimiter == "" || !strings.HasPrefix(key, l.Prefix) {
		return "", false
	}
	i := strings.Index(key[len(l.Prefix):], l.Delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(l.Prefix)+i+len(l.Delimiter)], true
}

// start goes to the first key of the page. A marker that is itself a common prefix was on the page before, so every key that
// it represents was too.
func (l *listing) start(c *bolt.Cursor) (k, v []byte) {
	if l.After < l.Prefix {
		return c.Seek([]byte(l.Prefix))
	}
	if common, ok := l.common(l.After); ok && common == l.After {
		return seekPast(c, common)
	}
	k, v = c.Seek([]byte(l.After))
	if k != nil && string(k) == l.After {
		k, v = c.Next()
	}
	return k, v
}

// seekPast goes to the first key after all that begin with prefix.
func seekPast(c *bolt.Cursor, prefix string) (k, v []byte) {
	next := []byte(prefix)
	for len(next) > 0 {
		if next[len(next)-1] < 0xff {
			next[len(next)-1]++
			return c.Seek(next)
		}
		next = next[:len(next)-1]
	}
	return nil, nil
}
