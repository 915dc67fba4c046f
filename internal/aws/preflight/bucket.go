package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
)

// probeKey is where the caller's right to write is tried: one key, so that a right to write without one to delete
// leaves one object.
const probeKey = "quarry/preflight/probe.txt"

// stateKey is where the same is tried for the files of runs that are kept in the bucket.
const stateKey = "quarry-state/preflight/probe.txt"

func (k *checker) bucketARN() string { return fmt.Sprintf("arn:%s:s3:::%s", k.Partition, k.Bucket) }

// bucket looks at the bucket; where it is not there, nothing else is asked of it.
func (k *checker) bucket(ctx context.Context) []Check {
	c := Check{Name: "bucket", Status: OK, Subject: k.Bucket, Action: "s3:ListBucket", Message: "it exists"}
	region, err := k.services.BucketRegion(ctx)
	switch {
	case errors.Is(err, ErrAbsent):
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = "bucket " + k.Bucket + " does not exist"
		c.Fix = "create it and the role with: " + k.setup()
		return []Check{c}
	case kindOf(err) == quarry.Denied && err != nil:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message = "the caller has no access to bucket " + k.Bucket + ", or it belongs to another account: s3:ListBucket is denied"
		c.Fix = k.grantCaller("s3:ListBucket", []string{k.bucketARN()}, nil)
		return []Check{c}
	case err != nil:
		return []Check{k.refusal("bucket", k.Bucket, "s3:ListBucket", err)}
	}
	out := []Check{c}
	place := Check{Name: "bucket-region", Status: OK, Subject: k.Bucket, Message: region}
	switch region {
	case k.Region:
	case "":
		place.Status, place.Message = Unknown, "S3 did not say in which Region the bucket is"
		place.Fix = "aws s3api get-bucket-location --bucket " + k.Bucket
	default:
		place.Status, place.Kind = Fault, quarry.BadUsage
		place.Message = fmt.Sprintf("bucket %s is in %s, the jobs are in %s", k.Bucket, region, k.Region)
		place.Fix = fmt.Sprintf("name a bucket in %s with --bucket, or run the jobs in the bucket's Region with --region %s", k.Region, region)
		return append(out, place) // every other question would have to go to that Region
	}
	out = append(out, place)
	return append(out, together(ctx, k.encryption, k.bucketPolicy, k.prefixFiles, k.write)...)
}

// encryption finds the key under which S3 writes, whose rights Bedrock's own message about a failed job does not name
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (k *checker) encryption(ctx context.Context) []Check {
	e, err := k.services.BucketEncryption(ctx)
	switch {
	case errors.Is(err, ErrAbsent): // older buckets of other servers; S3 itself encrypts all
		return append([]Check{
			{Name: "bucket-encryption", Status: OK, Subject: k.Bucket, Action: "s3:GetEncryptionConfiguration", Message: "none set"},
		}, k.keys(ctx, "")...)
	case err != nil:
		c := k.refusal("bucket-encryption", k.bucketARN(), "s3:GetEncryptionConfiguration", err)
		return append([]Check{c}, k.keys(ctx, "")...)
	}
	c := Check{Name: "bucket-encryption", Status: OK, Subject: k.Bucket, Action: "s3:GetEncryptionConfiguration", Message: e.Algorithm}
	if strings.HasPrefix(e.Algorithm, "aws:kms") {
		if e.Key == "" {
			e.Key = "alias/aws/s3"
		}
		c.Message += " with key " + e.Key
		return append([]Check{c}, k.keys(ctx, e.Key)...)
	}
	return append([]Check{c}, k.keys(ctx, "")...)
}

// bucketPolicy looks for a Deny that would meet the role or the caller. Whether the policy allows someone else is not
// asked: within one account the role's own policy is enough.
func (k *checker) bucketPolicy(ctx context.Context) []Check {
	c := Check{
		Name: "bucket-policy", Status: OK, Subject: k.Bucket, Action: "s3:GetBucketPolicy",
		Message: "it denies the role nothing that a job needs",
	}
	text, err := k.services.BucketPolicy(ctx)
	if err != nil {
		return []Check{k.refusal("bucket-policy", k.bucketARN(), "s3:GetBucketPolicy", err)}
	}
	if text == "" {
		c.Message = "there is none"
		return []Check{c}
	}
	doc, err := parsePolicy(text)
	if err != nil {
		c.Status, c.Message, c.Fix = Unknown, "its policy could not be read: "+oneLine(err), "aws s3api get-bucket-policy --bucket "+k.Bucket
		return []Check{c}
	}
	for _, q := range []question{
		{action: "s3:GetObject", resource: k.bucketARN() + "/" + k.sampleKey()},
		{action: "s3:PutObject", resource: k.bucketARN() + "/" + k.sampleKey()},
		{action: "s3:ListBucket", resource: k.bucketARN()},
	} {
		q.principal, q.principalKind, q.context = k.Role, "AWS", k.context()
		denied, why := doc.denies(q)
		if denied == no {
			continue
		}
		c.Action = q.action
		if denied == maybe {
			c.Status, c.Message, c.Fix = Unknown, "the policy of the bucket may deny the role "+q.action+": "+why, "aws s3api get-bucket-policy --bucket "+k.Bucket
			continue
		}
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message = fmt.Sprintf("the bucket's policy denies role %s %s%s", k.Role, q.action, why)
		c.Fix = "exclude the role from that statement, for example with \"Condition\":{\"ArnNotEquals\":{\"aws:PrincipalArn\":\"" + k.Role + "\"}} in it: aws s3api get-bucket-policy --bucket " + k.Bucket
		return []Check{c}
	}
	return []Check{c}
}

func (k *checker) sampleKey() string {
	if k.Run != "" {
		return k.Run.Prefix() + "in/s00001/s00001.jsonl"
	}
	return "quarry/a000000000/in/s00001/s00001.jsonl"
}

// prefixFiles looks whether something is where the run is going to write: a job reads every file of its prefix, and
// an old answer there would be taken for a new one.
func (k *checker) prefixFiles(ctx context.Context) []Check {
	prefix := "quarry/"
	if k.Run != "" {
		prefix = k.Run.Prefix()
	}
	subject := "s3://" + k.Bucket + "/" + prefix
	c := Check{Name: "prefix", Status: OK, Subject: subject, Action: "s3:ListBucket", Message: "the caller may list it"}
	keys, err := k.services.Objects(ctx, prefix)
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == probeKey }) // written at the same moment
	switch {
	case kindOf(err) == quarry.Denied && err != nil:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message = "the caller may not list " + subject + ": results could not be collected"
		c.Fix = k.grantCaller("s3:ListBucket", []string{k.bucketARN()}, nil)
	case err != nil:
		c = k.refusal("prefix", subject, "s3:ListBucket", err)
	case k.Run == "" && len(keys) > 0:
		c.Message = "the caller may list it; it holds files of other runs, each under the id of its run"
	case len(keys) == 0:
		c.Message = "the caller may list it; it is empty"
	case !k.Begun:
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("%s already holds files, such as %s, although this run has not begun", subject, keys[0])
		c.Fix = "use another --dir, which creates a new run id, or remove the files: aws s3 rm --recursive " + subject
	default:
		c.Message = "it holds the files of this run"
	}
	return []Check{c}
}

// write tries with one small object what an upload and a collection need.
func (k *checker) write(ctx context.Context) []Check {
	return k.tryWrite(ctx, "bucket-write", probeKey)
}

// writeState tries what the files of a run need that are kept in the bucket.
func (k *checker) writeState(ctx context.Context) []Check {
	return k.tryWrite(ctx, "bucket-state", stateKey)
}

func (k *checker) tryWrite(ctx context.Context, name, key string) []Check {
	subject := k.bucketARN() + "/" + key
	c := Check{
		Name: name, Status: OK, Subject: subject, Action: "s3:PutObject", Message: "the caller wrote an object, read it and removed it",
	}
	removed, err := k.services.Write(ctx, key)
	switch {
	case kindOf(err) == quarry.Denied && err != nil:
		c.Status, c.Kind = Fault, quarry.Denied
		if strings.HasPrefix(oneLine(err), "download") {
			c.Action = "s3:GetObject"
		}
		c.Message = "the caller may not " + c.Action + " in bucket " + k.Bucket + ": " + oneLine(err)
		c.Fix = k.grantCaller(c.Action, []string{k.bucketARN() + "/*"}, nil)
	case err != nil:
		c = k.refusal(name, subject, "s3:PutObject", err)
	case !removed:
		c.Message = "the caller wrote and read an object; without s3:DeleteObject its few bytes stay at " + key
	}
	return []Check{c}
}
