package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	bolt "go.etcd.io/bbolt"
)

func (g *gateway) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	bucket, key, id := str(in.Bucket), str(in.Key), str(in.UploadId)
	after := 0
	if m := str(in.PartNumberMarker); m != "" {
		n, err := strconv.Atoi(m)
		if err != nil || n < 0 {
			return s3response.ListPartsResult{}, s3err.GetInvalidArgMaxLimiter("part-number-marker", m)
		}
		after = min(n, maxParts)
	}
	limit := limitOf(in.MaxParts)
	res := s3response.ListPartsResult{
		Bucket: bucket, Key: key, UploadID: id, MaxParts: limit, PartNumberMarker: after,
		Owner: g.user(), Initiator: s3response.Initiator(g.user()), StorageClass: types.StorageClassStandard,
	}
	err := g.s.view(ctx, func(tx *bolt.Tx) error {
		up, err := readUpload(tx, bucket, key, id)
		if err != nil {
			return err
		}
		res.ChecksumAlgorithm, res.ChecksumType = up.Algorithm, up.Type
		parts := tx.Bucket(nameParts).Bucket([]byte(id))
		if parts == nil {
			return nil
		}
		c := parts.Cursor()
		for k, v := c.Seek(partKey(after + 1)); k != nil; k, v = c.Next() {
			if len(res.Parts) == limit {
				res.IsTruncated = true
				return nil
			}
			var h header
			if _, err := decodeHeader(v, &h); err != nil {
				return err
			}
			number := int(k[0])<<8 | int(k[1])
			sum := sumsOf(h.Checksum)
			res.Parts = append(res.Parts, s3response.Part{
				PartNumber: number, LastModified: h.Modified, ETag: quoted(h.ETag), Size: h.Size,
				ChecksumCRC32: sum.ChecksumCRC32, ChecksumCRC32C: sum.ChecksumCRC32C, ChecksumCRC64NVME: sum.ChecksumCRC64NVME,
				ChecksumSHA1: sum.ChecksumSHA1, ChecksumSHA256: sum.ChecksumSHA256,
				ChecksumSHA512: sum.ChecksumSHA512, ChecksumMD5: sum.ChecksumMD5,
			})
			res.NextPartNumberMarker = number
		}
		return nil
	})
	return res, apiError(err, bucket, key)
}

func (g *gateway) user() s3response.Owner {
	return s3response.Owner{ID: g.s.account, DisplayName: g.s.account}
}

// ListMultipartUploads lists uploads under way by key, then by upload id.
func (g *gateway) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (s3response.ListMultipartUploadsResult, error) {
	bucket := str(in.Bucket)
	w := wireNames(ctx)
	limit := limitOf(in.MaxUploads)
	res := s3response.ListMultipartUploadsResult{
		Bucket: bucket, KeyMarker: w.text(str(in.KeyMarker)), UploadIDMarker: str(in.UploadIdMarker), MaxUploads: limit,
		Prefix: w.text(str(in.Prefix)), Delimiter: w.text(str(in.Delimiter)), EncodingType: string(w.kind()),
	}
	l := &listing{prefix: str(in.Prefix), delimiter: str(in.Delimiter), limit: limit}
	lastID := ""
	err := g.s.view(ctx, func(tx *bolt.Tx) error {
		uploads := tx.Bucket(nameUploads).Bucket([]byte(bucket))
		if uploads == nil {
			return ErrNoSuchBucket
		}
		c := uploads.Cursor()
		k, v := startUploads(c, l, str(in.KeyMarker), str(in.UploadIdMarker))
		for ; k != nil && bytes.HasPrefix(k, []byte(l.prefix)); k, v = c.Next() {
			key, id := splitUploadKey(k)
			common, ok := l.common(key)
			if ok && common == l.last {
				continue
			}
			if len(res.Uploads)+len(res.CommonPrefixes) >= limit || l.bytes > maxListBytes {
				res.IsTruncated = true
				return nil
			}
			if ok {
				l.add(common)
				lastID = ""
				res.CommonPrefixes = append(res.CommonPrefixes, s3response.CommonPrefix{Prefix: w.text(common)})
				continue
			}
			var up upload
			if err := json.Unmarshal(v, &up); err != nil {
				return err
			}
			l.add(key)
			lastID = id
			res.Uploads = append(res.Uploads, s3response.Upload{
				Key: w.text(key), UploadID: id, Initiated: up.Initiated, StorageClass: types.StorageClassStandard,
				Owner: g.user(), Initiator: s3response.Initiator(g.user()),
				ChecksumAlgorithm: up.Algorithm, ChecksumType: up.Type,
			})
		}
		return nil
	})
	if res.IsTruncated {
		res.NextKeyMarker, res.NextUploadIDMarker = w.text(l.last), lastID
	}
	return res, apiError(err, bucket, "")
}

// startUploads goes behind the markers: behind one upload when both are given, else behind every upload of the key.
func startUploads(c *bolt.Cursor, l *listing, key, id string) (k, v []byte) {
	if key == "" || key < l.prefix {
		return c.Seek([]byte(l.prefix))
	}
	if common, ok := l.common(key); ok && common == key {
		return seekPast(c, common)
	}
	from := uploadKey(key, id)
	if id == "" {
		from = uploadKey(key, strings.Repeat("g", uploadIDLength)) // behind every id of hex digits
	}
	k, v = c.Seek(from)
	if k != nil && bytes.Equal(k, from) {
		k, v = c.Next()
	}
	return k, v
}
