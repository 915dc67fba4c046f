package store

import (
	"context"
	"crypto/md5" // S3 defines its ETag by it
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	bolt "go.etcd.io/bbolt"
)

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
	etags := md5.New()
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
