package setup

import (
	"encoding/json"
	"fmt"
	"strings"
)

// cloudFormation is setup as a template in YAML.
func cloudFormation(w Wants, remark string) string {
	d := policies(w)
	name, path := w.roleName()
	var rules []object
	for _, e := range w.rules() {
		rule := object{{"Id", e.ID}, {"Status", "Enabled"}, {"Prefix", e.Prefix}}
		if e.Days > 0 {
			rule = append(rule, member{"ExpirationInDays", int(e.Days)}, member{"NoncurrentVersionExpiration", object{{"NoncurrentDays", 1}}})
		}
		rules = append(rules, append(rule, member{"AbortIncompleteMultipartUpload", object{{"DaysAfterInitiation", int(e.AbortDays)}}}))
	}
	bucket := object{
		{"BucketName", w.Bucket},
		{
			"PublicAccessBlockConfiguration",
			object{{"BlockPublicAcls", true}, {"IgnorePublicAcls", true}, {"BlockPublicPolicy", true}, {"RestrictPublicBuckets", true}},
		},
		{"LifecycleConfiguration", object{{"Rules", rules}}},
	}
	if w.KMSKey != "" {
		bucket = append(bucket, member{"BucketEncryption", object{{"ServerSideEncryptionConfiguration", []object{{
			{"BucketKeyEnabled", true}, {"ServerSideEncryptionByDefault", object{{"SSEAlgorithm", "aws:kms"}, {"KMSMasterKeyID", w.KMSKey}}},
		}}}}})
	}
	attribute := func(of string) object { return object{{"Fn::GetAtt", []string{of, "Arn"}}} }
	reference := func(to string) object { return object{{"Ref", to}} }
	template := object{
		{"AWSTemplateFormatVersion", "2010-09-09"},
		{"Description", "Bucket, service role and caller's policy for Quarry"},
		{"Resources", object{
			{"Bucket", object{
				{"Type", "AWS::S3::Bucket"},
				{"DeletionPolicy", "Retain"},
				{"UpdateReplacePolicy", "Retain"},
				{"Properties", bucket},
			}},
			{
				"BucketPolicy",
				object{{"Type", "AWS::S3::BucketPolicy"}, {"Properties", object{{"Bucket", reference("Bucket")}, {"PolicyDocument", d.Bucket}}}},
			},
			{"Role", object{{"Type", "AWS::IAM::Role"}, {"Properties", object{
				{"RoleName", name},
				{"Path", path},
				{"Description", "Lets Amazon Bedrock run Quarry's batch inference jobs"},
				{"AssumeRolePolicyDocument", d.Trust},
				{"Policies", []object{{{"PolicyName", RolePolicyName(w.Account.Region)}, {"PolicyDocument", d.Role}}}},
			}}}},
			{"CallerPolicy", object{{"Type", "AWS::IAM::ManagedPolicy"}, {"Properties", object{
				{"ManagedPolicyName", CallerPolicyName},
				{"Description", "For the users and roles that run quarry"},
				{"PolicyDocument", d.Caller},
			}}}},
		}},
		{"Outputs", object{
			{"RoleArn", object{{"Value", attribute("Role")}}},
			{"CallerPolicyArn", object{{"Value", reference("CallerPolicy")}}},
		}},
	}
	head := comment("To be deployed in "+w.Account.Region+" of account "+w.Account.ID+", with --capabilities CAPABILITY_NAMED_IAM.", remark)
	return head + strings.TrimPrefix(yaml(template, ""), "\n")
}

// yaml writes a value in block style, every text quoted: a Version is no date, and a colon no mapping.
func yaml(v any, indent string) string {
	switch v := v.(type) {
	case object:
		var b strings.Builder
		for _, m := range v {
			b.WriteString("\n" + indent + yamlKey(m.Key) + ":" + yaml(m.Value, indent+"  "))
			if indent == "" {
				b.WriteString("\n")
			}
		}
		return b.String()
	case []object:
		var b strings.Builder
		for _, one := range v {
			lines := strings.TrimPrefix(yaml(one, indent+"  "), "\n"+indent+"  ")
			b.WriteString("\n" + indent + "- " + lines)
		}
		return b.String()
	case []string:
		var b strings.Builder
		for _, one := range v {
			b.WriteString("\n" + indent + "- " + quoted(one))
		}
		return b.String()
	case string:
		return " " + quoted(v)
	}
	return " " + fmt.Sprint(v)
}

// quoted is JSON's notation of a text, which is YAML's too.
func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(text)
}

func yamlKey(key string) string {
	if strings.ContainsRune(key, ':') {
		return quoted(key)
	}
	return key
}
