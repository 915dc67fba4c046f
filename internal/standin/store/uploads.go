package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// UploadParts is one page of the parts of an upload under way.
type UploadParts struct {
	Algorithm Algorithm // "" when the upload named none
	Type      string
	Class     string // storage class; "" is STANDARD
	Parts     []UploadPart
	Truncated bool
}

// UploadPart is a part of an upload under way.
type UploadPart struct {
	Number int
	Info
}

// ListParts lists up to limit parts with numbers above after.
func (s *Store) ListParts(ctx context.Context, id UploadID, after, limit int) (UploadParts, error) {
	var res UploadParts
	err := s.view(ctx, func(tx *bolt.Tx) error {
		up, err := readUpload(tx, id)
		if err != nil {
			return err
		}
		res.Algorithm, res.Type, res.Class = up.Algorithm, up.Type, up.Headers.StorageClass
		parts := tx.Bucket(nameParts).Bucket([]byte(id.ID))
		if parts == nil {
			return nil
		}
		c := parts.Cursor()
		for k, v := c.Seek(partKey(min(after, maxParts) + 1)); k != nil; k, v = c.Next() {
			if len(res.Parts) == limit {
				res.Truncated = true
				return nil
			}
			p := UploadPart{Number: int(k[0])<<8 | int(k[1])}
			if _, err := decodeHeader(v, &p.Info); err != nil {
				return err
			}
			res.Parts = append(res.Parts, p)
		}
		return nil
	})
	return res, err
}

// Uploads is one page of the uploads under way, by key, then by upload id.
type Uploads struct {
	Uploads   []Upload
	Prefixes  []string // common prefixes
	LastKey   string   // the last key or common prefix of the page
	LastID    string   // the last upload's id, "" after a common prefix
	Truncated bool
}

// Upload is an upload under way.
type Upload struct {
	Key, ID   string
	Initiated time.Time
	Algorithm Algorithm
	Type      string
	Class     string // storage class; "" is STANDARD
}

// ListUploads lists uploads after the key q.After, and of that key those after the id afterID.
func (s *Store) ListUploads(ctx context.Context, bucket string, q Query, afterID string) (Uploads, error) {
	var res Uploads
	l := &listing{Query: q}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		uploads := tx.Bucket(nameUploads).Bucket([]byte(bucket))
		if uploads == nil {
			return ErrNoSuchBucket
		}
		c := uploads.Cursor()
		k, v := startUploads(c, l, q.After, afterID)
		for ; k != nil && bytes.HasPrefix(k, []byte(q.Prefix)); k, v = c.Next() {
			key, id := splitUploadKey(k)
			common, ok := l.common(key)
			if ok && common == l.page.Last {
				continue
			}
			if l.full(len(res.Uploads) + len(res.Prefixes)) {
				res.Truncated = true
				return nil
			}
			if ok {
				l.add(common)
				res.LastID = ""
				res.Prefixes = append(res.Prefixes, common)
				continue
			}
			var up upload
			if err := json.Unmarshal(v, &up); err != nil {
				return err
			}
			l.add(key)
			res.LastID = id
			res.Uploads = append(res.Uploads, Upload{
				Key: key, ID: id, Initiated: up.Initiated, Algorithm: up.Algorithm, Type: up.Type, Class: up.Headers.StorageClass,
			})
		}
		return nil
	})
	res.LastKey = l.page.Last
	return res, err
}

// startUploads goes past the markers: past one upload when both are given, else past every upload of the key.
func startUploads(c *bolt.Cursor, l *listing, key, id string) (k, v []byte) {
	if key == "" || key < l.Prefix {
		return c.Seek([]byte(l.Prefix))
	}
	if common, ok := l.common(key); ok && common == key {
		return seekPast(c, common)
	}
	from := uploadKey(key, id)
	if id == "" {
		from = uploadKey(key, strings.Repeat("g", uploadIDLength)) // after every id of hex digits
	}
	k, v = c.Seek(from)
	if k != nil && bytes.Equal(k, from) {
		k, v = c.Next()
	}
	return k, v
}
