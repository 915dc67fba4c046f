package standin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

const (
	bedrockTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnEquals":{"aws:SourceArn":"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"}}}]}`
	userTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`
)

// code is the error's name on the wire, or empty.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return "no API error: " + err.Error()
	}
	return ""
}

func want(t *testing.T, what string, err error, wantCode string) {
	t.Helper()
	if got := code(err); got != wantCode {
		t.Errorf("%s: error code %q, want %q (%v)", what, got, wantCode, err)
	}
}

func TestARoleLivesThroughIAM(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	ctx, name := t.Context(), aws.String("quarry-batch")
	created, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, AssumeRolePolicyDocument: aws.String(bedrockTrust), Description: aws.String("a role"),
		Tags: []iamtypes.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("a"), Value: aws.String("1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := *created.Role.Arn; got != "arn:aws:iam::123456789012:role/quarry-batch" {
		t.Errorf("ARN = %s", got)
	}
	_, err = c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("QUARRY-BATCH"), AssumeRolePolicyDocument: aws.String(bedrockTrust)})
	want(t, "create twice, in other letters", err, "EntityAlreadyExists")
	_, err = c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("a/b"), AssumeRolePolicyDocument: aws.String(bedrockTrust)})
	want(t, "create with a slash", err, "ValidationError")
	for _, bad := range []string{
		"{", "{}", `{"Version":"2012-10-17","Statement":[]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock"},"Action":"sts:AssumeRole"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"s3:GetObject"}]}`,
	} {
		_, err = c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("bad"), AssumeRolePolicyDocument: &bad})
		want(t, "create with trust "+bad, err, "MalformedPolicyDocument")
	}

	got, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	if err != nil {
		t.Fatal(err)
	}
	if trust, err := url.QueryUnescape(*got.Role.AssumeRolePolicyDocument); err != nil || trust != bedrockTrust {
		t.Errorf("trust policy came back as %s (%v)", trust, err)
	}
	if len(got.Role.Tags) != 2 || *got.Role.Tags[0].Key != "a" {
		t.Errorf("tags = %v", got.Role.Tags)
	}
	_, err = c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("absent")})
	want(t, "get an absent role", err, "NoSuchEntity")

	_, err = c.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(userTrust)})
	want(t, "update the trust", err, "")
	_, err = c.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String("[]")})
	want(t, "update the trust to nonsense", err, "MalformedPolicyDocument")

	document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`
	_, err = c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("one"), PolicyDocument: &document})
	want(t, "put a policy", err, "")
	_, err = c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("two"), PolicyDocument: aws.String(bedrockTrust)})
	want(t, "put a trust policy as identity policy", err, "MalformedPolicyDocument")
	policy, err := c.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := url.QueryUnescape(*policy.PolicyDocument); err != nil || text != document {
		t.Errorf("policy came back as %s (%v)", text, err)
	}
	_, err = c.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("none")})
	want(t, "get an absent policy", err, "NoSuchEntity")

	bedrockARN := aws.String("arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
	for range 2 {
		_, err = c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: bedrockARN})
		want(t, "attach", err, "")
	}
	_, err = c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/None")})
	want(t, "attach an unknown policy", err, "NoSuchEntity")
	attached, err := c.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
	if err != nil || len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "AmazonBedrockFullAccess" {
		t.Errorf("ListAttachedRolePolicies = %v, %v", attached, err)
	}
	_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	want(t, "delete a role with policies", err, "DeleteConflict")
	_, err = c.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: bedrockARN})
	want(t, "detach", err, "")
	_, err = c.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: bedrockARN})
	want(t, "detach again", err, "NoSuchEntity")
	_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	want(t, "delete a role with an inline policy", err, "DeleteConflict")
	_, err = c.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("one")})
	want(t, "delete the policy", err, "")
	_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	want(t, "delete the role", err, "")
	_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	want(t, "delete it again", err, "NoSuchEntity")
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	ctx := t.Context()
	var all []string
	for i := range 7 {
		name := fmt.Sprintf("Role-%d", i)
		path := "/"
		if i%2 == 0 {
			path, all = "/even/", append(all, name)
		}
		_, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, Path: &path, AssumeRolePolicyDocument: aws.String(bedrockTrust)})
		want(t, "create "+name, err, "")
	}
	var listed []string
	pages := iam.NewListRolesPaginator(c.iam, &iam.ListRolesInput{PathPrefix: aws.String("/even/"), MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Roles {
			listed = append(listed, *r.RoleName)
		}
	}
	if diff := cmp.Diff(all, listed); diff != "" {
		t.Errorf("roles under /even/ (-want +got):\n%s", diff)
	}
	_, err := c.iam.ListRoles(ctx, &iam.ListRolesInput{Marker: aws.String("%%%")})
	want(t, "a marker that nobody gave", err, "ValidationError")
	none, err := c.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String("Role-1")})
	if err != nil || none.PolicyNames == nil || len(none.PolicyNames) != 0 {
		t.Errorf("ListRolePolicies of a role without = %v, %v; want an empty list that is there", none, err)
	}
}

func TestTheAdministratorKnowsItself(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	if id, _ := server.Keys(); len(id) != 20 {
		t.Errorf("key id %q has %d letters, want 20", id, len(id))
	}
	who, err := c.sts.GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != "arn:aws:iam::123456789012:user/quarry" || *who.Account != "123456789012" {
		t.Errorf("GetCallerIdentity = %s in %s", *who.Arn, *who.Account)
	}
	user, err := c.iam.GetUser(t.Context(), &iam.GetUserInput{})
	if err != nil || *user.User.UserName != "quarry" || *user.User.UserId != *who.UserId {
		t.Errorf("GetUser = %v, %v", user, err)
	}
}

func TestTemporaryKeysWorkAndAreLimitedToTheirRole(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	ctx := t.Context()
	role, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("reader"), Path: aws.String("/team/"), AssumeRolePolicyDocument: aws.String(userTrust)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String("reader"), PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"arn:aws:iam::*:role/team/${aws:PrincipalAccount}*"},
			{"Effect":"Allow","Action":"iam:Get*","Resource":"arn:aws:iam::123456789012:role/team/reader"}]}`),
	})
	want(t, "put the policy", err, "")
	session, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("tester")})
	if err != nil {
		t.Fatal(err)
	}
	k := session.Credentials
	asRole := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken))
	who, err := asRole.sts.GetCallerIdentity(ctx, nil)
	if err != nil || *who.Arn != "arn:aws:sts::123456789012:assumed-role/reader/tester" {
		t.Fatalf("GetCallerIdentity = %v, %v", who, err)
	}
	_, err = asRole.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("reader")})
	want(t, "what the role allows", err, "")
	_, err = asRole.iam.ListRoles(ctx, nil)
	want(t, "what the role does not allow", err, "AccessDenied")
	_, err = asRole.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("absent")})
	want(t, "a role that does not exist and may not be seen", err, "AccessDenied")
	_, err = asRole.quotas.ListServiceQuotas(ctx, &servicequotas.ListServiceQuotasInput{ServiceCode: aws.String("bedrock")})
	want(t, "another service", err, "AccessDeniedException")

	noToken := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, ""))
	_, err = noToken.sts.GetCallerIdentity(ctx, nil)
	want(t, "temporary keys without their token", err, "InvalidClientTokenId")

	where := assume(t, server, c, "where", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ListRoles","s3:ListAllMyBuckets"],"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}},
		{"Effect":"Allow","Action":"servicequotas:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}]}`)
	_, err = where.iam.ListRoles(ctx, nil)
	want(t, "from the right address", err, "")
	_, err = where.s3.ListBuckets(ctx, nil)
	want(t, "S3 from the right address", err, "")
	_, err = where.quotas.ListServices(ctx, nil)
	want(t, "in the wrong Region", err, "AccessDeniedException")

	narrow, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: role.Role.Arn, RoleSessionName: aws.String("narrow"),
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	k = narrow.Credentials
	asNarrow := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken))
	_, err = asNarrow.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("reader")})
	want(t, "what the session's own policy takes away", err, "AccessDenied")

	service, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("service"), AssumeRolePolicyDocument: aws.String(bedrockTrust)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: service.Role.Arn, RoleSessionName: aws.String("tester")})
	want(t, "a role that trusts a service only", err, "AccessDenied")
	_, err = c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/reader"), RoleSessionName: aws.String("tester")})
	want(t, "a role's ARN without its path", err, "AccessDenied")
	_, err = c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("tester"), DurationSeconds: aws.Int32(7200)})
	want(t, "a session longer than the role's", err, "ValidationError")
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	ctx := t.Context()
	role, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("quarry-batch"), AssumeRolePolicyDocument: aws.String(bedrockTrust)})
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{
			"Effect": "Allow", "Action": []string{"s3:GetObject", "s3:PutObject"}, "Resource": "arn:aws:s3:::b/*",
			"Condition": map[string]any{"StringEquals": map[string]string{"aws:ResourceAccount": "123456789012"}},
		},
		map[string]any{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/*"},
		map[string]any{"Effect": "Deny", "NotAction": "bedrock:*", "Resource": "arn:aws:s3:::b/secret/*"},
	}}
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyName: aws.String("p"), PolicyDocument: aws.String(string(text))})
	want(t, "put the policy", err, "")

	account := iamtypes.ContextEntry{ContextKeyName: aws.String("aws:ResourceAccount"), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{"123456789012"}}
	for _, tt := range []struct {
		name, action, resource string
		context                []iamtypes.ContextEntry
		want                   iamtypes.PolicyEvaluationDecisionType
		missing                []string
		matched                int
	}{
		{"the condition holds", "s3:GetObject", "arn:aws:s3:::b/in/x.jsonl", []iamtypes.ContextEntry{account}, "allowed", nil, 1},
		{"the condition is not known", "s3:GetObject", "arn:aws:s3:::b/in/x.jsonl", nil, "implicitDeny", []string{"aws:ResourceAccount"}, 0},
		{"another right", "s3:ListBucket", "arn:aws:s3:::b", []iamtypes.ContextEntry{account}, "implicitDeny", nil, 0},
		{"a deny wins", "s3:GetObject", "arn:aws:s3:::b/secret/x", []iamtypes.ContextEntry{account}, "explicitDeny", nil, 2},
		{"a model", "bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/m", nil, "allowed", nil, 1},
		{"a profile without a grant", "bedrock:InvokeModel", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.m", nil, "implicitDeny", nil, 0},
	} {
		out, err := c.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: role.Role.Arn, ActionNames: []string{tt.action}, ResourceArns: []string{tt.resource}, ContextEntries: tt.context,
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if len(out.EvaluationResults) != 1 {
			t.Fatalf("%s: %d results, want 1", tt.name, len(out.EvaluationResults))
		}
		r := out.EvaluationResults[0]
		if r.EvalDecision != tt.want || !slices.Equal(r.MissingContextValues, tt.missing) || len(r.MatchedStatements) != tt.matched {
			t.Errorf("%s: %s, missing %v, %d matched; want %s, %v, %d", tt.name, r.EvalDecision, r.MissingContextValues, len(r.MatchedStatements), tt.want, tt.missing, tt.matched)
		}
		if len(r.ResourceSpecificResults) != 1 || r.ResourceSpecificResults[0].EvalResourceDecision != r.EvalDecision {
			t.Errorf("%s: resource results %v", tt.name, r.ResourceSpecificResults)
		}
		for _, m := range r.MatchedStatements {
			if m.StartPosition.Line < 3 || m.EndPosition.Line <= m.StartPosition.Line {
				t.Errorf("%s: a statement stands at %v to %v", tt.name, *m.StartPosition, *m.EndPosition)
			}
		}
	}

	many, err := c.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::123456789012:user/quarry"), ActionNames: []string{"iam:PassRole", "bedrock:CreateModelInvocationJob"},
		ResourceArns: []string{*role.Role.Arn, "*"},
	})
	if err != nil || len(many.EvaluationResults) != 4 {
		t.Fatalf("two actions on two resources of the administrator = %v, %v", many, err)
	}
	for _, r := range many.EvaluationResults {
		if r.EvalDecision != "allowed" {
			t.Errorf("the administrator may not %s", *r.EvalActionName)
		}
	}
	_, err = c.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/absent"), ActionNames: []string{"s3:GetObject"}})
	want(t, "simulate an absent role", err, "NoSuchEntity")
	denied, err := c.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: role.Role.Arn, ActionNames: []string{"s3:ListBucket"}, ResourceArns: []string{"arn:aws:s3:::b"},
		ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + *role.Role.Arn + `"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::b"},
			{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`),
	})
	if err != nil || denied.EvaluationResults[0].EvalDecision != "allowed" {
		t.Errorf("a bucket policy that allows = %v, %v", denied, err)
	}
}
