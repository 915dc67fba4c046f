package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"quarry/internal/standin/s3err"

	bolt "go.etcd.io/bbolt"
)

// maxParts is S3's limit for one upload.
const maxParts = 10_000

// upload is a multipart upload under way.
type upload struct {
	Bucket    string    `json:"bucket"`
	Key       string    `json:"key"`
	ID        string    `json:"id"`
	Initiated time.Time `json:"initiated"`
	Headers   Headers   `json:"headers"`
	Tags      Tags      `json:"tags,omitempty"`
	Algorithm Algorithm `json:"algorithm,omitempty"`
	Type      string    `json:"type,omitempty"`
}

const uploadIDLength = 32

// uploadKey sorts uploads by key, then by id. A key may hold a zero byte, so it is cut from the end.
func uploadKey(key, id string) []byte { return []byte(key + "\x00" + id) }

func splitUploadKey(k []byte) (key, id string) {
	cut := len(k) - uploadIDLength
	return string(k[:cut-1]), string(k[cut:])
}

func partKey(number int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(number)) } // at most 10,000

func partNumber(n int) error {
	if n < 1 || n > maxParts {
		return s3err.Argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", strconv.Itoa(n))
	}
	return nil
}

// NewUpload is a multipart upload to begin. Algorithm and Type may be empty.
type NewUpload struct {
	Bucket, Key string
	Headers     Headers
	Tags        Tags
	Algorithm   Algorithm
	Type        string // FullObject or Composite
}

// UploadID names a multipart upload.
type UploadID struct{ Bucket, Key, ID string }

// CreateUpload begins an upload and returns its id.
func (s *Store) CreateUpload(ctx context.Context, in NewUpload) (UploadID, error) {
	if err := checkKey(in.Key); err != nil {
		return UploadID{}, err
	}
	if _, ok := newHasher(in.Algorithm); in.Algorithm != "" && !ok {
		return UploadID{}, unknownAlgorithm(in.Algorithm)
	}
	var id [uploadIDLength / 2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return UploadID{}, err
	}
	up := &upload{
		Bucket: in.Bucket, Key: in.Key, ID: hex.EncodeToString(id[:]), Initiated: now(), Tags: in.Tags,
		Algorithm: in.Algorithm, Type: in.Type, Headers: in.Headers,
	}
	err := s.commit(ctx, func(tx *txn) error {
		uploads := tx.Bucket(nameUploads).Bucket([]byte(up.Bucket))
		if uploads == nil {
			return refuse(ErrNoSuchBucket)
		}
		v, err := json.Marshal(up)
		if err != nil {
			return err
		}
		if _, err := tx.Bucket(nameParts).CreateBucket([]byte(up.ID)); err != nil {
			return err
		}
		return uploads.Put(uploadKey(up.Key, up.ID), v)
	})
	return UploadID{in.Bucket, in.Key, up.ID}, err
}

// upload finds an upload; S3's NoSuchUpload when it is not (or no longer) there.
func (s *Store) upload(ctx context.Context, id UploadID) (*upload, error) {
	var up *upload
	err := s.view(ctx, func(tx *bolt.Tx) error {
		var err error
		up, err = readUpload(tx, id)
		return err
	})
	return up, err
}

func readUpload(tx *bolt.Tx, id UploadID) (*upload, error) {
	uploads := tx.Bucket(nameUploads).Bucket([]byte(id.Bucket))
	if uploads == nil {
		return nil, ErrNoSuchBucket
	}
	v := uploads.Get(uploadKey(id.Key, id.ID))
	if v == nil || len(id.ID) != uploadIDLength {
		return nil, noSuchUpload(id.ID)
	}
	up := &upload{}
	if err := json.Unmarshal(v, up); err != nil {
		return nil, fmt.Errorf("%w: upload %s: %w", errRecord, id.ID, err)
	}
	return up, nil
}

func noSuchUpload(id string) error { return s3err.New(s3err.NoSuchUpload).With("UploadId", id) }

// PutPart stores a part of an upload. Where the body names no algorithm it is the upload's; another than the upload's is refused.
func (s *Store) PutPart(ctx context.Context, id UploadID, number int, body Body) (Info, error) {
	up, err := s.upload(ctx, id)
	if err == nil {
		err = partNumber(number)
	}
	if err != nil {
		return Info{}, err
	}
	if body.Algorithm == "" {
		body.Algorithm = up.Algorithm
	}
	if up.Algorithm != "" && body.Algorithm != up.Algorithm {
		return Info{}, s3err.Request(fmt.Sprintf("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			lower(up.Algorithm), lower(body.Algorithm)))
	}
	c, err := s.receive(body, false)
	if err != nil {
		return Info{}, err
	}
	p, err := s.putPart(ctx, up, number, c)
	if err != nil {
		return Info{}, err
	}
	return p.Info, nil
}

func (s *Store) putPart(ctx context.Context, up *upload, number int, c content) (*object, error) {
	p := &object{segments: c.segments, Info: Info{Size: c.size, ETag: hex.EncodeToString(c.md5), Checksum: c.checksum}}
	err := s.commit(ctx, func(tx *txn) error { return tx.putPart(up, number, p, s.generation()) })
	if err != nil {
		s.giveBack(c, err)
		return nil, err
	}
	return p, nil
}

// putPart names a part; one sent again replaces the first.
func (t *txn) putPart(up *upload, number int, p *object, generation uint64) error {
	parts := t.Bucket(nameParts).Bucket([]byte(up.ID))
	if parts == nil {
		return refuse(noSuchUpload(up.ID))
	}
	var old *object
	if b := parts.Get(partKey(number)); b != nil {
		var err error
		if old, err = decodeObject(b); err != nil {
			return err
		}
	}
	p.Generation, p.Modified = generation, now()
	record, err := p.encode()
	if err != nil {
		return err
	}
	if err := t.addRefs(p.segments); err != nil {
		return err
	}
	if old != nil {
		if err := t.dropRefs(old.segments); err != nil {
			return err
		}
	}
	return parts.Put(partKey(number), record)
}

// dropParts ends an upload: its parts are let go. Those that became an object are counted there by now.
func (t *txn) dropParts(id string) error {
	parts := t.Bucket(nameParts).Bucket([]byte(id))
	if parts == nil {
		return nil
	}
	var all []segment
	c := parts.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		p, err := decodeObject(v)
		if err != nil {
			return err
		}
		all = append(all, p.segments...)
	}
	if err := t.dropRefs(all); err != nil {
		return err
	}
	return t.Bucket(nameParts).DeleteBucket([]byte(id))
}

// Abort ends an upload. With initiated set, an upload of another time is refused.
func (s *Store) Abort(ctx context.Context, id UploadID, initiated time.Time) error {
	return s.commit(ctx, func(tx *txn) error {
		up, err := readUpload(tx.Tx, id)
		if err != nil {
			return refuse(err)
		}
		if !initiated.IsZero() && !initiated.Equal(up.Initiated) {
			return refuse(failed("x-amz-if-match-initiated-time"))
		}
		if err := tx.dropParts(id.ID); err != nil {
			return err
		}
		return tx.Bucket(nameUploads).Bucket([]byte(id.Bucket)).Delete(uploadKey(id.Key, id.ID))
	})
}
