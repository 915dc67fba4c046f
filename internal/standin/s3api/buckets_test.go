package s3api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func TestBucketsAreMadeInAnyRegion(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i, c := range []struct{ signed, constraint, region, code string }{
		{"us-west-2", "us-west-2", "us-west-2", ""},
		{"ap-southeast-7", "ap-southeast-7", "ap-southeast-7", ""},
		{"us-gov-west-1", "us-gov-west-1", "us-gov-west-1", ""},
		{"us-east-1", "", "us-east-1", ""},
		{"us-east-1", "eu-west-1", "eu-west-1", ""},
		{"us-west-2", "eu-west-1", "", "IllegalLocationConstraintException"},
		{"us-west-2", "", "", "IllegalLocationConstraintException"},
		{"us-west-2", "nowhere", "", "InvalidLocationConstraint"},
	} {
		name := fmt.Sprintf("bucket-%d", i)
		in := &s3.CreateBucketInput{Bucket: &name}
		if c.constraint != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(c.constraint)}
		}
		client := w.client(c.signed)
		if _, err := client.CreateBucket(t.Context(), in); code(err) != c.code {
			t.Errorf("%s asked for %q: %v, want %q", c.signed, c.constraint, err, c.code)
		}
		if c.code != "" {
			continue
		}
		if info, err := w.store.Bucket(t.Context(), name); err != nil || info.Region != c.region {
			t.Errorf("%s asked for %q: the bucket is in %q, %v", c.signed, c.constraint, info.Region, err)
		}
		other := w.client("sa-east-1") // the answer names the bucket's Region, whatever Region the client uses
		if head, err := other.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name}); err != nil || *head.BucketRegion != c.region {
			t.Errorf("HeadBucket = %v, %v, want %s", head, err, c.region)
		}
		where, err := other.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: &name})
		want := types.BucketLocationConstraint(c.region)
		if c.region == "us-east-1" {
			want = ""
		}
		if err != nil || where.LocationConstraint != want {
			t.Errorf("GetBucketLocation = %v, %v, want %q", where, err, want)
		}
		_, err = client.CreateBucket(t.Context(), in)
		if want := map[bool]string{true: "", false: "BucketAlreadyOwnedByYou"}[c.region == "us-east-1"]; code(err) != want {
			t.Errorf("%s again: %v, want %q", c.region, err, want)
		}
	}
}

func TestBucketsAreListedInPagesAndDeletedWhenEmpty(t *testing.T) {
	t.Parallel()
	w := setup(t)
	want := []string{"bkt1", "bkt2", "bkt3", bucket}
	for _, name := range want[:3] {
		if err := w.store.MakeBucket(t.Context(), name, "eu-west-1"); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	pages := s3.NewListBucketsPaginator(w.s3, &s3.ListBucketsInput{MaxBuckets: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Buckets {
			got = append(got, *b.Name)
			if region := aws.ToString(b.BucketRegion); region != map[bool]string{true: "us-west-2", false: "eu-west-1"}[*b.Name == bucket] {
				t.Errorf("bucket %s is listed in %s", *b.Name, region)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ListBuckets (-want +got):\n%s", diff)
	}
	w.put(t, "k", []byte("x"))
	if _, err := w.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)}); code(err) != "BucketNotEmpty" {
		t.Errorf("DeleteBucket with an object: %v", err)
	}
	if _, err := w.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("bkt1")}); err != nil {
		t.Error(err)
	}
	if _, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bkt1")}); code(err) != "NoSuchBucket" {
		t.Errorf("a bucket that is gone: %v", err)
	}
}

func TestBucketConfigurations(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, b := t.Context(), aws.String(bucket)

	if out, err := w.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b}); err != nil ||
		out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("a new bucket's encryption: %v, %v", out, err)
	}
	kms := &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("key-1")},
	}}}
	if _, err := w.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: kms}); err != nil {
		t.Error(err)
	}
	if info, err := w.store.Bucket(ctx, bucket); err != nil || info.KMSKeyID != "key-1" {
		t.Errorf("the bucket's key is %q, %v", info.KMSKeyID, err)
	}

	block := &s3.GetPublicAccessBlockInput{Bucket: b}
	if out, err := w.s3.GetPublicAccessBlock(ctx, block); err != nil || !*out.PublicAccessBlockConfiguration.RestrictPublicBuckets {
		t.Errorf("a new bucket's public access block: %v, %v", out, err)
	}
	if _, err := w.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}); err != nil {
		t.Error(err)
	}
	if out, err := w.s3.GetPublicAccessBlock(ctx, block); err != nil || !*out.PublicAccessBlockConfiguration.BlockPublicAcls {
		t.Errorf("GetPublicAccessBlock = %v, %v", out, err)
	}
	if _, err := w.s3.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b}); err != nil {
		t.Error(err)
	}
	if _, err := w.s3.GetPublicAccessBlock(ctx, block); code(err) != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("after the delete: %v", err)
	}

	lifecycle := &s3.GetBucketLifecycleConfigurationInput{Bucket: b}
	if _, err := w.s3.GetBucketLifecycleConfiguration(ctx, lifecycle); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("a new bucket's lifecycle: %v", err)
	}
	rule := types.LifecycleRule{ID: aws.String("r"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("in/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(7)}}
	if _, err := w.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{rule}}}); err != nil {
		t.Error(err)
	}
	if out, err := w.s3.GetBucketLifecycleConfiguration(ctx, lifecycle); err != nil || *out.Rules[0].Expiration.Days != 7 {
		t.Errorf("GetBucketLifecycleConfiguration = %v, %v", out, err)
	}

	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::docs/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},` +
		`{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::docs/*"}]}`
	if _, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b}); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("a new bucket's policy: %v", err)
	}
	if _, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &policy}); err != nil {
		t.Error(err)
	}
	if out, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b}); err != nil || *out.Policy != policy {
		t.Errorf("GetBucketPolicy = %v, %v", out, err)
	}
	if _, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String("{}")}); code(err) != "MalformedPolicy" {
		t.Errorf("a policy without statements: %v", err)
	}
	w.put(t, "k", []byte("x")) // the policy is kept, not judged
	for _, c := range []struct {
		principal string
		public    bool
	}{{`{"Service":"bedrock.amazonaws.com"}`, false}, {`{"AWS":"*"}`, true}} {
		open := `{"Statement":[{"Effect":"Allow","Principal":` + c.principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::docs/*"}]}`
		if _, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &open}); err != nil {
			t.Error(err)
		}
		if out, err := w.s3.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b}); err != nil || *out.PolicyStatus.IsPublic != c.public {
			t.Errorf("the status of a policy for %s: %v, %v", c.principal, out, err)
		}
	}

	if _, err := w.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: b, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}); err != nil {
		t.Error(err)
	}
	if out, err := w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b}); err != nil || *out.TagSet[0].Value != "b" {
		t.Errorf("GetBucketTagging = %v, %v", out, err)
	}
	if out, err := w.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: b}); err != nil || out.Status != "" {
		t.Errorf("GetBucketVersioning = %v, %v", out, err)
	}
	versioning := func(status types.BucketVersioningStatus) error {
		_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: b, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
		return err
	}
	if err := versioning(types.BucketVersioningStatusSuspended); err != nil {
		t.Error(err)
	}
	if err := versioning(types.BucketVersioningStatusEnabled); err != nil {
		t.Error(err)
	}
	if err := versioning("Paused"); code(err) != "MalformedXML" {
		t.Errorf("a status that is none: %v", err)
	}
	if _, err := w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b, ExpectedBucketOwner: aws.String("123456789012")}); err != nil {
		t.Errorf("the expected owner: %v", err)
	}
	if _, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b, ExpectedBucketOwner: aws.String("999999999999")}); code(err) != "AccessDenied" {
		t.Errorf("another owner: %v", err)
	}
}

func TestBucketConfigurationsNeedASignature(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, query := range []string{"encryption", "lifecycle", "publicAccessBlock", "policy", "location"} {
		r := w.signed(t, "GET", "/docs?"+query, unsigned, nil, nil)
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=0", 1))
		if got, text := w.do(t, r); got != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
			t.Errorf("%s: %d %s", query, got, text)
		}
	}
	for _, c := range []struct{ query, body, want string }{
		{"lifecycle", "<LifecycleConfiguration></LifecycleConfiguration>", "MalformedXML"},
		{"encryption", "not XML", "MalformedXML"},
		{"publicAccessBlock", "<Other/>", "MalformedXML"},
	} {
		r := w.signed(t, "PUT", "/docs?"+c.query, unsigned, strings.NewReader(c.body), nil)
		if got, text := w.do(t, r); got != 400 || !strings.Contains(text, c.want) {
			t.Errorf("put %s: %d %s", c.query, got, text)
		}
	}
}
