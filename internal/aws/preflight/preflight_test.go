package preflight_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/preflight"
	"quarry/internal/base/catalog"
)

const (
	key    = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
	farKey = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
)

func TestNothingIsAlarmedAboutWhereAJobSucceeds(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"as set up":           func(*world) {},
		"asked by a role":     func(w *world) { w.callerWithout("iam:CreateUser") },
		"by on-demand calls":  func(w *world) { w.pre.Calls = true },
		"with a run begun":    func(w *world) { w.pre.Run, w.pre.Begun = "abcdefghij", true; w.put("quarry/abcdefghij/run.json") },
		"with a key of AWS's": func(w *world) { w.encrypt("") },
		"with a TLS-only bucket": func(w *world) {
			w.bucketPolicy(`{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::good-bucket","arn:aws:s3:::good-bucket/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			change(w)
			found := w.run()
			if !found.OK || found.Err() != nil || len(found.Unknown()) > 0 {
				t.Errorf("Run = %v, unknown %+v", found.Err(), found.Unknown())
			}
			for _, c := range found.Checks {
				if c.Name == "" || c.Subject == "" || c.Message == "" || c.Fix != "" {
					t.Errorf("check %+v", c)
				}
			}
		})
	}
}

func (w *world) put(object string) {
	w.t.Helper()
	w.must(bucket.New(w.cfg, "good-bucket").Put(w.t.Context(), object, strings.NewReader("old")))
}

func (w *world) encrypt(with string) {
	w.t.Helper()
	rule := types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms}
	if with != "" {
		rule.KMSMasterKeyID = &with
	}
	_, err := w.s3.PutBucketEncryption(w.t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String("good-bucket"), ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &rule}}},
	})
	w.must(err)
}

func (w *world) bucketPolicy(statement string) {
	w.t.Helper()
	_, err := w.s3.PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("good-bucket"), Policy: aws.String(policy(statement))})
	w.must(err)
}

func (w *world) bounded() {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(name), PolicyName: aws.String("all")})
	w.must(err)
	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(name)})
	w.must(err)
	_, err = w.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust("bedrock", account, "ArnEquals", "us-west-2")), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/AmazonS3FullAccess"),
	})
	w.must(err)
	w.rights(everything...)
}

// Each case breaks one thing of a right set-up, and says which check has to tell it in which words.
func TestEachFaultIsReportedWithItsFix(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, test := range []struct {
		name         string
		breaks       func(*world)
		check        string
		status       preflight.Status
		kind         quarry.ErrorKind
		message, fix string
	}{
		{"the role is not there", func(w *world) { w.pre.Role += "x" }, "role", "fault", quarry.Denied, "role/quarry-batchx does not exist", "quarry setup --target aws --region us-west-2 --bucket good-bucket --role arn:aws:iam::123456789012:role/quarry-batchx"},
		{"the role's path is left out", func(w *world) { w.pre.Role = "arn:aws:iam::123456789012:role/path/quarry-batch" }, "role", "fault", quarry.Denied, "arn:aws:iam::123456789012:role/quarry-batch does", "--role arn:aws:iam::123456789012:role/quarry-batch"},
		{"the role's name is no ARN of a role", func(w *world) { w.pre.Role = "arn:aws:iam::123456789012:user/x" }, "role-arn", "fault", quarry.BadUsage, "does not match Bedrock's pattern", "--role"},
		{"the role is another account's", func(w *world) { w.pre.Role = "arn:aws:iam::999999999999:role/x" }, "role-arn", "fault", quarry.BadUsage, "belongs to another account", "--profile"},
		{"the trust names another service", func(w *world) { w.setTrust(trust("lambda", account, "ArnEquals", "us-west-2")) }, "role-trust", "fault", quarry.Denied, "it does not name bedrock.amazonaws.com as a principal", "aws iam update-assume-role-policy --role-name quarry-batch"},
		{"the trust is for another account", func(w *world) { w.setTrust(trust("bedrock", "999999999999", "ArnEquals", "us-west-2")) }, "role-trust", "fault", quarry.Denied, "wants 999999999999, a job has 123456789012", `"aws:SourceAccount":"123456789012"`},
		{"the trust is for another Region", func(w *world) { w.setTrust(trust("bedrock", account, "ArnEquals", "eu-west-1")) }, "role-trust", "fault", quarry.Denied, "arn:aws:bedrock:eu-west-1:123456789012:model-invocation-job/*", "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"},
		{"the trust compares a wildcard letter by letter", func(w *world) {
			w.setTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"}}}]}`)
		}, "role-trust", "fault", quarry.Denied, "condition StringEquals on aws:SourceArn", "ArnEquals"},
		{"the trust depends on what a job may not have", func(w *world) {
			w.setTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceOrgID":"o-1"}}}]}`)
		}, "role-trust", "unknown", 0, "aws:SourceOrgID", "update-assume-role-policy"},
		{"the trust is open to all accounts", func(w *world) {
			w.setTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
		}, "role-trust", "ok", 0, "jobs of any account can assume it too", "aws:SourceAccount"},
		{"the role lacks GetObject", func(w *world) { w.rights(without("s3:GetObject")...) }, "role-s3", "fault", quarry.Denied, "may not s3:GetObject", `"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::good-bucket/*"]`},
		{"the role lacks PutObject", func(w *world) { w.rights(without("s3:PutObject")...) }, "role-s3", "fault", quarry.Denied, "a job cannot write its output", `"Action":["s3:PutObject"]`},
		{"the role lacks ListBucket", func(w *world) { w.rights(without("s3:ListBucket")...) }, "role-s3", "fault", quarry.Denied, "may not s3:ListBucket on arn:aws:s3:::good-bucket", `"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::good-bucket"]`},
		{"the role lacks the profile", func(w *world) { w.rights(without(`inference-profile/us.` + haiku + `"}`)...) }, "role-model", "fault", quarry.Denied, "may not bedrock:InvokeModel on arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.", "aws iam put-role-policy"},
		{"the role lacks one Region that the profile leads to", func(w *world) { w.rights(without("us-east-2::foundation-model")...) }, "role-model", "fault", quarry.Denied, "arn:aws:bedrock:us-east-2::foundation-model/" + haiku, `"Resource":["arn:aws:bedrock:us-east-2::foundation-model/` + haiku + `"]`},
		{"the role lacks the third grant of a global profile", func(w *world) {
			w.pre.Model = "global." + haiku
			w.rights(append(everything, `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-west-2:123456789012:inference-profile/global.`+haiku+`"}`)...)
		}, "role-model", "fault", quarry.Denied, "on arn:aws:bedrock:::foundation-model/" + haiku, `"Resource":["arn:aws:bedrock:::foundation-model/`},
		{"a policy of the role denies", func(w *world) {
			w.rights(append(everything, `{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}`)...)
		}, "role-s3", "fault", quarry.Denied, "a policy denies it", "out of the Deny"},
		{"the role's boundary is too tight", (*world).bounded, "role-model", "fault", quarry.Denied, "permissions boundary does not allow it", "administrator"},
		{"a right depends on what is not known before", func(w *world) {
			w.rights(append(without("s3:PutObject"), `{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::good-bucket/*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}`)...)
		}, "role-s3", "unknown", 0, "aws:SourceVpce", "conditions"},
		{"the bucket's key is not the role's to use", func(w *world) { w.encrypt(key) }, "role-kms", "fault", quarry.Denied, "does not name KMS", `"kms:ViaService":"s3.us-west-2.amazonaws.com"`},
		{"the key of the output is not the role's to use", func(w *world) { w.pre.KMSKey = key }, "role-kms", "fault", quarry.Denied, "may not kms:Decrypt on " + key, `"Action":["kms:Decrypt"]`},
		{"the key is in another Region", func(w *world) { w.pre.KMSKey = farKey }, "kms-key", "fault", quarry.BadUsage, "is in eu-west-1, the bucket and the jobs are in us-west-2", "--kms-key"},
		{"the key is named by an alias", func(w *world) { w.pre.KMSKey = "alias/mine" }, "kms-key", "unknown", 0, "an alias does not say", "aws kms describe-key --key-id alias/mine"},
		{"the key's name is none", func(w *world) { w.pre.KMSKey = "my key" }, "kms-key-name", "fault", quarry.BadUsage, "does not match", "--kms-key"},
		{"the bucket is not there", func(w *world) { w.pre.Bucket = "other-bucket"; w.wire() }, "bucket", "fault", quarry.BadUsage, "bucket other-bucket does not exist", "quarry setup --target aws"},
		{"the bucket's name is none", func(w *world) { w.pre.Bucket = "Bad_Bucket"; w.wire() }, "bucket-name", "fault", quarry.BadUsage, "does not match Bedrock's pattern", "--bucket"},
		{"the bucket is in another Region", func(w *world) {
			far := w.cfg.Copy()
			far.Region = "eu-west-1"
			w.must(bucket.New(far, "far-bucket").Make(w.t.Context()))
			w.pre.Bucket = "far-bucket"
			w.wire()
		}, "bucket-region", "fault", quarry.BadUsage, "bucket far-bucket is in eu-west-1, the jobs are in us-west-2", "--region eu-west-1"},
		{"the bucket's policy denies the role", func(w *world) {
			w.bucketPolicy(`{"Sid":"NoBatch","Effect":"Deny","Principal":{"AWS":"` + roleARN + `"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::good-bucket/*"}`)
		}, "bucket-policy", "fault", quarry.Denied, "denies role " + roleARN + " s3:PutObject in statement NoBatch", "get-bucket-policy"},
		{"old files lie in the run's prefix", func(w *world) { w.pre.Run = "abcdefghij"; w.put("quarry/abcdefghij/out/x.jsonl.out") }, "prefix", "fault", quarry.BadUsage, "quarry/abcdefghij/out/x.jsonl.out", "aws s3 rm --recursive s3://good-bucket/quarry/abcdefghij/"},
		{"the caller may not pass the role", func(w *world) { w.callerWithout("iam:PassRole") }, "caller-passrole", "fault", quarry.Denied, "may not iam:PassRole on " + roleARN, `"iam:PassedToService":"bedrock.amazonaws.com"`},
		{"the caller may make no job", func(w *world) { w.callerWithout("bedrock:CreateModelInvocationJob") }, "caller-jobs", "fault", quarry.Denied, "may not bedrock:CreateModelInvocationJob", "model-invocation-job/*"},
		{"the caller may not stop a job", func(w *world) { w.callerWithout("bedrock:StopModelInvocationJob") }, "caller-jobs", "fault", quarry.Denied, "is billed until it ends", "aws iam put-role-policy --role-name engineer"},
		{"the caller may not list jobs", func(w *world) { w.callerWithout("bedrock:ListModelInvocationJobs") }, "slots", "fault", quarry.Denied, "bedrock:ListModelInvocationJobs", `"Resource":["*"]`},
		{"the caller may not write", func(w *world) { w.callerWithout("s3:PutObject") }, "bucket-write", "fault", quarry.Denied, "the caller may not s3:PutObject", `"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::good-bucket/*"]`},
		{"the caller may not keep files of the run", func(w *world) { w.pre.State, w.pre.Calls = true, true; w.callerWithout("s3:PutObject") }, "bucket-state", "fault", quarry.Denied, "the caller may not s3:PutObject", `"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::good-bucket/*"]`},
		{"the caller may keep files of the run", func(w *world) { w.pre.State = true }, "bucket-state", "ok", 0, "wrote an object, read it and removed it", ""},
		{"the caller may not read", func(w *world) { w.callerWithout("s3:GetObject") }, "bucket-write", "fault", quarry.Denied, "the caller may not s3:GetObject", `"Action":["s3:GetObject"]`},
		{"the caller may not remove", func(w *world) { w.callerWithout("s3:DeleteObject") }, "bucket-write", "ok", 0, "without s3:DeleteObject its few bytes stay", ""},
		{"the caller may not look at the bucket", func(w *world) { w.callerWithout("s3:ListBucket") }, "bucket", "fault", quarry.Denied, "s3:ListBucket", `"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::good-bucket"]`},
		{"the caller may not simulate", func(w *world) { w.callerWithout("iam:SimulatePrincipalPolicy") }, "role-s3", "unknown", 0, "the caller may not iam:SimulatePrincipalPolicy", `"Action":["iam:SimulatePrincipalPolicy"]`},
		{"the caller may not see the role", func(w *world) { w.callerWithout("iam:GetRole") }, "role", "unknown", 0, "the caller may not iam:GetRole", `"Action":["iam:GetRole"]`},
		{"the caller may not see the encryption", func(w *world) { w.callerWithout("s3:GetEncryptionConfiguration") }, "bucket-encryption", "unknown", 0, "s3:GetEncryptionConfiguration", "put-role-policy"},
		{"the caller may not see the model", func(w *world) { w.callerWithout("bedrock:GetFoundationModel") }, "model", "unknown", 0, "bedrock:GetFoundationModel", "put-role-policy"},
		{"the caller may not see the profile", func(w *world) { w.callerWithout("bedrock:GetInferenceProfile") }, "profile", "unknown", 0, "bedrock:GetInferenceProfile", "inference-profile/us."},
		{"the caller may not read quotas", func(w *world) { w.callerWithout("servicequotas:ListServiceQuotas") }, "quotas", "unknown", 0, "are used", "servicequotas:ListServiceQuotas"},
		{"on-demand calls without the right to the model", func(w *world) { w.pre.Calls = true; w.callerWithout("bedrock:InvokeModel") }, "caller-model", "fault", quarry.Denied, "may not bedrock:InvokeModel", "put-role-policy"},
		{"the model has come to its end", func(w *world) { w.pre.Model = "anthropic.claude-3-haiku-20240307-v1:0" }, "model", "fault", quarry.BadUsage, "end of life on 2026-09-10", "list-foundation-models"},
		{"the model is legacy", func(w *world) {
			w.pre.Model, w.pre.Region, w.cfg.Region = "meta.llama3-3-70b-instruct-v1:0", "us-east-2", "us-east-2"
			w.pre.Calls = true
			w.wire()
		}, "model", "unknown", 0, "is LEGACY", "before 2027-03-30"},
		{"a role that cannot be", func(w *world) { w.pre.Role = "arn:aws:iam::123456789012:role/x y" }, "role-arn", "fault", quarry.BadUsage, `"x y" is not a role name`, "--role"},
		{"the model is one that Bedrock alone knows, mistyped", func(w *world) {
			w.pre.Model = "acme.brain-11"
			w.services.Models = func(context.Context, string) ([]string, error) { return []string{"acme.brain-1", "other.model"}, nil }
		}, "model", "fault", quarry.BadUsage, "there is no model acme.brain-11", "did you mean acme.brain-1, which Bedrock lists in us-west-2"},
		{"the model is not there, and models may not be listed", func(w *world) {
			w.pre.Model = "acme.brain-11"
			w.callerWithout("bedrock:ListFoundationModels")
		}, "model", "fault", quarry.BadUsage, "there is no model acme.brain-11", "list-foundation-models"},
		{"the model answers with something else", func(w *world) {
			w.services.Model = func(context.Context, string, string) (preflight.Model, error) {
				return preflight.Model{Status: "ACTIVE", Outputs: []string{"EMBEDDING"}}, nil
			}
		}, "model", "fault", quarry.BadUsage, "answers with embedding, not with text", "--by-output-modality TEXT"},
		{"the model needs a profile", func(w *world) { w.pre.Model = haiku }, "model", "fault", quarry.BadUsage, "only through an inference profile", "--model us." + haiku},
		{"the model's name is misspelt", func(w *world) { w.pre.Model = "anthropic.claude-haiku-4-6-20251001-v1:0" }, "model", "fault", quarry.BadUsage, "there is no model", "did you mean --model"},
		{"the model takes no jobs", func(w *world) { w.pre.Model = "us.anthropic.claude-opus-4-1-20250805-v1:0" }, "job-capable", "fault", quarry.BadUsage, "does not support batch inference", "--mode ondemand"},
		{"the profile is another geography's", func(w *world) { w.pre.Model = "eu." + haiku }, "profile", "fault", quarry.BadUsage, "no inference profile eu." + haiku + " in us-west-2", "--model us." + haiku},
		{"the agreement is missing", func(w *world) { w.available(preflight.Availability{Agreement: "NOT_AVAILABLE"}) }, "access", "fault", quarry.Denied, "no agreement", "create-foundation-model-agreement"},
		{"the agreement is pending", func(w *world) { w.available(preflight.Availability{Agreement: "PENDING"}) }, "access", "fault", quarry.Denied, "pending", "wait"},
		{"the account is not authorized", func(w *world) {
			w.available(preflight.Availability{Agreement: "AVAILABLE", Authorization: "NOT_AUTHORIZED"})
		}, "access", "fault", quarry.Denied, "not authorized", "Model access"},
		{"the account is not entitled", func(w *world) {
			w.available(preflight.Availability{Agreement: "AVAILABLE", Entitlement: "NOT_AVAILABLE"})
		}, "access", "fault", quarry.Denied, "no entitlement", "Model access"},
		{"Anthropic's form was never sent", func(w *world) {
			w.available(preflight.Availability{Agreement: "NOT_AVAILABLE"})
			w.services.UseCase = func(context.Context) error { return preflight.ErrAbsent }
		}, "use-case", "fault", quarry.Denied, "has not sent the form", "put-use-case-for-model-access"},
		{"Anthropic's form may be the organization's", func(w *world) { w.services.UseCase = func(context.Context) error { return preflight.ErrAbsent } }, "use-case", "unknown", 0, "management account", "--probe"},
		{"the caller may not see Anthropic's form", func(w *world) { w.callerWithout("bedrock:GetUseCaseForModelAccess") }, "use-case", "unknown", 0, "may not bedrock:GetUseCaseForModelAccess", "put-role-policy"},
		{"a quota is 0", func(w *world) {
			w.services.Quotas = func(context.Context) ([]catalog.QuotaRow, error) {
				m, _, _ := catalog.Find(w.pre.Model)
				rows := m.QuotaRows()
				for i := range rows {
					rows[i].Value, rows[i].Adjustable = 0, true
				}
				return rows, nil
			}
		}, "quotas", "fault", quarry.OverLimit, "is 0 in us-west-2", "request-service-quota-increase --service-code bedrock --quota-code L-"},
		{"no slot is free", func(w *world) { w.busy(100) }, "slots", "fault", quarry.OverLimit, "no slot is free: 100 jobs", "wait until one ends"},
		{"no slot is free for a run, which waits", func(w *world) { w.busy(100); w.pre.Run = "abcdefghij" }, "slots", "ok", 0, "the run waits for a slot", ""},
		{"the model refuses a record's body", func(w *world) {
			w.services.Probe = func(context.Context) error {
				return &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("max_tokens: Field required")}
			}
		}, "body", "fault", quarry.BadUsage, "max_tokens: Field required", "quarry config"},
		{"the probe is not answered", func(w *world) { w.services.Probe = func(context.Context) error { return errors.New("timeout") } }, "body", "unknown", 0, "timeout", "again"},
		{"S3 does not answer", func(w *world) {
			w.services.BucketRegion = func(context.Context) (string, error) { return "", errors.New("timeout") }
		}, "bucket", "unknown", 0, "timeout", "AWS_ENDPOINT_URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.breaks(w)
			found := w.run()
			seen := false
			for _, c := range found.Checks {
				seen = seen || c.Name == test.check && c.Status == test.status && c.Kind == test.kind && strings.Contains(c.Message, test.message) && strings.Contains(c.Fix, test.fix)
				if c.Status != preflight.OK && c.Fix == "" {
					t.Errorf("no fix in %+v", c)
				}
			}
			if !strings.Contains(page, "`"+test.check+"`") {
				t.Errorf("docs/aws.md does not know %s", test.check)
			}
			if !seen || found.OK == (test.status == preflight.Fault) {
				text, _ := json.MarshalIndent(append(found.Faults(), found.Unknown()...), "", " ")
				t.Errorf("no check %s with status %s, kind %v, message %q and fix %q in\n%s", test.check, test.status, test.kind, test.message, test.fix, text)
			}
			var q *quarry.Error
			if err := found.Err(); test.status == preflight.Fault && (!errors.As(err, &q) || !strings.Contains(err.Error(), test.message)) {
				t.Errorf("Err = %v", err)
			}
		})
	}
}

func (w *world) available(a preflight.Availability) {
	w.services.Availability = func(context.Context, string) (preflight.Availability, error) { return a, nil }
}

func (w *world) busy(n int) {
	w.services.OpenJobs = func(context.Context) ([]string, error) {
		var models []string
		for range n {
			models = append(models, w.pre.Model)
		}
		return models, nil
	}
}

func TestAFaultOfRightsDecidesTheKind(t *testing.T) {
	t.Parallel()
	r := preflight.Of(
		preflight.Check{Name: "a", Status: preflight.Fault, Kind: quarry.OverLimit},
		preflight.Check{Name: "b", Status: preflight.Unknown},
		preflight.Check{Name: "c", Status: preflight.Fault, Kind: quarry.Denied},
	)
	var q *quarry.Error
	if !errors.As(r.Err(), &q) || q.Kind != quarry.Denied || r.OK {
		t.Errorf("Err = %v", r.Err())
	}
	if err := preflight.Of(r.Checks[1]).Err(); err != nil {
		t.Errorf("Err of what is unknown = %v, want nil", err)
	}
}
