package setup_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"quarry"
	"quarry/internal/aws/setup"
)

const ours = "quarry-batch-us-west-2"

const trustHead = `{"Version":"2012-10-17","Statement":[`

func TestDamagedRoleIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	trust, rights := w.trust(), w.rights(ours)
	bedrock := `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"%s}`
	guarded := func(account string) string {
		return `,"Condition":{"StringEquals":{"aws:SourceAccount":"` + account + `"}}`
	}
	one := func(extra string) string { return strings.Replace(bedrock, "%s", extra, 1) }
	lambda := `{"Sid":"Theirs","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`
	for _, tt := range []struct {
		name          string
		trust, rights string   // what someone left there; empty: as setup made it
		done          []string // parts of the lines, in order
		kept, gone    string   // of both policies together
		note          string
	}{
		{
			name: "trust without conditions lets in every account", trust: trustHead + one("") + `]}`,
			done: []string{"dropped bedrock.amazonaws.com from statement number 1", "added statement QuarryUsWest2"},
		},
		{
			name: "trust for another account", trust: trustHead + one(guarded("999999999999")) + `]}`,
			done: []string{"dropped bedrock.amazonaws.com", "added statement QuarryUsWest2"}, gone: "999999999999",
		},
		{
			name:  "an open trust shared with another service",
			trust: trustHead + `{"Sid":"Both","Effect":"Allow","Principal":{"Service":["bedrock.amazonaws.com","glue.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`,
			done:  []string{"dropped bedrock.amazonaws.com from statement Both", "added statement QuarryUsWest2"}, kept: "glue.amazonaws.com",
		},
		{
			name: "a trust of this account with other conditions is no hole", trust: trustHead + one(guarded(account)) + `]}`,
			done: []string{"added statement QuarryUsWest2"}, kept: `"aws:SourceAccount":"123456789012"`,
		},
		{
			name: "another service alone", trust: trustHead + lambda + `]}`,
			done: []string{"added statement QuarryUsWest2"}, kept: "lambda.amazonaws.com", note: "statement Theirs of the trust policy of role quarry-batch is not from setup and is kept",
		},
		{
			name:  "a policy denies Bedrock access",
			trust: strings.Replace(squeeze(t, trust), `"Statement":[`, `"Statement":[{"Sid":"No","Effect":"Deny","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"},`, 1),
			kept:  `"Deny"`, note: "statement No of the trust policy of role quarry-batch denies Bedrock access",
		},
		{
			name: "our statement lost its condition", trust: trustHead + strings.Replace(one(""), `{"Effect"`, `{"Sid":"QuarryUsWest2","Effect"`, 1) + `]}`,
			done: []string{"restored statement QuarryUsWest2 of the trust policy of role quarry-batch: + Condition ArnEquals aws:sourcearn arn:aws:bedrock:us-west-2"},
		},
		{
			name: "one statement that is no list", trust: `{"Version":"2012-10-17","Statement":` + lambda + `}`,
			done: []string{"added statement QuarryUsWest2"}, kept: "lambda.amazonaws.com", note: "Theirs",
		},
		{
			name: "the same trust in another notation", trust: strings.NewReplacer(`["sts:AssumeRole"]`, `"sts:AssumeRole"`, "aws:SourceAccount", "AWS:sourceaccount").Replace(squeeze(t, trust)),
		},
		{
			name: "ListBucket is missing", rights: strings.Replace(squeeze(t, rights), `,"s3:ListBucket"`, "", 1),
			done: []string{"restored statement Bucket of policy quarry-batch-us-west-2 of role quarry-batch: + Action s3:ListBucket"},
		},
		{
			name: "the rights of one Region are missing", rights: strings.Replace(squeeze(t, rights), `,"arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"`, "", 1),
			done: []string{"+ Resource arn:aws:bedrock:us-east-2::foundation-model/"},
		},
		{
			name: "a right too many", rights: strings.Replace(squeeze(t, rights), `"s3:ListBucket"`, `"s3:ListBucket","s3:DeleteObject"`, 1),
			done: []string{"- Action s3:DeleteObject"}, gone: "s3:DeleteObject",
		},
		{
			name: "a statement too many", rights: strings.Replace(squeeze(t, rights), `"Statement":[`, `"Statement":[{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"},`, 1),
			done: []string{"dropped statement All of policy quarry-batch-us-west-2 of role quarry-batch: Allow * on *"}, gone: `"All"`,
		},
		{
			name: "a wide statement under a model's name", rights: strings.Replace(squeeze(t, rights), `"Statement":[`, `"Statement":[{"Sid":"ModelAll","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/*"},`, 1),
			done: []string{"dropped statement ModelAll"}, gone: "ModelAll",
		},
		{
			name:   "another model of ours",
			rights: strings.Replace(squeeze(t, rights), `"Statement":[`, `"Statement":[{"Sid":"ModelNova","Effect":"Allow","Action":["bedrock:InvokeModel"],"Resource":["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"]},`, 1),
			kept:   "amazon.nova-lite-v1:0",
		},
		{
			name: "a key that is not used any more", rights: strings.Replace(squeeze(t, rights), `"Statement":[`, `"Statement":[{"Sid":"Key","Effect":"Allow","Action":["kms:Decrypt"],"Resource":["`+keyARN+`"]},`, 1),
			done: []string{"dropped statement Key"}, gone: "kms:Decrypt",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := *w // the account is one: these run one after another
			w.t = t
			w.setTrust(trust)
			w.setRights(ours, rights)
			if tt.trust != "" {
				w.setTrust(tt.trust)
			}
			if tt.rights != "" {
				w.setRights(ours, tt.rights)
			}
			done, notes := w.apply()
			if len(done) != len(tt.done) {
				t.Fatalf("did %q, want %d lines", done, len(tt.done))
			}
			for i, part := range tt.done {
				if !strings.Contains(done[i], part) {
					t.Errorf("line %q does not say %q", done[i], part)
				}
			}
			if tt.note != "" && !contains(notes, tt.note) || tt.note == "" && len(notes) > 0 {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			now := w.trust() + w.rights(ours)
			if !strings.Contains(squeezeAll(now), tt.kept) {
				t.Errorf("%s is gone from %s", tt.kept, now)
			}
			if tt.gone != "" && strings.Contains(now, tt.gone) {
				t.Errorf("%s is still in %s", tt.gone, now)
			}
		})
	}
}

func squeeze(t *testing.T, text string) string {
	t.Helper()
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	return squeezeAll(text)
}

// squeezeAll takes out white space; no name in these policies has any.
func squeezeAll(text string) string { return strings.Join(strings.Fields(text), "") }

func TestPoliciesOfOthersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	theirs := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::theirs/*"}]}`
	w.setRights("theirs", theirs)
	managed := aws.String("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	_, attach := w.iam.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyArn: managed})
	w.setRights(ours, theirs) // and ours is wrecked
	if done, _ := w.apply(); len(done) != 3 || !strings.Contains(done[0], "dropped statement number 1") {
		t.Errorf("did %q, want the stray statement dropped and two added", done)
	}
	if got := w.rights("theirs"); got != theirs {
		t.Errorf("their policy is %s now", got)
	}
	if attach != nil {
		return // the stand-in knows few managed policies
	}
	out, err := w.iam.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("quarry-batch")})
	if err != nil || len(out.AttachedPolicies) != 1 {
		t.Errorf("attached policies are %v, %v", out, err)
	}
}

func TestOneRoleServesRegionsAndModels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	first := w.rights(ours)

	there := *w
	there.want.Account.Region, there.want.Bucket = "eu-west-1", "quarry-123456789012-eu-west-1"
	there.want.Model = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
	there.cfg.Region = "eu-west-1"
	done, notes := there.apply()
	if !contains(done, "added statement QuarryEuWest1 to the trust policy") || contains(done, "dropped") || contains(done, "created role") || len(notes) > 0 {
		t.Errorf("second Region: did %q, notes %q", done, notes)
	}
	if w.rights(ours) != first {
		t.Error("the second Region changed the rights of the first")
	}
	if p := w.look(); len(p.Changes) > 0 {
		t.Errorf("after the second Region the first wants %v", p.Lines())
	}

	other := *w
	other.want.Model = "us.amazon.nova-lite-v1:0"
	if done, _ := other.apply(); len(done) != 1 || !strings.Contains(done[0], "added statement ModelUsAmazonNovaLiteV10") {
		t.Errorf("second model: did %q, want one statement more", done)
	}
	if p := w.look(); len(p.Changes) > 0 {
		t.Errorf("after the second model the first wants %v", p.Lines())
	}
}

func TestRoleOfAnotherPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want.Role = "arn:aws:iam::123456789012:role/team/quarry-batch"
	w.apply()
	out, err := w.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("quarry-batch")})
	if err != nil || aws.ToString(out.Role.Arn) != w.want.Role {
		t.Fatalf("made %v, %v, want %s", out, err, w.want.Role)
	}
	// Asked for by its name alone it would be another role, and jobs would be refused.
	w.want.Role = "quarry-batch"
	_, err = setup.Look(t.Context(), w.cfg, calls(w.cfg, w.want.Bucket), w.want)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "--role arn:aws:iam::123456789012:role/team/quarry-batch") {
		t.Errorf("Look = %v, want a fault of use whose hint names the role's ARN", err)
	}
}

func TestEnsureRoleMakesTheRoleAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed, err := setup.EnsureRole(t.Context(), w.cfg, "quarry-batch", w.want)
	if err != nil || !contains(changed, "created role quarry-batch") || contains(changed, "bucket policy") {
		t.Errorf("EnsureRole = %q, %v", changed, err)
	}
	if changed, err = setup.EnsureRole(t.Context(), w.cfg, "quarry-batch", w.want); err != nil || len(changed) != 0 {
		t.Errorf("EnsureRole again = %q, %v, want nothing", changed, err)
	}
}

// IAM takes no two statements of one name; what holds anyway costs nothing.
func TestAnotherOpenTrustStatementIsRemoved(t *testing.T) {
	t.Parallel()
	ours := setup.Trust(wants().Account)
	open := `{"Sid":"QuarryUsWest2","Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}`
	both := strings.TrimSuffix(squeeze(t, ours), `]}`) + "," + open + `]}`
	completed, lines, err := setup.CompleteTrust(both, wants())
	if err != nil || len(lines) != 1 || strings.Contains(completed, open) {
		t.Errorf("CompleteTrust = %s, %q, %v, want the open statement dropped", completed, lines, err)
	}
}
