package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

func (g *gateway) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	fail := func(err error) (s3response.PutObjectOutput, error) {
		return s3response.PutObjectOutput{}, apiError(err, bucket, key)
	}
	if err := checkKey(key); err != nil {
		return fail(err)
	}
	if err := noLock(in.ObjectLockMode, in.ObjectLockLegalHoldStatus); err != nil {
		return fail(err)
	}
	tags, err := backend.ParseObjectTags(str(in.Tagging))
	if err != nil {
		return fail(err)
	}
	cond := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	if err := g.early(ctx, bucket, key, cond); err != nil {
		return fail(err)
	}
	want := wantedChecksum(in.ChecksumAlgorithm, map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: in.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: in.ChecksumCRC32C,
		types.ChecksumAlgorithmCrc64nvme: in.ChecksumCRC64NVME, types.ChecksumAlgorithmSha1: in.ChecksumSHA1,
		types.ChecksumAlgorithmSha256: in.ChecksumSHA256, types.ChecksumAlgorithmSha512: in.ChecksumSHA512,
		types.ChecksumAlgorithmMd5: in.ChecksumMD5,
	})
	var length int64
	if in.ContentLength != nil {
		length = *in.ContentLength
	}
	c, err := g.s.receive(in.Body, length, want, true)
	if err != nil {
		return fail(err)
	}
	o := &object{header: header{Tags: tags, Headers: headers{
		ContentType: str(in.ContentType), ContentEncoding: withoutChunked(str(in.ContentEncoding)),
		ContentDisposition: str(in.ContentDisposition), ContentLanguage: str(in.ContentLanguage),
		CacheControl: str(in.CacheControl), Expires: str(in.Expires), Redirect: str(in.WebsiteRedirectLocation),
		Metadata: in.Metadata,
	}}}
	if err := g.s.put(bucket, key, o, c, cond.write); err != nil {
		return fail(err)
	}
	sums := sumsOf(o.Checksum)
	return s3response.PutObjectOutput{
		ETag: quoted(o.ETag), ChecksumType: o.Checksum.Type,
		ChecksumCRC32: sums.ChecksumCRC32, ChecksumCRC32C: sums.ChecksumCRC32C, ChecksumCRC64NVME: sums.ChecksumCRC64NVME,
		ChecksumSHA1: sums.ChecksumSHA1, ChecksumSHA256: sums.ChecksumSHA256,
		ChecksumSHA512: sums.ChecksumSHA512, ChecksumMD5: sums.ChecksumMD5,
	}, nil
}

// early looks at the preconditions before the body is read; what counts is decided again in the transaction.
func (g *gateway) early(ctx context.Context, bucket, key string, cond conditions) error {
	o, err := g.s.lookup(ctx, bucket, key)
	switch {
	case errors.Is(err, ErrNoSuchKey):
		return cond.write(nil)
	case err != nil:
		return err
	}
	return cond.write(&o.header)
}

func noLock(mode types.ObjectLockMode, hold types.ObjectLockLegalHoldStatus) error {
	if mode != "" || hold == types.ObjectLockLegalHoldStatusOn {
		return s3err.GetAPIError(s3err.ErrMissingObjectLockConfiguration)
	}
	return nil
}

// withoutChunked takes aws-chunked out of a Content-Encoding: it names the wire, not the object
// (versitygw issue #2398).
func withoutChunked(encoding string) string {
	var kept []string
	for e := range strings.SplitSeq(encoding, ",") {
		if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "aws-chunked") {
			kept = append(kept, e)
		}
	}
	return strings.Join(kept, ",")
}

// span is which bytes a request asks for.
type span struct {
	offset, length int64
	contentRange   *string // nil for the whole object
	parts          *int32
	checksum       checksum // zero when the bytes asked for have none
}

// spanOf resolves Range and partNumber. A range has no checksum: the stored one is the whole object's.
func spanOf(o *object, rangeHeader string, part *int32, mode types.ChecksumMode) (span, error) {
	sp := span{length: o.Size, parts: some(int32(o.PartCount))}
	switch {
	case part != nil:
		return partSpan(o, int(*part), mode)
	case rangeHeader != "":
		offset, length, valid, err := backend.ParseObjectRange(o.Size, rangeHeader)
		if err != nil {
			return sp, err
		}
		if valid {
			sp.offset, sp.length = offset, length
			sp.contentRange = some(fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, o.Size))
			return sp, nil
		}
	}
	if mode == types.ChecksumModeEnabled {
		sp.checksum = o.Checksum
	}
	return sp, nil
}

func partSpan(o *object, number int, mode types.ChecksumMode) (span, error) {
	sp := span{length: o.Size, parts: some(int32(o.PartCount))}
	if len(o.parts) == 0 { // an object put in one piece is its own part 1
		if number != 1 {
			return sp, s3err.GetInvalidPartNumberRangeErr(1, int32(number))
		}
		if mode == types.ChecksumModeEnabled {
			sp.checksum = o.Checksum
		}
	} else {
		if number > len(o.parts) {
			return sp, s3err.GetInvalidPartNumberRangeErr(int32(len(o.parts)), int32(number))
		}
		for _, p := range o.parts[:number-1] {
			sp.offset += p.Size
		}
		p := o.parts[number-1]
		sp.length = p.Size
		if mode == types.ChecksumModeEnabled && p.Checksum != "" {
			sp.checksum = checksum{Algorithm: o.Checksum.Algorithm, Type: o.Checksum.Type, Value: p.Checksum}
		}
	}
	if o.Size > 0 {
		sp.contentRange = some(fmt.Sprintf("bytes %d-%d/%d", sp.offset, sp.offset+sp.length-1, o.Size))
	}
	return sp, nil
}

// noVersion refuses ids of versions: the only one there is has the id "null".
func noVersion(id *string, key string) error {
	if v := str(id); v != "" && v != "null" {
		return s3err.GetNoSuchVersionErr(key, v)
	}
	return nil
}

func (g *gateway) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	if err := noVersion(in.VersionId, key); err != nil {
		return nil, err
	}
	o, h, err := g.s.open(ctx, bucket, key)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	cond := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch, modified: in.IfModifiedSince, unmodified: in.IfUnmodifiedSince}
	if err := cond.read(&o.header); err != nil {
		h.release()
		return nil, err
	}
	sp, err := spanOf(o, str(in.Range), in.PartNumber, in.ChecksumMode)
	if err != nil {
		h.release()
		return nil, apiError(err, bucket, key)
	}
	sums := sumsOf(sp.checksum)
	return &s3.GetObjectOutput{
		Body: h.section(sp.offset, sp.length), ContentLength: &sp.length, ContentRange: sp.contentRange, PartsCount: sp.parts,
		AcceptRanges: some("bytes"), ETag: some(quoted(o.ETag)), LastModified: &o.Modified, Metadata: o.Headers.Metadata,
		ContentType: some(o.Headers.ContentType), ContentEncoding: some(o.Headers.ContentEncoding),
		ContentDisposition: some(o.Headers.ContentDisposition), ContentLanguage: some(o.Headers.ContentLanguage),
		CacheControl: some(o.Headers.CacheControl), ExpiresString: some(o.Headers.Expires),
		WebsiteRedirectLocation: some(o.Headers.Redirect), TagCount: some(int32(len(o.Tags))),
		ChecksumType: sums.ChecksumType, ChecksumCRC32: sums.ChecksumCRC32, ChecksumCRC32C: sums.ChecksumCRC32C,
		ChecksumCRC64NVME: sums.ChecksumCRC64NVME, ChecksumSHA1: sums.ChecksumSHA1, ChecksumSHA256: sums.ChecksumSHA256,
		ChecksumSHA512: sums.ChecksumSHA512, ChecksumMD5: sums.ChecksumMD5,
	}, nil
}

func (g *gateway) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	if err := noVersion(in.VersionId, key); err != nil {
		return nil, err
	}
	o, err := g.s.lookup(ctx, bucket, key)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	cond := conditions{match: in.IfMatch, noneMatch: in.IfNoneMatch, modified: in.IfModifiedSince, unmodified: in.IfUnmodifiedSince}
	if err := cond.read(&o.header); err != nil {
		return nil, err
	}
	sp, err := spanOf(o, str(in.Range), in.PartNumber, in.ChecksumMode)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	sums := sumsOf(sp.checksum)
	return &s3.HeadObjectOutput{
		ContentLength: &sp.length, ContentRange: sp.contentRange, PartsCount: sp.parts,
		AcceptRanges: some("bytes"), ETag: some(quoted(o.ETag)), LastModified: &o.Modified, Metadata: o.Headers.Metadata,
		ContentType: some(o.Headers.ContentType), ContentEncoding: some(o.Headers.ContentEncoding),
		ContentDisposition: some(o.Headers.ContentDisposition), ContentLanguage: some(o.Headers.ContentLanguage),
		CacheControl: some(o.Headers.CacheControl), ExpiresString: some(o.Headers.Expires),
		WebsiteRedirectLocation: some(o.Headers.Redirect), TagCount: some(int32(len(o.Tags))),
		ChecksumType: sums.ChecksumType, ChecksumCRC32: sums.ChecksumCRC32, ChecksumCRC32C: sums.ChecksumCRC32C,
		ChecksumCRC64NVME: sums.ChecksumCRC64NVME, ChecksumSHA1: sums.ChecksumSHA1, ChecksumSHA256: sums.ChecksumSHA256,
		ChecksumSHA512: sums.ChecksumSHA512, ChecksumMD5: sums.ChecksumMD5,
	}, nil
}

func (g *gateway) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	cond := conditions{match: in.IfMatch, lastModified: in.IfMatchLastModifiedTime, size: in.IfMatchSize}
	err := noVersion(in.VersionId, key)
	if err == nil {
		err = g.s.commit(ctx, func(tx *txn) error { return tx.deleteObject(bucket, key, cond) })
	}
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	return &s3.DeleteObjectOutput{}, nil
}

// deleteObject takes a key away. One that is not there is no error, as in S3.
func (t *txn) deleteObject(bucket, key string, cond conditions) error {
	keys := t.Bucket(nameObjects).Bucket([]byte(bucket))
	if keys == nil {
		return refuse(ErrNoSuchBucket)
	}
	b := keys.Get([]byte(key))
	if b == nil {
		if cond.match != nil {
			return refuse(ErrNoSuchKey)
		}
		return nil
	}
	old, err := decodeObject(b)
	if err != nil {
		return err
	}
	if err := cond.remove(&old.header); err != nil {
		return refuse(err)
	}
	if err := t.dropRefs(old.segments); err != nil {
		return err
	}
	return keys.Delete([]byte(key))
}

// DeleteObjects deletes up to 1,000 keys in one index transaction; what is refused is said per key.
func (g *gateway) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	bucket := str(in.Bucket)
	if in.Delete == nil || len(in.Delete.Objects) > 1000 {
		return s3response.DeleteResult{}, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	var res s3response.DeleteResult
	err := g.s.commit(ctx, func(tx *txn) error {
		res = s3response.DeleteResult{}
		if tx.Bucket(nameObjects).Bucket([]byte(bucket)) == nil {
			return refuse(ErrNoSuchBucket)
		}
		for _, o := range in.Delete.Objects {
			err := refuse(noVersion(o.VersionId, str(o.Key)))
			if err == nil {
				err = tx.deleteObject(bucket, str(o.Key), conditions{match: o.ETag, lastModified: o.LastModifiedTime, size: o.Size})
			}
			if r := (refusal{}); errors.As(err, &r) {
				res.Error = append(res.Error, s3err.ObjectDeleteError(o.Key, o.VersionId, apiError(err, bucket, str(o.Key))))
				continue
			}
			if err != nil {
				return err
			}
			res.Deleted = append(res.Deleted, types.DeletedObject{Key: o.Key, VersionId: o.VersionId})
		}
		return nil
	})
	return res, apiError(err, bucket, "")
}
