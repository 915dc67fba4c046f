package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// maxCopyBytes is S3's limit for CopyObject; what is larger is copied in parts.
const maxCopyBytes = 5 << 30

// source is a parsed x-amz-copy-source and its conditions.
type source struct {
	bucket, key string
	cond        conditions
}

func (g *gateway) source(header string, owner *string, cond conditions) (source, error) {
	bucket, key, version, err := backend.ParseCopySource(header)
	if err == nil {
		err = noVersion(&version, key)
	}
	if o := str(owner); err == nil && o != "" && o != g.s.account {
		err = s3err.GetAPIError(s3err.ErrAccessDenied)
	}
	return source{bucket: bucket, key: key, cond: cond}, err
}

// read finds the source inside the transaction that copies it, so that it cannot go away in between.
func (src source) read(tx *txn) (*object, error) {
	keys := tx.Bucket(nameObjects).Bucket([]byte(src.bucket))
	if keys == nil {
		return nil, refuse(s3err.GetBucketErr(s3err.ErrNoSuchBucket, src.bucket))
	}
	b := keys.Get([]byte(src.key))
	if b == nil {
		return nil, refuse(ErrNoSuchKey)
	}
	o, err := decodeObject(b)
	if err != nil {
		return nil, err
	}
	if err := src.cond.read(&o.header); err != nil {
		var api s3err.S3Error
		if errors.As(err, &api) && api.StatusCode() == 304 { // a copy has no "not modified"
			err = s3err.GetAPIError(s3err.ErrPreconditionFailed)
		}
		return nil, refuse(err)
	}
	return o, nil
}

// CopyObject makes a second record for the same blobs; no data moves, unless another checksum is asked for, which has
// to be computed. As in S3 the copy of an object that was uploaded in parts is one piece with an ETag of its own.
func (g *gateway) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	fail := func(err error) (s3response.CopyObjectOutput, error) {
		return s3response.CopyObjectOutput{}, apiError(err, bucket, key)
	}
	src, err := g.source(str(in.CopySource), in.ExpectedSourceBucketOwner, conditions{
		match: in.CopySourceIfMatch, noneMatch: in.CopySourceIfNoneMatch,
		modified: in.CopySourceIfModifiedSince, unmodified: in.CopySourceIfUnmodifiedSince,
	})
	if err == nil {
		err = checkKey(key)
	}
	if err == nil {
		err = noLock(in.ObjectLockMode, in.ObjectLockLegalHoldStatus)
	}
	if err != nil {
		return fail(err)
	}
	replaceMeta := in.MetadataDirective == types.MetadataDirectiveReplace
	replaceTags := in.TaggingDirective == types.TaggingDirectiveReplace
	if src.bucket == bucket && src.key == key && !replaceMeta && str(in.WebsiteRedirectLocation) == "" && in.StorageClass == "" {
		return fail(s3err.GetAPIError(s3err.ErrInvalidCopyDest))
	}
	tags, err := backend.ParseObjectTags(str(in.Tagging))
	if err != nil {
		return fail(err)
	}
	sums, err := g.s.resum(ctx, src, in.ChecksumAlgorithm)
	if err != nil {
		return fail(err)
	}
	var made *object
	err = g.s.commit(ctx, func(tx *txn) error {
		o, err := src.read(tx)
		if err != nil {
			return err
		}
		if o.Size > maxCopyBytes {
			return refuse(s3err.GetCopySourceObjectTooLargeErr(maxCopyBytes))
		}
		if sums.generation != 0 {
			if o.Generation != sums.generation { // replaced while it was read: the checksums are another's
				return refuse(errChanged)
			}
			o.ETag, o.Checksum, o.parts, o.PartCount = sums.etag, sums.checksum, nil, 0
		}
		o.Upload = ""
		if replaceMeta {
			o.Headers = headers{
				ContentType: str(in.ContentType), ContentEncoding: withoutChunked(str(in.ContentEncoding)),
				ContentDisposition: str(in.ContentDisposition), ContentLanguage: str(in.ContentLanguage),
				CacheControl: str(in.CacheControl), Expires: str(in.Expires), Metadata: maps.Clone(in.Metadata),
			}
		}
		o.Headers.Redirect = str(in.WebsiteRedirectLocation)
		if replaceTags {
			o.Tags = tags
		}
		made = o
		return g.s.replace(tx, bucket, key, o, nil)
	})
	if errors.Is(err, errChanged) {
		return g.CopyObject(ctx, in)
	}
	if err != nil {
		return fail(err)
	}
	sum := sumsOf(made.Checksum)
	return s3response.CopyObjectOutput{CopyObjectResult: &s3response.CopyObjectResult{
		ETag: some(quoted(made.ETag)), LastModified: &made.Modified, ChecksumType: sum.ChecksumType,
		ChecksumCRC32: sum.ChecksumCRC32, ChecksumCRC32C: sum.ChecksumCRC32C, ChecksumCRC64NVME: sum.ChecksumCRC64NVME,
		ChecksumSHA1: sum.ChecksumSHA1, ChecksumSHA256: sum.ChecksumSHA256,
		ChecksumSHA512: sum.ChecksumSHA512, ChecksumMD5: sum.ChecksumMD5,
	}}, nil
}

var errChanged = errors.New("object changed while it was read")

// computed are an object's ETag and checksum as if it had been put in one piece; generation says of which record.
type computed struct {
	generation uint64
	etag       string
	checksum   checksum
}

// resum reads the source of a copy when its stored sums do not do for the copy: it was uploaded in parts, or another
// algorithm is asked for. A zero result means they do.
func (s *Store) resum(ctx context.Context, src source, algorithm types.ChecksumAlgorithm) (computed, error) {
	head, err := s.lookup(ctx, src.bucket, src.key)
	if errors.Is(err, ErrNoSuchBucket) {
		return computed{}, s3err.GetBucketErr(s3err.ErrNoSuchBucket, src.bucket)
	}
	if err != nil {
		return computed{}, err
	}
	if algorithm == "" {
		algorithm = head.Checksum.Algorithm
	}
	if head.PartCount == 0 && algorithm == head.Checksum.Algorithm || head.Size > maxCopyBytes {
		return computed{}, nil
	}
	md, _ := newHasher(types.ChecksumAlgorithmMd5)
	var writers []io.Writer
	writers = append(writers, md)
	sum, ok := newHasher(algorithm)
	if ok {
		writers = append(writers, sum)
	} else if algorithm != "" {
		return computed{}, s3err.GetNotImplementedErr("x-amz-checksum-algorithm", "")
	}
	o, h, err := s.open(ctx, src.bucket, src.key)
	if err != nil {
		return computed{}, err
	}
	r := h.section(0, o.Size)
	buf, _ := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err = io.CopyBuffer(io.MultiWriter(writers...), r, *buf)
	if e := r.Close(); err == nil {
		err = e
	}
	if err != nil {
		return computed{}, fmt.Errorf("read %s/%s: %w", src.bucket, src.key, err)
	}
	c := computed{generation: o.Generation, etag: hex.EncodeToString(md.Sum(nil))}
	if ok {
		c.checksum = checksum{Algorithm: algorithm, Type: types.ChecksumTypeFullObject, Value: sum.value()}
	}
	return c, nil
}

// cut gives the segments of a stretch of the object; an inline object has none.
func (o *object) cut(offset, length int64) []segment {
	var out []segment
	for _, s := range o.segments {
		if length == 0 {
			break
		}
		if offset >= s.Length {
			offset -= s.Length
			continue
		}
		n := min(s.Length-offset, length)
		out = append(out, segment{Blob: s.Blob, Offset: s.Offset + offset, Length: n})
		offset, length = 0, length-n
	}
	return out
}

// UploadPartCopy makes a part of a stretch of an object. The bytes stay where they are; they are read once for the
// part's ETag and checksum.
func (g *gateway) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (s3response.CopyPartResult, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	fail := func(err error) (s3response.CopyPartResult, error) {
		return s3response.CopyPartResult{}, apiError(err, bucket, key)
	}
	src, err := g.source(str(in.CopySource), in.ExpectedSourceBucketOwner, conditions{
		match: in.CopySourceIfMatch, noneMatch: in.CopySourceIfNoneMatch,
		modified: in.CopySourceIfModifiedSince, unmodified: in.CopySourceIfUnmodifiedSince,
	})
	if err != nil {
		return fail(err)
	}
	up, err := g.s.upload(ctx, bucket, key, str(in.UploadId))
	if err != nil {
		return fail(err)
	}
	if err := partNumber(in.PartNumber); err != nil {
		return fail(err)
	}
	o, h, err := g.s.open(ctx, src.bucket, src.key)
	if err != nil {
		return s3response.CopyPartResult{}, apiError(err, src.bucket, src.key)
	}
	defer h.release() // the blobs stay until the part has counted them
	if err := src.cond.read(&o.header); err != nil {
		return fail(s3err.GetAPIError(s3err.ErrPreconditionFailed))
	}
	offset, length, err := backend.ParseCopySourceRange(o.Size, str(in.CopySourceRange))
	if err != nil {
		return fail(err)
	}
	length = min(length, o.Size-offset) // "bytes=5-" comes back one too long
	p, err := g.s.copyPart(ctx, up, int(*in.PartNumber), o, h, offset, length, src)
	if err != nil {
		return fail(err)
	}
	sum := sumsOf(p.Checksum)
	return s3response.CopyPartResult{
		LastModified: p.Modified, ETag: some(quoted(p.ETag)),
		ChecksumCRC32: sum.ChecksumCRC32, ChecksumCRC32C: sum.ChecksumCRC32C, ChecksumCRC64NVME: sum.ChecksumCRC64NVME,
		ChecksumSHA1: sum.ChecksumSHA1, ChecksumSHA256: sum.ChecksumSHA256,
		ChecksumSHA512: sum.ChecksumSHA512, ChecksumMD5: sum.ChecksumMD5,
	}, nil
}

func (s *Store) copyPart(ctx context.Context, up *upload, number int, o *object, h *handle, offset, length int64, src source) (*object, error) {
	segments := o.cut(offset, length)
	if len(segments) == 0 { // inline bytes: small enough to be written again
		c, err := s.receive(h.section(offset, length), length, wanted{algorithm: up.Algorithm}, false)
		if err != nil {
			return nil, err
		}
		return s.putPart(ctx, up, number, c)
	}
	algorithm := up.Algorithm
	if algorithm == "" {
		algorithm = types.ChecksumAlgorithmCrc64nvme
	}
	md, _ := newHasher(types.ChecksumAlgorithmMd5)
	sum, ok := newHasher(algorithm)
	if !ok {
		return nil, s3err.GetNotImplementedErr("x-amz-checksum-algorithm", "")
	}
	r := (&handle{blobs: s.blobs, segments: segments}).reader(length)
	buf, _ := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err := io.CopyBuffer(io.MultiWriter(md, sum), r, *buf)
	if e := r.closeFile(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", src.bucket, src.key, err)
	}
	p := &object{segments: segments, header: header{
		Size: length, ETag: hex.EncodeToString(md.Sum(nil)),
		Checksum: checksum{Algorithm: algorithm, Type: types.ChecksumTypeFullObject, Value: sum.value()},
	}}
	err = s.commit(ctx, func(tx *txn) error {
		// The pin keeps the files, not the reference counts: if the source lost its blobs meanwhile they are doomed.
		for _, g := range segments {
			if tx.Bucket(nameRefs).Get(g.Blob.key()) == nil {
				return refuse(s3err.GetAPIError(s3err.ErrPreconditionFailed))
			}
		}
		return tx.putPart(up, number, p, s.generation())
	})
	return p, err
}
