package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"quarry"
)

// keys checks the rights to the keys of the bucket and of --kms-key. Without them a job is accepted and fails minutes
// later with a message about S3 that does not name KMS (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (k *checker) keys(ctx context.Context, ofBucket string) []Check {
	var out []Check
	for _, key := range slices.Compact([]string{k.keyARN(ofBucket), k.keyARN(k.KMSKey)}) {
		if key != "" && matches(kmsKeyPattern, key) { // a name that is none is reported with the names
			out = append(out, k.key(ctx, key)...)
		}
	}
	return out
}

// keyARN gives a key's ARN where its name says it; an alias is given back as it is.
func (k *checker) keyARN(key string) string {
	if key == "" || strings.HasPrefix(key, "arn:") || strings.HasPrefix(key, "alias/") {
		return key
	}
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", k.Partition, k.Region, k.Account, key)
}

func (k *checker) key(ctx context.Context, key string) []Check {
	c := Check{Name: "kms-key", Status: OK, Subject: key}
	if strings.HasSuffix(key, "alias/aws/s3") {
		c.Message = "AWS's own key for S3: everyone in the account who may use the bucket may use the key"
		return []Check{c}
	}
	if strings.Contains(key, "alias/") {
		c.Status, c.Message = Unknown, "an alias does not say which key it is, so its permissions were not checked"
		c.Fix = fmt.Sprintf("name the key by its ARN: aws kms describe-key --key-id %s --region %s --query KeyMetadata.Arn", key, k.Region)
		return []Check{c}
	}
	if parts := strings.Split(key, ":"); len(parts) == 6 && parts[3] != k.Region {
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("key %s is in %s, the bucket and the jobs are in %s", key, parts[3], k.Region)
		c.Fix = "name a key of " + k.Region + " with --kms-key or in the bucket's encryption"
		return []Check{c}
	}
	via := map[string]map[string]string{"StringEquals": {"kms:ViaService": "s3." + k.Region + ".amazonaws.com"}}
	c.Status, c.Action = Unknown, "kms:GetKeyPolicy"
	c.Message = "not checked: whether the key is enabled, and whether its policy lets the role and the caller use it"
	c.Fix = fmt.Sprintf("check that the key is enabled and that its policy allows IAM policies to grant access: aws kms describe-key --key-id %[1]s; aws kms get-key-policy --key-id %[1]s --policy-name default", key)
	var steps []func(context.Context) []Check
	for _, r := range []right{
		{
			name: "role-kms", action: "kms:Decrypt",
			lacking: "a job fails minutes after it was accepted, with a message about GetObject that does not name KMS",
		},
		{
			name: "role-kms", action: "kms:GenerateDataKey",
			lacking: "a job fails minutes after it was accepted, with a message about PutObject that does not name KMS",
		},
	} {
		r.resources, r.condition = []string{key}, via
		steps = append(steps, func(ctx context.Context) []Check { return []Check{k.check(ctx, k.theRole(), r)} })
	}
	return append(together(ctx, steps...), c)
}
