package bucket

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	transport "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/base/catalog"
)

// What HeadBucket answers has no body, so its status is all there is
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
const (
	statusMoved     = 301
	statusForbidden = 403
	statusNotFound  = 404
)

// Settings reads and changes the settings of a bucket, not its objects.
type Settings struct {
	b     *Bucket
	owner *string
}

// Settings gives access to the bucket's settings, of a bucket of this account alone: a name that someone else was faster
// to take is refused by S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html).
func (b *Bucket) Settings(account string) *Settings { return &Settings{b, &account} }

// Find gives the bucket's Region; found is false when there is no such bucket. One of another account is an error of kind
// Denied.
func (s *Settings) Find(ctx context.Context) (region string, found bool, err error) {
	out, err := s.b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.b.name, ExpectedBucketOwner: s.owner})
	if err == nil {
		return aws.ToString(out.BucketRegion), true, nil
	}
	var reply *transport.ResponseError
	if errors.As(err, &reply) {
		switch reply.HTTPStatusCode() {
		case statusMoved: // it is elsewhere, and S3 says where
			if elsewhere := reply.Response.Header.Get("X-Amz-Bucket-Region"); elsewhere != "" {
				return elsewhere, true, nil
			}
		case statusNotFound:
			return "", false, nil
		case statusForbidden:
			return "", false, &quarry.Error{
				Kind: quarry.Denied, Op: "look at bucket", Subject: s.b.name,
				Err:  errors.New("denied s3:ListBucket, or the bucket belongs to another account"),
				Hint: fmt.Sprintf(`if it is yours, grant %s; if not, name another with --bucket`, s.b.statement("s3:ListBucket")),
			}
		}
	}
	return "", false, s.b.fault(ctx, "look at", "", err)
}

// Make makes the bucket; that it is ours already is no error.
func (s *Settings) Make(ctx context.Context) error {
	err := s.b.Make(ctx)
	var taken *types.BucketAlreadyExists
	if errors.As(err, &taken) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "make bucket", Subject: s.b.name, Err: errors.New("the name is taken by another account"),
			Hint: "name another with --bucket",
		}
	}
	return s.needs("s3:CreateBucket", err)
}

// Open names the settings that do not block public access, in S3's words.
func (s *Settings) Open(ctx context.Context) ([]string, error) {
	out, err := s.b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &s.b.name, ExpectedBucketOwner: s.owner})
	var c types.PublicAccessBlockConfiguration
	if !is(err, "NoSuchPublicAccessBlockConfiguration") {
		if err != nil {
			return nil, s.fault(ctx, "read the public access block of", "s3:GetBucketPublicAccessBlock", err)
		}
		c = *out.PublicAccessBlockConfiguration
	}
	var open []string
	for _, one := range []struct {
		name string
		on   *bool
	}{
		{"BlockPublicAcls", c.BlockPublicAcls},
		{"IgnorePublicAcls", c.IgnorePublicAcls},
		{"BlockPublicPolicy", c.BlockPublicPolicy},
		{"RestrictPublicBuckets", c.RestrictPublicBuckets},
	} {
		if !aws.ToBool(one.on) {
			open = append(open, one.name)
		}
	}
	return open, nil
}

// Close blocks public access in every way that S3 knows.
func (s *Settings) Close(ctx context.Context) error {
	yes := aws.Bool(true)
	_, err := s.b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &s.b.name, ExpectedBucketOwner: s.owner,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: yes, IgnorePublicAcls: yes, BlockPublicPolicy: yes, RestrictPublicBuckets: yes,
		},
	})
	return s.fault(ctx, "block public access to", "s3:PutBucketPublicAccessBlock", err)
}

// Policy gives the bucket's policy as S3 keeps it, empty when it has none.
func (s *Settings) Policy(ctx context.Context) (string, error) {
	out, err := s.b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.b.name, ExpectedBucketOwner: s.owner})
	if is(err, "NoSuchBucketPolicy") {
		return "", nil
	}
	if err != nil {
		return "", s.fault(ctx, "read the policy of", "s3:GetBucketPolicy", err)
	}
	return aws.ToString(out.Policy), nil
}

// SetPolicy replaces the bucket's policy.
func (s *Settings) SetPolicy(ctx context.Context, text string) error {
	_, err := s.b.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &s.b.name, Policy: &text, ExpectedBucketOwner: s.owner})
	return s.fault(ctx, "set the policy of", "s3:PutBucketPolicy", err)
}

// Encryption gives the default encryption of new objects: "AES256", "aws:kms" or "aws:kms:dsse", and the key as the
// bucket names it.
func (s *Settings) Encryption(ctx context.Context) (algorithm, key string, err error) {
	out, err := s.b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &s.b.name, ExpectedBucketOwner: s.owner})
	if is(err, "ServerSideEncryptionConfigurationNotFoundError") { // buckets of before 2023
		return "none", "", nil
	}
	if err != nil {
		return "", "", s.fault(ctx, "read the encryption of", "s3:GetEncryptionConfiguration", err)
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if d := rule.ApplyServerSideEncryptionByDefault; d != nil {
			return string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID), nil
		}
	}
	return "none", "", nil
}

// SetKey lets new objects be encrypted with a KMS key. A bucket key spares most calls of KMS, and what they cost
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html).
func (s *Settings) SetKey(ctx context.Context, key string) error {
	_, err := s.b.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &s.b.name, ExpectedBucketOwner: s.owner,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key,
			},
			BucketKeyEnabled: aws.Bool(true),
		}}},
	})
	return s.fault(ctx, "set the encryption of", "s3:PutEncryptionConfiguration", err)
}

// Expiry is a lifecycle rule for what is under a prefix.
type Expiry struct {
	ID, Prefix string
	Days       int32 // until an object is gone, and a day later its older versions; 0: never
	AbortDays  int32 // until the parts of an upload that was never finished are gone
}

func (e Expiry) rule() types.LifecycleRule {
	r := types.LifecycleRule{
		ID: &e.ID, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &e.Prefix},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: &e.AbortDays},
	}
	if e.Days > 0 {
		r.Expiration = &types.LifecycleExpiration{Days: &e.Days}
		// Where someone keeps versions, an object that expired would stay as one.
		r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(1)}
	}
	return r
}

// Expiry compares the rule of this id with what the bucket has.
func (s *Settings) Expiry(ctx context.Context, e Expiry) (found, same bool, err error) {
	now, err := s.lifecycle(ctx)
	if err != nil {
		return false, false, err
	}
	i := slices.IndexFunc(now.Rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == e.ID })
	if i < 0 {
		return false, false, nil
	}
	return true, reflect.DeepEqual(now.Rules[i], e.rule()), nil
}

// SetExpiry sets the rule of this id and keeps all others. S3 replaces them together, so a rule that someone else sets
// between our reading and writing is lost, as with every client.
func (s *Settings) SetExpiry(ctx context.Context, e Expiry) error {
	now, err := s.lifecycle(ctx)
	if err != nil {
		return err
	}
	rules := slices.DeleteFunc(now.Rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == e.ID })
	_, err = s.b.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &s.b.name, ExpectedBucketOwner: s.owner,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: append(rules, e.rule())},
		// Left out, it would fall back to S3's default for the rules of others.
		TransitionDefaultMinimumObjectSize: now.TransitionDefaultMinimumObjectSize,
	})
	return s.fault(ctx, "set the lifecycle of", "s3:PutLifecycleConfiguration", err)
}

func (s *Settings) lifecycle(ctx context.Context) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	out, err := s.b.client.GetBucketLifecycleConfiguration(ctx,
		&s3.GetBucketLifecycleConfigurationInput{Bucket: &s.b.name, ExpectedBucketOwner: s.owner})
	if is(err, "NoSuchLifecycleConfiguration") {
		return &s3.GetBucketLifecycleConfigurationOutput{}, nil
	}
	if err != nil {
		return nil, s.fault(ctx, "read the lifecycle of", "s3:GetLifecycleConfiguration", err)
	}
	return out, nil
}

func (s *Settings) fault(ctx context.Context, op, action string, err error) error {
	return s.needs(action, s.b.fault(ctx, op, "", err))
}

// needs names the right that a refused call takes.
func (s *Settings) needs(action string, err error) error {
	var q *quarry.Error
	if errors.As(err, &q) && q.Kind == quarry.Denied {
		return &quarry.Error{
			Kind: quarry.Denied, Op: q.Op, Subject: q.Subject, Err: fmt.Errorf("denied %s on %s: %w", action, s.b.arn(), q.Err),
			Hint: fmt.Sprintf("grant %s to the user or role that runs setup, then run quarry setup again", s.b.statement(action)),
		}
	}
	return err
}

func (b *Bucket) arn() string { return "arn:" + catalog.Partition(b.region) + ":s3:::" + b.name }

func (b *Bucket) statement(action string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, b.arn())
}

func is(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
