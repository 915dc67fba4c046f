package preflight_test

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"quarry/internal/aws/preflight"
)

var (
	putPolicy = regexp.MustCompile(`aws iam put-role-policy --role-name (\S+) --policy-name (\S+) --policy-document '([^']+)'`)
	setTrust  = regexp.MustCompile(`aws iam update-assume-role-policy --role-name (\S+) --policy-document '([^']+)'`)
)

// follow does to IAM what the fixes say, as an administrator.
func (w *world) follow(admin *iam.Client, faults []preflight.Check) {
	w.t.Helper()
	for _, f := range faults {
		if m := putPolicy.FindStringSubmatch(f.Fix); m != nil {
			_, err := admin.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &m[1], PolicyName: &m[2], PolicyDocument: &m[3]})
			w.must(err)
			continue
		}
		m := setTrust.FindStringSubmatch(f.Fix)
		if m == nil {
			w.t.Fatalf("no command in the fix of %+v", f)
		}
		_, err := admin.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &m[1], PolicyDocument: &m[2]})
		w.must(err)
	}
}

// A caller that types what the fixes say, each as it is, is done: no fix undoes another.
func TestFixesRemoveTheFaultsTheyAreFor(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*world){
		"a role with no right and a wrong trust": func(w *world) {
			w.rights(`{"Effect":"Allow","Action":"s3:GetObjectTagging","Resource":"*"}`)
			w.setTrust(trust("lambda", account, "ArnEquals", "us-west-2"))
		},
		"a role with no right to a global profile": func(w *world) {
			w.pre.Model = "global." + haiku
			w.rights(without("bedrock:InvokeModel")...)
		},
		"a bucket with a key": func(w *world) { w.encrypt(key) },
		"a caller who may look only": func(w *world) {
			w.callerWithout("iam:PassRole", "bedrock:CreateModelInvocationJob", "bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob", "s3:PutObject", "s3:GetObject")
		},
		"a caller who may not look": func(w *world) {
			w.callerWithout("bedrock:ListModelInvocationJobs", "bedrock:GetFoundationModel", "bedrock:GetInferenceProfile", "bedrock:GetFoundationModelAvailability",
				"iam:SimulatePrincipalPolicy", "s3:ListBucket", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration", "servicequotas:ListServiceQuotas")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			admin := w.iam
			breaks(w)
			found := w.run()
			for range 3 { // a right to look lets the next thing be seen
				todo := found.Faults()
				for _, c := range found.Unknown() {
					if putPolicy.MatchString(c.Fix) {
						todo = append(todo, c)
					}
				}
				if len(todo) == 0 {
					break
				}
				w.follow(admin, todo)
				found = w.run()
			}
			for _, c := range append(found.Faults(), found.Unknown()...) {
				if c.Name != "kms-key" { // which no one can tell
					t.Errorf("after all fixes: %+v", c)
				}
			}
		})
	}
}

// A user's fix names the user, one of IAM Identity Center its permission set.
func TestAFixNamesWhomItIsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.callerWithout("iam:PassRole", "iam:SimulatePrincipalPolicy")
	for caller, want := range map[string]string{
		"arn:aws:iam::123456789012:user/path/ann":                                  "aws iam put-user-policy --user-name ann --policy-name quarry-iam-SimulatePrincipalPolicy",
		"arn:aws:sts::123456789012:assumed-role/engineer/ann":                      "aws iam put-role-policy --role-name engineer ",
		"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_0123456789/ann": "permission set in IAM Identity Center",
	} {
		w.pre.Caller = caller
		seen := false
		for _, c := range w.run().Unknown() {
			seen = seen || c.Name == "role-s3" && regexp.MustCompile(regexp.QuoteMeta(want)).MatchString(c.Fix)
		}
		if !seen {
			t.Errorf("no fix for %s says %q", caller, want)
		}
	}
	w.cfg.Credentials = credentials.NewStaticCredentialsProvider("none", "none", "")
	w.pre.Caller = "arn:aws:iam::" + account + ":root"
	for _, c := range w.run().Checks {
		if c.Name == "caller" && c.Status != preflight.OK {
			t.Errorf("the root user: %s", c.Message)
		}
	}
}
