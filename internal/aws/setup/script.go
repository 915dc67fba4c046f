package setup

import (
	"fmt"
	"strings"
)

// script is setup as commands of the AWS CLI. What replaces a whole setting is done only where there is none, since
// another's may be there.
func script(w Wants, remark string) (string, error) {
	d := policies(w)
	name, path := w.roleName()
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	b.WriteString(comment("Bucket, service role and caller's policy for Quarry. Safe to repeat.", remark))
	fmt.Fprintf(&b, "set -eu\nexport AWS_DEFAULT_REGION=%s AWS_REGION=%[1]s AWS_PAGER=''\nbucket=%s\nrole=%s\naccount=%s\n\n",
		w.Account.Region, w.Bucket, name, w.Account.ID)

	b.WriteString(comment("The bucket, without public access."))
	location := ` --create-bucket-configuration "LocationConstraint=` + w.Account.Region + `"`
	if w.Account.Region == "us-east-1" { // the one Region that must not be named
		location = ""
	}
	b.WriteString("aws s3api head-bucket --bucket \"$bucket\" --expected-bucket-owner \"$account\" >/dev/null 2>&1 ||\n  aws s3api create-bucket --bucket \"$bucket\"" + location + " >/dev/null\n")
	b.WriteString("aws s3api put-public-access-block --bucket \"$bucket\" --expected-bucket-owner \"$account\" --public-access-block-configuration \\\n" +
		"  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true\n\n")

	b.WriteString(comment("A bucket has one policy and one list of lifecycle rules. If it has one already, add these by hand,",
		"or let `quarry setup` merge them."))
	if err := unlessThere(&b, "get-bucket-policy", "put-bucket-policy", "--policy", "a policy", d.Bucket); err != nil {
		return "", err
	}
	if err := unlessThere(&b, "get-bucket-lifecycle-configuration", "put-bucket-lifecycle-configuration", "--lifecycle-configuration",
		"lifecycle rules", lifecycle(w)); err != nil {
		return "", err
	}
	if w.KMSKey != "" {
		b.WriteString("\n" + comment("New objects are encrypted with the key."))
		rule := object{{"Rules", []object{
			{{"ApplyServerSideEncryptionByDefault", object{{"SSEAlgorithm", "aws:kms"}, {"KMSMasterKeyID", w.KMSKey}}}, {"BucketKeyEnabled", true}},
		}}}
		if err := command(&b,
			`aws s3api put-bucket-encryption --bucket "$bucket" --expected-bucket-owner "$account" --server-side-encryption-configuration`, "",
			rule); err != nil {
			return "", err
		}
	}

	b.WriteString("\n" + comment("The service role: who may assume it, and what a job may do."))
	create := `aws iam create-role --role-name "$role" --description "Lets Amazon Bedrock run Quarry's batch inference jobs"`
	if path != "/" {
		create += " --path '" + path + "'"
	}
	b.WriteString("if ! aws iam get-role --role-name \"$role\" >/dev/null 2>&1; then\n")
	if err := command(&b, create+" --assume-role-policy-document", ">/dev/null", d.Trust); err != nil {
		return "", err
	}
	b.WriteString("else\n  echo \"role $role is there: its trust policy is left as it is\" >&2\nfi\n")
	if err := command(&b, `aws iam put-role-policy --role-name "$role" --policy-name `+RolePolicyName(w.Account.Region)+` --policy-document`,
		"", d.Role); err != nil {
		return "", err
	}

	b.WriteString("\n" + comment("The caller's policy; attach it to the users and roles that run quarry:",
		"aws iam attach-user-policy --user-name NAME --policy-arn "+w.callerARN()))
	fmt.Fprintf(&b, "if ! aws iam get-policy --policy-arn %s >/dev/null 2>&1; then\n", w.callerARN())
	if err := command(&b, "aws iam create-policy --policy-name "+CallerPolicyName+" --policy-document", ">/dev/null", d.Caller); err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "else\n  echo \"policy %s is there and is left as it is\" >&2\nfi\n", CallerPolicyName)
	return b.String(), nil
}

func (w Wants) callerARN() string {
	return "arn:" + w.Account.Partition + ":iam::" + w.Account.ID + ":policy/" + CallerPolicyName
}

// unlessThere writes a command that runs only where the first one finds nothing.
func unlessThere(b *strings.Builder, get, put, flag, what string, doc object) error {
	on := ` --bucket "$bucket" --expected-bucket-owner "$account"`
	fmt.Fprintf(b, "if aws s3api %s%s >/dev/null 2>&1; then\n  echo \"bucket $bucket has %s: left as it is\" >&2\nelse\n", get, on, what)
	if err := command(b, "aws s3api "+put+on+" "+flag, "", doc); err != nil {
		return err
	}
	b.WriteString("fi\n")
	return nil
}

// command writes one whose last argument is a document. The quoted here-document leaves $ and ` alone.
func command(b *strings.Builder, line, after string, doc object) error {
	text, err := doc.text()
	if err != nil {
		return err
	}
	if after != "" {
		after = " " + after
	}
	fmt.Fprintf(b, "%s \"$(cat <<'JSON'\n%s\nJSON\n)\"%s\n", line, text, after)
	return nil
}

// lifecycle are the rules as S3's API has them.
func lifecycle(w Wants) object {
	var rules []object
	for _, e := range w.rules() {
		rule := object{{"ID", e.ID}, {"Status", "Enabled"}, {"Filter", object{{"Prefix", e.Prefix}}}}
		if e.Days > 0 {
			rule = append(rule, member{"Expiration", object{{"Days", int(e.Days)}}},
				member{"NoncurrentVersionExpiration", object{{"NoncurrentDays", 1}}})
		}
		rules = append(rules, append(rule, member{"AbortIncompleteMultipartUpload", object{{"DaysAfterInitiation", int(e.AbortDays)}}}))
	}
	return object{{"Rules", rules}}
}
