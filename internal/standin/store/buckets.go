package store

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	bolt "go.etcd.io/bbolt"
)

const defaultRegion = "us-east-1"

// Names of the documents that s3api has methods for.
const (
	docCORS    = "cors"
	docWebsite = "website"
)

func (g *gateway) ListBuckets(ctx context.Context, in s3response.ListBucketsInput) (s3response.ListAllMyBucketsResult, error) {
	res := s3response.ListAllMyBucketsResult{
		Owner:  s3response.CanonicalUser{ID: g.s.account, DisplayName: g.s.account},
		Prefix: in.Prefix,
	}
	err := g.s.view(ctx, func(tx *bolt.Tx) error {
		c := tx.Bucket(nameBuckets).Cursor()
		from := max(in.Prefix, in.ContinuationToken)
		for k, v := c.Seek([]byte(from)); k != nil && strings.HasPrefix(string(k), in.Prefix); k, v = c.Next() {
			if string(k) == in.ContinuationToken {
				continue
			}
			if in.MaxBuckets > 0 && len(res.Buckets.Bucket) == int(in.MaxBuckets) {
				res.ContinuationToken = res.Buckets.Bucket[len(res.Buckets.Bucket)-1].Name
				return nil
			}
			var b bucketRecord
			if err := json.Unmarshal(v, &b); err != nil {
				return err
			}
			res.Buckets.Bucket = append(res.Buckets.Bucket, s3response.ListAllMyBucketsEntry{
				Name: b.Name, BucketRegion: b.Region, CreationDate: b.Created,
			})
		}
		return nil
	})
	return res, apiError(err, "", "")
}

func (g *gateway) HeadBucket(ctx context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	b, err := g.s.bucket(ctx, str(in.Bucket))
	if err != nil {
		return nil, apiError(err, str(in.Bucket), "")
	}
	return &s3.HeadBucketOutput{BucketRegion: &b.Region}, nil
}

// CreateBucket makes a bucket in the Region of the request, which s3api leaves in the context as "region".
func (g *gateway) CreateBucket(ctx context.Context, in *s3.CreateBucketInput, acl []byte) error {
	region, _ := ctx.Value("region").(string)
	if region == "" {
		region = defaultRegion
	}
	b := &bucketRecord{Name: str(in.Bucket), Region: region, Created: now(), ACL: acl, Ownership: string(in.ObjectOwnership)}
	if in.ObjectLockEnabledForBucket != nil && *in.ObjectLockEnabledForBucket {
		return s3err.GetAPIError(s3err.ErrNotImplemented)
	}
	if c := in.CreateBucketConfiguration; c != nil {
		tags, err := backend.ParseCreateBucketTags(c.Tags)
		if err != nil {
			return err
		}
		b.Tags = tags
	}
	err := g.s.commit(ctx, func(tx *txn) error {
		old, err := readBucket(tx.Tx, b.Name)
		switch {
		case err != nil:
			return tx.makeBucket(b)
		case old.Region == defaultRegion && region == defaultRegion:
			// In us-east-1 alone, making one's own bucket again is no error (S3 API reference, CreateBucket).
			return nil
		}
		return refuse(s3err.GetBucketErr(s3err.ErrBucketAlreadyOwnedByYou, b.Name))
	})
	return apiError(err, b.Name, "")
}

// DeleteBucket refuses while objects are there. Unfinished uploads go with the bucket.
func (g *gateway) DeleteBucket(ctx context.Context, bucket string) error {
	name := []byte(bucket)
	err := g.s.commit(ctx, func(tx *txn) error {
		if _, err := readBucket(tx.Tx, bucket); err != nil {
			return refuse(err)
		}
		if k, _ := tx.Bucket(nameObjects).Bucket(name).Cursor().First(); k != nil {
			return refuse(s3err.GetBucketErr(s3err.ErrBucketNotEmpty, bucket))
		}
		var ids []string
		c := tx.Bucket(nameUploads).Bucket(name).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			_, id := splitUploadKey(k)
			ids = append(ids, id)
		}
		for _, id := range ids {
			if err := tx.dropParts(id); err != nil {
				return err
			}
		}
		if err := tx.Bucket(nameUploads).DeleteBucket(name); err != nil {
			return err
		}
		if err := tx.Bucket(nameObjects).DeleteBucket(name); err != nil {
			return err
		}
		return tx.Bucket(nameBuckets).Delete(name)
	})
	return apiError(err, bucket, "")
}

// GetBucketAcl names the account as owner, so that x-amz-expected-bucket-owner takes an account number as AWS does.
func (g *gateway) GetBucketAcl(ctx context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	b, err := g.s.bucket(ctx, str(in.Bucket))
	if err != nil {
		return nil, apiError(err, str(in.Bucket), "")
	}
	acl, err := auth.ParseACL(b.ACL)
	if err != nil {
		return nil, apiError(err, b.Name, "")
	}
	for i := range acl.Grantees {
		if acl.Grantees[i].Access == acl.Owner {
			acl.Grantees[i].Access = g.s.account
		}
	}
	acl.Owner = g.s.account
	out, err := json.Marshal(acl)
	return out, apiError(err, b.Name, "")
}

func (g *gateway) PutBucketAcl(ctx context.Context, bucket string, data []byte) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.ACL = data })
}

func (g *gateway) change(ctx context.Context, bucket string, do func(b *bucketRecord)) error {
	err := g.s.changeBucket(ctx, bucket, func(b *bucketRecord) error { do(b); return nil })
	return apiError(err, bucket, "")
}

// PutBucketVersioning takes Suspended, which is what a bucket without versions does. Enabled would be a promise to
// keep old versions, which the store does not.
func (g *gateway) PutBucketVersioning(ctx context.Context, bucket string, status types.BucketVersioningStatus) error {
	if status != types.BucketVersioningStatusSuspended {
		return s3err.APIError{
			Code:           "NotImplemented",
			Description:    "This store keeps no old versions; versioning cannot be enabled.",
			HTTPStatusCode: http.StatusNotImplemented,
		}
	}
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Versioning = string(status) })
}

func (g *gateway) GetBucketVersioning(ctx context.Context, bucket string) (s3response.GetBucketVersioningOutput, error) {
	b, err := g.s.bucket(ctx, bucket)
	if err != nil {
		return s3response.GetBucketVersioningOutput{}, apiError(err, bucket, "")
	}
	return s3response.GetBucketVersioningOutput{Status: some(types.BucketVersioningStatus(b.Versioning))}, nil
}

func (g *gateway) PutBucketPolicy(ctx context.Context, bucket string, policy []byte) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Policy = policy })
}

func (g *gateway) GetBucketPolicy(ctx context.Context, bucket string) ([]byte, error) {
	b, err := g.s.bucket(ctx, bucket)
	if err != nil {
		return nil, apiError(err, bucket, "")
	}
	if b.Policy == nil {
		return nil, s3err.GetAPIError(s3err.ErrNoSuchBucketPolicy)
	}
	return b.Policy, nil
}

func (g *gateway) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Policy = nil })
}

func (g *gateway) PutBucketOwnershipControls(ctx context.Context, bucket string, ownership types.ObjectOwnership) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Ownership = string(ownership) })
}

func (g *gateway) GetBucketOwnershipControls(ctx context.Context, bucket string) (types.ObjectOwnership, error) {
	b, err := g.s.bucket(ctx, bucket)
	if err != nil {
		return "", apiError(err, bucket, "")
	}
	if b.Ownership == "" {
		return "", s3err.GetAPIError(s3err.ErrOwnershipControlsNotFound)
	}
	return types.ObjectOwnership(b.Ownership), nil
}

func (g *gateway) DeleteBucketOwnershipControls(ctx context.Context, bucket string) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Ownership = "" })
}

func (g *gateway) PutBucketTagging(ctx context.Context, bucket string, tags map[string]string) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Tags = tags })
}

func (g *gateway) GetBucketTagging(ctx context.Context, bucket string) (map[string]string, error) {
	b, err := g.s.bucket(ctx, bucket)
	if err != nil {
		return nil, apiError(err, bucket, "")
	}
	if len(b.Tags) == 0 {
		return nil, s3err.GetBucketErr(s3err.ErrBucketTaggingNotFound, bucket)
	}
	return b.Tags, nil
}

func (g *gateway) DeleteBucketTagging(ctx context.Context, bucket string) error {
	return g.change(ctx, bucket, func(b *bucketRecord) { b.Tags = nil })
}

// document gives a configuration or the error that S3 answers when there is none.
func (g *gateway) document(ctx context.Context, bucket, name string, absent s3err.ErrorCode) ([]byte, error) {
	doc, err := g.s.Document(ctx, bucket, name)
	if err != nil {
		return nil, apiError(err, bucket, "")
	}
	if doc == nil {
		return nil, s3err.GetAPIError(absent)
	}
	return doc, nil
}

func (g *gateway) PutBucketCors(ctx context.Context, bucket string, doc []byte) error {
	return apiError(g.s.SetDocument(ctx, bucket, docCORS, doc), bucket, "")
}

func (g *gateway) GetBucketCors(ctx context.Context, bucket string) ([]byte, error) {
	return g.document(ctx, bucket, docCORS, s3err.ErrNoSuchCORSConfiguration)
}

func (g *gateway) DeleteBucketCors(ctx context.Context, bucket string) error {
	return apiError(g.s.SetDocument(ctx, bucket, docCORS, nil), bucket, "")
}

func (g *gateway) PutBucketWebsite(ctx context.Context, bucket string, doc []byte) error {
	return apiError(g.s.SetDocument(ctx, bucket, docWebsite, doc), bucket, "")
}

func (g *gateway) GetBucketWebsite(ctx context.Context, bucket string) ([]byte, error) {
	return g.document(ctx, bucket, docWebsite, s3err.ErrNoSuchWebsiteConfiguration)
}

func (g *gateway) DeleteBucketWebsite(ctx context.Context, bucket string) error {
	return apiError(g.s.SetDocument(ctx, bucket, docWebsite, nil), bucket, "")
}

// GetObjectLockConfiguration is asked at every write. Buckets with object lock cannot be made here.
func (g *gateway) GetObjectLockConfiguration(context.Context, string) ([]byte, error) {
	return nil, s3err.GetAPIError(s3err.ErrObjectLockConfigurationNotFound)
}

// encryptionKey reads the KMS key out of a ServerSideEncryptionConfiguration; "" when it is not aws:kms.
func encryptionKey(doc []byte) string {
	var conf struct {
		Rules []struct {
			Default struct {
				Algorithm string `xml:"SSEAlgorithm"`
				Key       string `xml:"KMSMasterKeyID"`
			} `xml:"ApplyServerSideEncryptionByDefault"`
		} `xml:"Rule"`
	}
	if doc == nil || xml.Unmarshal(doc, &conf) != nil {
		return ""
	}
	for _, r := range conf.Rules {
		if strings.HasPrefix(r.Default.Algorithm, "aws:kms") {
			return r.Default.Key
		}
	}
	return ""
}

// SetPolicy keeps a bucket's policy, which is JSON; nil takes it away. Nothing here evaluates it.
func (s *Store) SetPolicy(ctx context.Context, bucket string, policy []byte) error {
	return s.changeBucket(ctx, bucket, func(b *bucketRecord) error { b.Policy = policy; return nil })
}
