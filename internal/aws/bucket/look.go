package bucket

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"quarry"
)

// Encryption gives the algorithm under which S3 writes new objects and the key where it is one of KMS: an id, an alias or
// an ARN, empty for AWS's own. All three are empty where nothing is set.
func (b *Bucket) Encryption(ctx context.Context) (algorithm, key string, err error) {
	out, err := b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &b.name})
	if absent(err, "ServerSideEncryptionConfigurationNotFoundError") {
		return "", "", nil
	}
	if err != nil {
		return "", "", b.fault(ctx, "read the encryption of", "", err)
	}
	if out.ServerSideEncryptionConfiguration == nil {
		return "", "", nil
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if d := rule.ApplyServerSideEncryptionByDefault; d != nil {
			return string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID), nil
		}
	}
	return "", "", nil
}

// Policy gives the bucket's own policy, empty where there is none.
func (b *Bucket) Policy(ctx context.Context) (string, error) {
	out, err := b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.name})
	if absent(err, "NoSuchBucketPolicy") {
		return "", nil
	}
	if err != nil {
		return "", b.fault(ctx, "read the policy of", "", err)
	}
	return aws.ToString(out.Policy), nil
}

// Head gives up to n objects under a prefix, the first in the order of their keys.
func (b *Bucket) Head(ctx context.Context, prefix string, n int32) ([]Object, error) {
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: &n})
	if err != nil {
		return nil, b.fault(ctx, "list", prefix, err)
	}
	var objects []Object
	for i := range out.Contents {
		objects = append(objects, Object{Key: aws.ToString(out.Contents[i].Key), Size: aws.ToInt64(out.Contents[i].Size)})
	}
	return objects, nil
}

// PutProbe writes a few bytes, reads them back and removes them: what the caller's rights are worth. removed is false
// where only the last was refused.
func (b *Bucket) PutProbe(ctx context.Context, key string) (removed bool, err error) {
	const text = "written by quarry preflight; it may be removed\n"
	if _, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: strings.NewReader(text)}); err != nil {
		return false, b.fault(ctx, "upload", key, err)
	}
	body, _, err := b.Get(ctx, key)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
		err = errors.Join(err, body.Close())
	}
	_, gone := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	if errors.Is(err, ErrNoObject) { // another preflight at the same moment removed it
		err = nil
	}
	if err != nil {
		return gone == nil, err
	}
	var q *quarry.Error
	if gone = b.fault(ctx, "remove", key, gone); errors.As(gone, &q) && q.Kind == quarry.Denied {
		return false, nil
	}
	return gone == nil, gone
}

func absent(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
