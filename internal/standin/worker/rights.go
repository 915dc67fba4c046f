package worker

import (
	"context"
	"errors"
	"strings"
)

// servicePrincipal is who assumes a job's role.
const servicePrincipal = "bedrock.amazonaws.com"

// noRight is Bedrock's text for a bucket it cannot reach, whatever the reason
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-model-customization.html has it for training
// data; users of batch inference report the same). It stands for denied KMS keys too, without a word of KMS
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func noRight(right, bucket, key string) error {
	return refuse("Could not validate %s permissions to access Amazon S3 bucket: %s at key %s.", right, bucket, key)
}

// checkTrust looks whether Bedrock may assume the role for this job
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html has the two conditions).
func (e *Engine) checkTrust(ctx context.Context, j Job) error {
	err := e.cfg.Access(ctx, servicePrincipal, "sts:AssumeRole", j.RoleARN, map[string]string{
		"aws:SourceAccount": j.Account,
		"aws:SourceArn":     string(j.ARN()),
	})
	if err != nil {
		return refuse("Amazon Bedrock is not able to assume the role %s. Check that the role exists and that its trust policy allows %s to assume it.",
			j.RoleARN, servicePrincipal)
	}
	return nil
}

// checkRights looks whether the role may write the output and invoke the model. Reading was looked at with each file.
func (e *Engine) checkRights(ctx context.Context, j Job, files []inputFile) error {
	bucket, folder := j.folder()
	to, err := e.cfg.Store.Bucket(ctx, bucket)
	if err != nil {
		return noObject(err, "PutObject", bucket, folder)
	}
	kmsKey := to.KMSKey
	if j.OutputKMSKey != "" {
		kmsKey = j.OutputKMSKey
	}
	for _, f := range files {
		key := folder + f.Output
		if e.roleMay(ctx, j, "s3:PutObject", objectARN(bucket, key), to, j.OutputOwner) != nil ||
			e.mayUseKey(ctx, j, "kms:GenerateDataKey", kmsKey) != nil {
			return noRight("PutObject", bucket, key)
		}
	}
	for _, arn := range j.InvokeARNs {
		if e.cfg.Access(ctx, j.RoleARN, "bedrock:InvokeModel", arn, invokeConditions(j, arn)) != nil {
			return refuse("Customer doesn't have permissions to invokeModel") // as users of inference profiles report it
		}
	}
	return nil
}

func (e *Engine) mayRead(ctx context.Context, j Job, bucket, key string) error {
	from, err := e.cfg.Store.Bucket(ctx, bucket)
	if err != nil {
		return noObject(err, "GetObject", bucket, key)
	}
	if e.roleMay(ctx, j, "s3:GetObject", objectARN(bucket, key), from, j.InputOwner) != nil ||
		e.mayUseKey(ctx, j, "kms:Decrypt", from.KMSKey) != nil {
		return noRight("GetObject", bucket, key)
	}
	return nil
}

// mayList is checked for a folder only: jobs with one input file have run with roles that cannot list.
func (e *Engine) mayList(ctx context.Context, j Job, bucket, prefix string) error {
	from, err := e.cfg.Store.Bucket(ctx, bucket)
	if err != nil {
		return noObject(err, "ListBucket", bucket, prefix)
	}
	if from.Account != j.Account {
		return noRight("ListBucket", bucket, prefix)
	}
	conditions := s3Conditions(j)
	conditions["s3:prefix"] = prefix
	if e.cfg.Access(ctx, j.RoleARN, "s3:ListBucket", "arn:aws:s3:::"+bucket, conditions) != nil {
		return noRight("ListBucket", bucket, prefix)
	}
	return nil
}

// errOtherOwner says that a bucket does not belong to the account that the job names, or not to the job's own account: bucket policies,
// which could let another account's role in, are not evaluated here.
var errOtherOwner = errors.New("the bucket has another owner")

func (e *Engine) roleMay(ctx context.Context, j Job, action, resource string, b Bucket, owner string) error {
	if b.Account != j.Account || owner != "" && owner != b.Account {
		return errOtherOwner
	}
	return e.cfg.Access(ctx, j.RoleARN, action, resource, s3Conditions(j))
}

func (e *Engine) mayUseKey(ctx context.Context, j Job, action, key string) error {
	if key == "" {
		return nil
	}
	return e.cfg.Access(ctx, j.RoleARN, action, keyARN(j, key), map[string]string{
		"kms:ViaService":      "s3." + j.Region + ".amazonaws.com",
		"aws:ResourceAccount": j.Account,
	})
}

// keyARN gives the ARN of a key that was named by its id or alias.
func keyARN(j Job, key string) string {
	switch {
	case strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return "arn:aws:kms:" + j.Region + ":" + j.Account + ":" + key
	}
	return "arn:aws:kms:" + j.Region + ":" + j.Account + ":key/" + key
}

func objectARN(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }

func s3Conditions(j Job) map[string]string {
	return map[string]string{"aws:ResourceAccount": j.Account, "aws:SecureTransport": "true"}
}

// invokeConditions are the keys that AWS's policies for profiles look at. A global profile's model has neither Region
// nor account in its ARN and is checked with the Region "unspecified"
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func invokeConditions(j Job, arn string) map[string]string {
	region := j.Region
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		region = parts[3]
	}
	if region == "" {
		region = "unspecified"
	}
	conditions := map[string]string{"aws:RequestedRegion": region}
	if strings.Contains(j.ModelID, "inference-profile/") {
		conditions["bedrock:InferenceProfileArn"] = j.ModelID
	}
	return conditions
}
