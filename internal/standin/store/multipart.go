package store

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 defines its ETag by it
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
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

func partKey(number int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(number)) } //nolint:gosec // at most 10,000

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

// CompleteMultipartUpload makes an object of the parts named, without touching their bytes. Asked again after it
// succeeded (the first answer may have been lost) it gives the same answer, as long as the object is still that one.
func (g *gateway) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	bucket, key, id := str(in.Bucket), str(in.Key), str(in.UploadId)
	cond := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	var made *object
	err := g.s.commit(ctx, func(tx *txn) error {
		up, err := readUpload(tx.Tx, bucket, key, id)
		if err != nil {
			if done := tx.completed(bucket, key, id); done != nil {
				made = done
				return nil
			}
			return refuse(err)
		}
		o, err := tx.assemble(up, in)
		if err != nil {
			return refuse(err)
		}
		if err := g.s.replace(tx, bucket, key, o, cond.write); err != nil {
			return err
		}
		if err := tx.dropParts(id); err != nil {
			return err
		}
		made = o
		return tx.Bucket(nameUploads).Bucket([]byte(bucket)).Delete(uploadKey(key, id))
	})
	if err != nil {
		return s3response.CompleteMultipartUploadResult{}, "", apiError(err, bucket, key)
	}
	sum := sumsOf(made.Checksum)
	return s3response.CompleteMultipartUploadResult{
		Bucket: &bucket, Key: &key, ETag: some(quoted(made.ETag)), ChecksumType: some(sum.ChecksumType),
		ChecksumCRC32: sum.ChecksumCRC32, ChecksumCRC32C: sum.ChecksumCRC32C, ChecksumCRC64NVME: sum.ChecksumCRC64NVME,
		ChecksumSHA1: sum.ChecksumSHA1, ChecksumSHA256: sum.ChecksumSHA256,
		ChecksumSHA512: sum.ChecksumSHA512, ChecksumMD5: sum.ChecksumMD5,
	}, "", nil
}

// completed gives the object that an upload became, nil when the key holds another or none.
func (t *txn) completed(bucket, key, id string) *object {
	keys := t.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys == nil || id == "" {
		return nil
	}
	var h header
	if b := keys.Get([]byte(key)); b == nil {
		return nil
	} else if _, err := decodeHeader(b, &h); err != nil || h.Upload != id {
		return nil
	}
	return &object{header: h}
}

// assemble checks the parts a client names against those that are there, and puts them together.
func (t *txn) assemble(up *upload, in *s3.CompleteMultipartUploadInput) (*object, error) {
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if in.ChecksumType != "" && up.Type != "" && in.ChecksumType != up.Type {
		return nil, s3err.GetChecksumTypeMismatchOnMpErr(up.Type)
	}
	named := in.MultipartUpload.Parts
	if err := inOrder(named); err != nil {
		return nil, err
	}
	stored := t.Bucket(nameParts).Bucket([]byte(up.ID))
	o := &object{header: header{Headers: up.Headers, Tags: up.Tags, PartCount: len(named), Upload: up.ID}}
	sums := &partSums{algorithm: up.Algorithm, kind: up.Type}
	etags := md5.New() //nolint:gosec // see the import
	for i := range named {
		n := &named[i]
		p, err := readPart(stored, up, n)
		if err != nil {
			return nil, err
		}
		if i < len(named)-1 && p.Size < backend.MinPartSize {
			return nil, s3err.GetEntityTooSmallErr(p.Size, backend.MinPartSize)
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, fmt.Errorf("%w: part %d of upload %s: %w", errRecord, *n.PartNumber, up.ID, err)
		}
		etags.Write(raw)
		if err := sums.add(p); err != nil {
			return nil, err
		}
		o.Size += p.Size
		o.segments = append(o.segments, p.segments...)
		o.parts = append(o.parts, partInfo{Number: int(*n.PartNumber), Size: p.Size, Checksum: p.Checksum.Value})
	}
	if in.MpuObjectSize != nil && *in.MpuObjectSize != o.Size {
		return nil, s3err.GetIncorrectMpObjectSizeErr(o.Size, *in.MpuObjectSize)
	}
	o.ETag = fmt.Sprintf("%x-%d", etags.Sum(nil), len(named))
	o.Checksum = sums.result(len(named))
	return o, checkWhole(o.Checksum, in)
}

func inOrder(named []types.CompletedPart) error {
	var before int32
	for i := range named {
		if named[i].PartNumber == nil || named[i].ETag == nil {
			return s3err.GetAPIError(s3err.ErrMalformedXML)
		}
		if *named[i].PartNumber <= before {
			return s3err.GetAPIError(s3err.ErrInvalidPartOrder)
		}
		before = *named[i].PartNumber
	}
	return nil
}

// readPart finds a part and compares what the client says of it.
func readPart(stored *bolt.Bucket, up *upload, n *types.CompletedPart) (*object, error) {
	invalid := s3err.GetInvalidPartErr(up.ID, *n.PartNumber, strings.Trim(*n.ETag, `"`))
	if *n.PartNumber < 1 || *n.PartNumber > maxParts || stored == nil {
		return nil, invalid
	}
	b := stored.Get(partKey(int(*n.PartNumber)))
	if b == nil {
		return nil, invalid
	}
	p, err := decodeObject(b)
	if err != nil {
		return nil, err
	}
	if strings.Trim(*n.ETag, `"`) != p.ETag {
		return nil, invalid
	}
	said := map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: n.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: n.ChecksumCRC32C,
		types.ChecksumAlgorithmCrc64nvme: n.ChecksumCRC64NVME, types.ChecksumAlgorithmSha1: n.ChecksumSHA1,
		types.ChecksumAlgorithmSha256: n.ChecksumSHA256, types.ChecksumAlgorithmSha512: n.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: n.ChecksumMD5,
	}
	given := 0
	for algorithm, value := range said {
		if str(value) == "" {
			continue
		}
		given++
		if algorithm != p.Checksum.Algorithm || *value != p.Checksum.Value {
			return nil, invalid
		}
	}
	if given == 0 && up.Type == types.ChecksumTypeComposite {
		return nil, s3err.APIError{
			Code: "InvalidRequest",
			Description: fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(string(up.Algorithm)), *n.PartNumber),
			HTTPStatusCode: http.StatusBadRequest,
		}
	}
	return p, nil
}

// partSums makes the object's checksum out of its parts'.
type partSums struct {
	algorithm types.ChecksumAlgorithm // "" when the upload named none
	kind      types.ChecksumType
	composite hasher
	value     string
	count     int
	none      bool // the parts do not agree on an algorithm
}

func (s *partSums) add(p *object) error {
	if s.count == 0 && s.algorithm == "" {
		s.algorithm, s.kind = p.Checksum.Algorithm, types.ChecksumTypeFullObject
	}
	s.count++
	if s.none || p.Checksum.Algorithm != s.algorithm {
		s.none = true
		return nil
	}
	if s.kind == types.ChecksumTypeFullObject {
		if s.count == 1 {
			s.value = p.Checksum.Value
			return nil
		}
		v, err := combineCRC(s.algorithm, s.value, p.Checksum.Value, p.Size)
		s.value, s.none = v, err != nil
		return nil
	}
	if s.count == 1 {
		s.composite, _ = newHasher(s.algorithm)
	}
	raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
	if err != nil || s.composite.Hash == nil {
		return errors.Join(errRecord, err)
	}
	s.composite.Write(raw)
	return nil
}

func (s *partSums) result(parts int) checksum {
	switch {
	case s.none || s.algorithm == "":
		return checksum{}
	case s.kind == types.ChecksumTypeFullObject:
		return checksum{Algorithm: s.algorithm, Type: s.kind, Value: s.value}
	}
	return checksum{Algorithm: s.algorithm, Type: types.ChecksumTypeComposite, Value: fmt.Sprintf("%s-%d", s.composite.value(), parts)}
}

// checkWhole compares the checksum of the whole object that a client may send along.
func checkWhole(have checksum, in *s3.CompleteMultipartUploadInput) error {
	for algorithm, value := range map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: in.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: in.ChecksumCRC32C,
		types.ChecksumAlgorithmCrc64nvme: in.ChecksumCRC64NVME, types.ChecksumAlgorithmSha1: in.ChecksumSHA1,
		types.ChecksumAlgorithmSha256: in.ChecksumSHA256, types.ChecksumAlgorithmSha512: in.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: in.ChecksumMD5,
	} {
		if str(value) != "" && algorithm == have.Algorithm && *value != have.Value {
			return s3err.GetChecksumBadDigestErr(algorithm)
		}
	}
	return nil
}
