package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	bolt "go.etcd.io/bbolt"
)

// maxParts is S3's limit for one upload.
const maxParts = 10_000

// upload is a multipart upload under way.
type upload struct {
	Bucket    string                  `json:"bucket"`
	Key       string                  `json:"key"`
	ID        string                  `json:"id"`
	Initiated time.Time               `json:"initiated"`
	Headers   headers                 `json:"headers"`
	Tags      tagSet                  `json:"tags,omitempty"`
	Algorithm types.ChecksumAlgorithm `json:"algorithm,omitempty"`
	Type      types.ChecksumType      `json:"type,omitempty"`
}

const uploadIDLength = 32

// uploadKey sorts uploads by key, then by id. A key may hold a zero byte, so it is cut from the end.
func uploadKey(key, id string) []byte { return []byte(key + "\x00" + id) }

func splitUploadKey(k []byte) (key, id string) {
	cut := len(k) - uploadIDLength
	return string(k[:cut-1]), string(k[cut:])
}

func partKey(number int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(number)) } // at most 10,000

func partNumber(n *int32) error {
	if n == nil || *n < 1 || *n > maxParts {
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgPartNumber, fmt.Sprint(n))
	}
	return nil
}

func (g *gateway) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (s3response.InitiateMultipartUploadResult, error) {
	fail := func(err error) (s3response.InitiateMultipartUploadResult, error) {
		return s3response.InitiateMultipartUploadResult{}, apiError(err, str(in.Bucket), str(in.Key))
	}
	if err := checkKey(str(in.Key)); err != nil {
		return fail(err)
	}
	if err := noLock(in.ObjectLockMode, in.ObjectLockLegalHoldStatus); err != nil {
		return fail(err)
	}
	tags, err := backend.ParseObjectTags(str(in.Tagging))
	if err != nil {
		return fail(err)
	}
	if _, ok := newHasher(in.ChecksumAlgorithm); in.ChecksumAlgorithm != "" && !ok {
		return fail(s3err.GetNotImplementedErr("x-amz-checksum-algorithm", ""))
	}
	var id [uploadIDLength / 2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fail(err)
	}
	up := &upload{
		Bucket: str(in.Bucket), Key: str(in.Key), ID: hex.EncodeToString(id[:]), Initiated: now(), Tags: tags,
		Algorithm: in.ChecksumAlgorithm, Type: in.ChecksumType,
		Headers: headers{
			ContentType: str(in.ContentType), ContentEncoding: withoutChunked(str(in.ContentEncoding)),
			ContentDisposition: str(in.ContentDisposition), ContentLanguage: str(in.ContentLanguage),
			CacheControl: str(in.CacheControl), Expires: str(in.Expires), Redirect: str(in.WebsiteRedirectLocation),
			Metadata: in.Metadata,
		},
	}
	err = g.s.commit(ctx, func(tx *txn) error {
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
	if err != nil {
		return fail(err)
	}
	return s3response.InitiateMultipartUploadResult{Bucket: up.Bucket, Key: up.Key, UploadId: up.ID}, nil
}

// upload finds an upload; S3's NoSuchUpload when it is not (or no longer) there.
func (s *Store) upload(ctx context.Context, bucket, key, id string) (*upload, error) {
	var up *upload
	err := s.view(ctx, func(tx *bolt.Tx) error {
		var err error
		up, err = readUpload(tx, bucket, key, id)
		return err
	})
	return up, err
}

func readUpload(tx *bolt.Tx, bucket, key, id string) (*upload, error) {
	uploads := tx.Bucket(nameUploads).Bucket([]byte(bucket))
	if uploads == nil {
		return nil, ErrNoSuchBucket
	}
	v := uploads.Get(uploadKey(key, id))
	if v == nil || len(id) != uploadIDLength {
		return nil, s3err.GetNoSuchUploadErr(id)
	}
	up := &upload{}
	if err := json.Unmarshal(v, up); err != nil {
		return nil, fmt.Errorf("%w: upload %s: %w", errRecord, id, err)
	}
	return up, nil
}

func (g *gateway) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	up, err := g.s.upload(ctx, bucket, key, str(in.UploadId))
	if err == nil {
		err = partNumber(in.PartNumber)
	}
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	want := wantedChecksum(in.ChecksumAlgorithm, map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: in.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: in.ChecksumCRC32C,
		types.ChecksumAlgorithmCrc64nvme: in.ChecksumCRC64NVME, types.ChecksumAlgorithmSha1: in.ChecksumSHA1,
		types.ChecksumAlgorithmSha256: in.ChecksumSHA256, types.ChecksumAlgorithmSha512: in.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: in.ChecksumMD5,
	})
	if want.algorithm == "" {
		want.algorithm = up.Algorithm
	}
	if up.Algorithm != "" && want.algorithm != up.Algorithm {
		return nil, s3err.GetChecksumTypeMismatchErr(up.Algorithm, want.algorithm)
	}
	var length int64
	if in.ContentLength != nil {
		length = *in.ContentLength
	}
	c, err := g.s.receive(in.Body, length, want, false)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	p, err := g.s.putPart(ctx, up, int(*in.PartNumber), c)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	sum := sumsOf(p.Checksum)
	return &s3.UploadPartOutput{
		ETag:          some(quoted(p.ETag)),
		ChecksumCRC32: sum.ChecksumCRC32, ChecksumCRC32C: sum.ChecksumCRC32C, ChecksumCRC64NVME: sum.ChecksumCRC64NVME,
		ChecksumSHA1: sum.ChecksumSHA1, ChecksumSHA256: sum.ChecksumSHA256,
		ChecksumSHA512: sum.ChecksumSHA512, ChecksumMD5: sum.ChecksumMD5,
	}, nil
}

func (s *Store) putPart(ctx context.Context, up *upload, number int, c content) (*object, error) {
	p := &object{segments: c.segments, header: header{Size: c.size, ETag: hex.EncodeToString(c.md5), Checksum: c.checksum}}
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
		return refuse(s3err.GetNoSuchUploadErr(up.ID))
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

func (g *gateway) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	bucket, key, id := str(in.Bucket), str(in.Key), str(in.UploadId)
	err := g.s.commit(ctx, func(tx *txn) error {
		up, err := readUpload(tx.Tx, bucket, key, id)
		if err != nil {
			return refuse(err)
		}
		if t := in.IfMatchInitiatedTime; t != nil && !t.Equal(up.Initiated) {
			return refuse(s3err.GetAPIError(s3err.ErrPreconditionFailed))
		}
		if err := tx.dropParts(id); err != nil {
			return err
		}
		return tx.Bucket(nameUploads).Bucket([]byte(bucket)).Delete(uploadKey(key, id))
	})
	return apiError(err, bucket, key)
}
