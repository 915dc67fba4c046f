package store

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

func (g *gateway) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput) (s3response.GetObjectAttributesResponse, error) {
	bucket, key := str(in.Bucket), str(in.Key)
	if err := noVersion(in.VersionId, key); err != nil {
		return s3response.GetObjectAttributesResponse{}, err
	}
	o, err := g.s.lookup(ctx, bucket, key)
	if err != nil {
		return s3response.GetObjectAttributesResponse{}, apiError(err, bucket, key)
	}
	res := s3response.GetObjectAttributesResponse{
		ETag: &o.ETag, ObjectSize: &o.Size, StorageClass: types.StorageClassStandard, LastModified: &o.Modified,
	}
	if o.Checksum.Algorithm != "" {
		sums := sumsOf(o.Checksum)
		res.Checksum = &sums
	}
	if o.PartCount > 0 {
		after := 0
		if m := str(in.PartNumberMarker); m != "" {
			if after, err = strconv.Atoi(m); err != nil {
				return res, s3err.GetInvalidArgMaxLimiter("part-number-marker", m)
			}
		}
		res.ObjectParts = o.attributes(after, limitOf(in.MaxParts))
	}
	return res, nil
}

// attributes lists the parts an object was uploaded in.
func (o *object) attributes(after, limit int) *s3response.ObjectParts {
	out := &s3response.ObjectParts{PartNumberMarker: after, MaxParts: limit}
	for i := range o.parts {
		p := &o.parts[i]
		if p.Number <= after {
			continue
		}
		if len(out.Parts) == limit {
			out.IsTruncated = true
			break
		}
		sums := sumsOf(checksum{Algorithm: o.Checksum.Algorithm, Value: p.Checksum})
		out.Parts = append(out.Parts, types.ObjectPart{
			PartNumber: some(int32(p.Number)), Size: &p.Size, // at most 10,000
			ChecksumCRC32: sums.ChecksumCRC32, ChecksumCRC32C: sums.ChecksumCRC32C, ChecksumCRC64NVME: sums.ChecksumCRC64NVME,
			ChecksumSHA1: sums.ChecksumSHA1, ChecksumSHA256: sums.ChecksumSHA256,
		})
		out.NextPartNumberMarker = p.Number
	}
	return out
}

func (g *gateway) GetObjectTagging(ctx context.Context, bucket, key, version string) (map[string]string, error) {
	if err := noVersion(&version, key); err != nil {
		return nil, err
	}
	o, err := g.s.lookup(ctx, bucket, key)
	if err != nil {
		return nil, apiError(err, bucket, key)
	}
	if o.Tags == nil {
		return map[string]string{}, nil
	}
	return o.Tags, nil
}

func (g *gateway) PutObjectTagging(ctx context.Context, bucket, key, version string, tags map[string]string) error {
	return g.retag(ctx, bucket, key, version, tags)
}

func (g *gateway) DeleteObjectTagging(ctx context.Context, bucket, key, version string) error {
	return g.retag(ctx, bucket, key, version, nil)
}

// retag rewrites a record's tags in place: neither its time nor its generation changes, readers stay valid.
func (g *gateway) retag(ctx context.Context, bucket, key, version string, tags tagSet) error {
	if err := noVersion(&version, key); err != nil {
		return err
	}
	err := g.s.commit(ctx, func(tx *txn) error {
		keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
		if keys == nil {
			return refuse(ErrNoSuchBucket)
		}
		b := keys.Get([]byte(key))
		if b == nil {
			return refuse(ErrNoSuchKey)
		}
		o, err := decodeObject(b)
		if err != nil {
			return err
		}
		o.Tags = tags
		record, err := o.encode()
		if err != nil {
			return err
		}
		return keys.Put([]byte(key), record)
	})
	return apiError(err, bucket, key)
}

// GetObjectAcl says what ACLs say since they are disabled by default: the owner has full control.
func (g *gateway) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput) (*s3.GetObjectAclOutput, error) {
	if _, err := g.s.lookup(ctx, str(in.Bucket), str(in.Key)); err != nil {
		return nil, apiError(err, str(in.Bucket), str(in.Key))
	}
	return &s3.GetObjectAclOutput{
		Owner: g.owner(),
		Grants: []types.Grant{{
			Grantee:    &types.Grantee{ID: &g.s.account, DisplayName: &g.s.account, Type: types.TypeCanonicalUser},
			Permission: types.PermissionFullControl,
		}},
	}, nil
}

// PutObjectAcl answers what S3 does since ACLs are disabled by default.
func (g *gateway) PutObjectAcl(context.Context, *s3.PutObjectAclInput) error {
	return s3err.GetAPIError(s3err.ErrAclNotSupported)
}
