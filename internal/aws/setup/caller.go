package setup

import "strings"

// callerStatements are what the users that run quarry may do: send jobs, hand them the role, put input into the bucket and take
// output from it, and look at all that preflight looks at. Which actions take a resource is in the Service Authorization
// Reference (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
func callerStatements(w Wants) []object {
	models := modelResources(w)
	var foundation []string
	for _, arn := range models {
		if strings.Contains(arn, "::foundation-model/") {
			foundation = append(foundation, arn)
		}
	}
	a := w.Account
	out := []object{
		allow("Submit", []string{"bedrock:CreateModelInvocationJob"}, append([]string{w.jobARNs()}, models...)),
		allow("Jobs",
			[]string{"bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob", "bedrock:TagResource", "bedrock:ListTagsForResource"},
			[]string{w.jobARNs()}),
		allow("Invoke", []string{"bedrock:InvokeModel"}, models),
		allow("Models", []string{"bedrock:GetFoundationModel", "bedrock:CountTokens"}, foundation),
	}
	if profiles := profileARNs(w); len(profiles) > 0 {
		out = append(out, allow("Profiles", []string{"bedrock:GetInferenceProfile"}, profiles))
	}
	out = append(out,
		// AWS's page for callers leaves it out, and without it Create is refused
		// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
		allow("PassRole", []string{"iam:PassRole"}, []string{w.RoleARN()}).with("Condition", equals("iam:PassedToService", bedrockService)),
		allow("Bucket", []string{
			"s3:ListBucket", "s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock",
			"s3:GetLifecycleConfiguration",
		}, []string{w.bucketARN()}),
		allow("Objects", []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
			[]string{w.bucketARN() + "/" + ourPrefix + "*", w.bucketARN() + "/" + statePrefix + "*"}),
		allow("Role", []string{"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy"}, []string{w.RoleARN()}),
		allow("Simulate", []string{"iam:SimulatePrincipalPolicy"},
			[]string{w.RoleARN(), "arn:" + a.Partition + ":iam::" + a.ID + ":user/${aws:username}"}),
	)
	if w.KMSKey != "" {
		out = append(out, key(w), allow("KeyState", []string{"kms:DescribeKey", "kms:GetKeyPolicy"}, []string{w.KMSKey}))
	}
	return append(out, allow("ListOnly", []string{
		"bedrock:ListModelInvocationJobs", "bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles",
		"bedrock:GetFoundationModelAvailability", "bedrock:GetUseCaseForModelAccess",
		"servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas", "pricing:GetProducts", "pricing:ListPriceLists",
		"pricing:GetPriceListFileUrl",
	}, []string{"*"}))
}
