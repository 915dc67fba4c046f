package setup

// The names that are ours to write in the account.
const (
	tlsSid    = "QuarryTLSOnly"
	expiryID  = "quarry-expire"
	uploadsID = "quarry-state-uploads"
	ourPrefix = "quarry/"
	// statePrefix is where runs keep their files with --ledger or --files bucket. No rule lets them expire.
	statePrefix = "quarry-state/"
	// abortDays is how long S3 keeps the parts of an upload that was never finished.
	abortDays = 7
	// bedrockService is who takes the role on.
	bedrockService = "bedrock.amazonaws.com"
)

// documents are the policies of one account and Region.
type documents struct {
	Trust  object // of the role: who may take it on
	Role   object // of the role: what a job may do
	Caller object // of the users that run quarry
	Bucket object // of the bucket
}

func policies(w Wants) documents {
	return documents{
		Trust: policy(trust(w)), Role: policy(roleStatements(w)...), Caller: policy(callerStatements(w)...), Bucket: policy(tlsOnly(w)),
	}
}

// RolePolicyName is the inline policy of the role that is ours to write. Each Region has its own, since a role serves all
// of them and a bucket one.
func RolePolicyName(region string) string { return "quarry-batch-" + region }

func policy(statements ...object) object {
	return object{{"Version", "2012-10-17"}, {"Statement", statements}}
}

func allow(sid string, actions, resources []string) object {
	return object{{"Sid", sid}, {"Effect", "Allow"}, {"Action", actions}, {"Resource", resources}}
}

func equals(key, value string) object { return object{{"StringEquals", object{{key, value}}}} }

// Trust is the trust policy of an account's service role in one Region, as JSON.
func Trust(a Account) string {
	text, err := policy(trust(Wants{Account: a})).text()
	if err != nil {
		return "" // texts always marshal
	}
	return text
}

// trust lets Bedrock take the role on for jobs of this account and Region alone: without the conditions any account's
// job could (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func trust(w Wants) object {
	return object{
		{"Sid", trustSid(w.Account.Region)},
		{"Effect", "Allow"},
		{"Principal", object{{"Service", bedrockService}}},
		{"Action", []string{"sts:AssumeRole"}},
		{"Condition", append(equals("aws:SourceAccount", w.Account.ID), member{"ArnEquals", object{{"aws:SourceArn", w.jobARNs()}}})},
	}
}

func trustSid(region string) string { return "Quarry" + camel(region) }

// jobARNs stands for every job of the account in the Region.
func (w Wants) jobARNs() string {
	return "arn:" + w.Account.Partition + ":bedrock:" + w.Account.Region + ":" + w.Account.ID + ":model-invocation-job/*"
}

// roleStatements are what a job may do: read and write the bucket, and call the model through its profile in every Region
// the profile leads to (same page). AWS's page asks for the three S3 actions on the bucket and on its objects.
func roleStatements(w Wants) []object {
	out := []object{
		allow("Bucket", []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket"}, []string{w.bucketARN(), w.bucketARN() + "/*"}).
			with("Condition", equals("aws:ResourceAccount", w.Account.ID)),
		allow(modelSid(w.Model), []string{"bedrock:InvokeModel"}, modelResources(w)),
	}
	if w.KMSKey != "" {
		out = append(out, key(w))
	}
	return out
}

func key(w Wants) object {
	return allow("Key", []string{"kms:Decrypt", "kms:GenerateDataKey"},
		[]string{w.KMSKey}).with("Condition", equals("kms:ViaService", w.viaS3()))
}

// tlsOnly refuses requests that anybody could read on the way.
func tlsOnly(w Wants) object {
	return object{
		{"Sid", tlsSid},
		{"Effect", "Deny"},
		{"Principal", "*"},
		{"Action", []string{"s3:*"}},
		{"Resource", []string{w.bucketARN(), w.bucketARN() + "/*"}},
		{"Condition", object{{"Bool", object{{"aws:SecureTransport", "false"}}}}},
	}
}
