package iamapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry/internal/standin/iamapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	roleARN = "arn:aws:iam::123456789012:role/team/batch"
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

func open(t testing.TB, now func() time.Time) *iamapi.API {
	t.Helper()
	a, err := iamapi.Open(iamapi.Config{File: filepath.Join(t.TempDir(), "iam.db"), NoSync: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// do sends one action as the administrator and gives the answer.
func do(t testing.TB, h http.Handler, version string, form ...string) (int, string) {
	t.Helper()
	values := url.Values{"Version": {version}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r := httptest.NewRequestWithContext(iamapi.WithCaller(t.Context(), iamapi.AdminCaller(iamapi.DefaultAccount)), http.MethodPost, "/", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func must(t testing.TB, a *iamapi.API, form ...string) {
	t.Helper()
	if status, body := do(t, a.IAM(), "2010-05-08", form...); status != http.StatusOK {
		t.Fatalf("%v: %d %s", form, status, body)
	}
}

// role makes the role with one inline policy of these statements.
func role(t testing.TB, a *iamapi.API, statements string) {
	t.Helper()
	must(t, a, "Action", "CreateRole", "RoleName", "batch", "Path", "/team/", "AssumeRolePolicyDocument", trust)
	if statements != "" {
		must(t, a, "Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	const get, object = "s3:GetObject", "arn:aws:s3:::b/in/x"
	allow := func(rest string) string { return `{"Effect":"Allow","Action":"s3:*","Resource":"*"` + rest + `}` }
	for _, tt := range []struct {
		name, statements, action, resource string
		context                            map[string]string
		want                               bool
	}{
		{"nothing is allowed without a policy", "", get, object, nil, false},
		{"an action and a resource", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`, get, object, nil, true},
		{"actions are compared without case", `{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, get, object, nil, true},
		{"resources are compared with case", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::B/*"}`, get, object, nil, false},
		{"a star stands for slashes too", `{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b*x"}`, get, object, nil, true},
		{"a question mark is one letter", `{"Effect":"Allow","Action":"s3:GetObjec?","Resource":"arn:aws:s3:::b/in/??"}`, get, object, nil, false},
		{"the bucket is not its objects", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b"}`, get, object, nil, false},
		{"NotAction allows the others", `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`, get, object, nil, true},
		{"NotAction leaves out its own", `{"Effect":"Allow","NotAction":["s3:Get*"],"Resource":"*"}`, get, object, nil, false},
		{"NotResource leaves out its own", `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/in/*"}`, get, object, nil, false},
		{"a deny wins over an allow before it", allow("") + `,{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/*"}`, get, object, nil, false},
		{"a deny wins over an allow after it", `{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/*"},` + allow(""), get, object, nil, false},
		{"a deny whose condition does not hold", allow("") + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, get, object, nil, true},
		{"a deny whose condition holds", allow("") + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, get, object, nil, false},
		{"StringEquals holds", allow(`,"Condition":{"StringEquals":{"aws:ResourceAccount":["1","123456789012"]}}`), get, object, map[string]string{"aws:ResourceAccount": "123456789012"}, true},
		{"StringEquals takes key names without case", allow(`,"Condition":{"StringEquals":{"AWS:resourceaccount":"1"}}`), get, object, map[string]string{"aws:ResourceAccount": "1"}, true},
		{"StringEquals without the key", allow(`,"Condition":{"StringEquals":{"aws:ResourceAccount":"1"}}`), get, object, nil, false},
		{"StringEqualsIfExists without the key", allow(`,"Condition":{"StringEqualsIfExists":{"aws:ResourceAccount":"1"}}`), get, object, nil, true},
		{"StringEqualsIfExists with another value", allow(`,"Condition":{"StringEqualsIfExists":{"aws:ResourceAccount":"1"}}`), get, object, map[string]string{"aws:ResourceAccount": "2"}, false},
		{"StringNotEquals without the key", allow(`,"Condition":{"StringNotEquals":{"aws:ResourceAccount":"1"}}`), get, object, nil, true},
		{"StringLike", allow(`,"Condition":{"StringLike":{"s3:prefix":"in/*"}}`), get, object, map[string]string{"s3:prefix": "in/shard"}, true},
		{"ArnLike", allow(`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:*:1:model-invocation-job/*"}}`), get, object, map[string]string{"aws:SourceArn": "arn:aws:bedrock:us-west-2:1:model-invocation-job/a"}, true},
		{"all operators must hold", allow(`,"Condition":{"StringEquals":{"a:b":"1"},"StringLike":{"a:c":"2*"}}`), get, object, map[string]string{"a:b": "1", "a:c": "3"}, false},
		{"Null asks for absence", allow(`,"Condition":{"Null":{"aws:SourceVpce":"true"}}`), get, object, nil, true},
		{"Null asks for presence", allow(`,"Condition":{"Null":{"aws:SourceVpce":"false"}}`), get, object, nil, false},
		{"ForAllValues holds for none", allow(`,"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`), get, object, nil, true},
		{"ForAnyValue does not hold for none", allow(`,"Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}`), get, object, nil, false},
		{"NumericLessThan", allow(`,"Condition":{"NumericLessThan":{"s3:max-keys":"10"}}`), get, object, map[string]string{"s3:max-keys": "9"}, true},
		{"DateLessThan with the request's time", allow(`,"Condition":{"DateLessThan":{"aws:CurrentTime":"2000-01-01T00:00:00Z"}}`), get, object, nil, false},
		{"a variable in a resource", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalAccount}/*"}`, get, "arn:aws:s3:::b/123456789012/x", nil, true},
		{"PassRole to Bedrock", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + roleARN + `","Condition":{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}}}`, "iam:PassRole", roleARN, map[string]string{"iam:PassedToService": "bedrock.amazonaws.com"}, true},
		{"PassRole to another service", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + roleARN + `","Condition":{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}}}`, "iam:PassRole", roleARN, map[string]string{"iam:PassedToService": "ec2.amazonaws.com"}, false},
		{"a grant on the model does not cover its profile", `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/*"}`, "bedrock:InvokeModel", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.m", nil, false},
		{"a grant without Region", `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:::foundation-model/m"}`, "bedrock:InvokeModel", "arn:aws:bedrock:::foundation-model/m", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			role(t, a, tt.statements)
			err := a.Access(t.Context(), roleARN, tt.action, tt.resource, tt.context)
			if (err == nil) != tt.want || err != nil && !errors.Is(err, iamapi.ErrDenied) {
				t.Fatalf("Access(%s on %s) = %v, want allowed %v", tt.action, tt.resource, err, tt.want)
			}
		})
	}
}

func TestAccessOfOtherPrincipals(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	role(t, a, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`)
	for _, tt := range []struct {
		name, principal, action string
		want                    error
	}{
		{"the administrator", iamapi.Admin(iamapi.DefaultAccount), "bedrock:CreateModelInvocationJob", nil},
		{"a session of the role", "arn:aws:sts::123456789012:assumed-role/batch/me", "s3:GetObject", nil},
		{"a session, beyond the role", "arn:aws:sts::123456789012:assumed-role/batch/me", "s3:PutObject", iamapi.ErrDenied},
		{"the role's ARN without its path", "arn:aws:iam::123456789012:role/batch", "s3:GetObject", iamapi.ErrNoPrincipal},
		{"the role in another account", "arn:aws:iam::210987654321:role/team/batch", "s3:GetObject", iamapi.ErrNoPrincipal},
		{"another user", "arn:aws:iam::123456789012:user/other", "s3:GetObject", iamapi.ErrNoPrincipal},
		{"nobody", "", "s3:GetObject", iamapi.ErrNoPrincipal},
		{"a service, on data", "bedrock.amazonaws.com", "s3:GetObject", iamapi.ErrDenied},
	} {
		if err := a.Access(t.Context(), tt.principal, tt.action, "arn:aws:s3:::b/x", nil); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: Access = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestManagedPoliciesAndBoundaries(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	role(t, a, `{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}`)
	check := func(what, action string, want bool) {
		t.Helper()
		if err := a.Access(t.Context(), roleARN, action, "*", nil); (err == nil) != want {
			t.Errorf("%s: %s = %v, want allowed %v", what, action, err, want)
		}
	}
	check("alone", "bedrock:InvokeModel", false)
	must(t, a, "Action", "AttachRolePolicy", "RoleName", "batch", "PolicyArn", "arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
	check("attached", "bedrock:InvokeModel", true)
	check("attached", "s3:GetObject", false)
	must(t, a, "Action", "CreateRole", "RoleName", "bounded", "Path", "/", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	must(t, a, "Action", "AttachRolePolicy", "RoleName", "bounded", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	for action, want := range map[string]bool{"s3:GetObject": true, "s3:PutObject": false, "bedrock:InvokeModel": false} {
		if err := a.Access(t.Context(), "arn:aws:iam::123456789012:role/bounded", action, "*", nil); (err == nil) != want {
			t.Errorf("inside its boundary %s = %v, want allowed %v", action, err, want)
		}
	}
	_, body := do(t, a.IAM(), "2010-05-08", "Action", "SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::123456789012:role/bounded", "ActionNames.member.1", "bedrock:InvokeModel")
	if !strings.Contains(body, "<EvalDecision>implicitDeny</EvalDecision>") || !strings.Contains(body, "<AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>") {
		t.Errorf("the simulator says %s", body)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	conditions := map[string]string{"aws:SourceAccount": "123456789012", "aws:SourceArn": "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl"}
	statement := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"` + rest + `]}`
	}
	for _, tt := range []struct {
		name, document string
		want           bool
	}{
		{"no condition", statement(`}`), true},
		{"the account and the job", statement(`,"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnEquals":{"aws:SourceArn":"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/*"}}}`), true},
		{"another account", statement(`,"Condition":{"StringEquals":{"aws:SourceAccount":"210987654321"}}}`), false},
		{"another Region", statement(`,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/*"}}}`), false},
		{"another kind of job", statement(`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:*:123456789012:model-customization-job/*"}}}`), false},
		{"a denied source", statement(`},{"Effect":"Deny","Principal":{"Service":["bedrock.amazonaws.com"]},"Action":"sts:*","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}`), false},
		{"several services", strings.Replace(statement(`}`), `"bedrock.amazonaws.com"`, `["ec2.amazonaws.com","bedrock.amazonaws.com"]`, 1), true},
		{"another service", strings.Replace(statement(`}`), "bedrock.amazonaws.com", "ec2.amazonaws.com", 1), false},
		{"a user", strings.Replace(statement(`}`), `{"Service":"bedrock.amazonaws.com"}`, `{"AWS":"*"}`, 1), false},
		{"another action", strings.Replace(statement(`}`), "sts:AssumeRole", "sts:TagSession", 1), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, nil)
			must(t, a, "Action", "CreateRole", "RoleName", "batch", "Path", "/team/", "AssumeRolePolicyDocument", tt.document)
			err := a.Access(t.Context(), "bedrock.amazonaws.com", "sts:AssumeRole", roleARN, conditions)
			if (err == nil) != tt.want {
				t.Fatalf("trust = %v, want %v", err, tt.want)
			}
			if err := a.Access(t.Context(), "bedrock.amazonaws.com", "sts:AssumeRole", roleARN+"x", conditions); !errors.Is(err, iamapi.ErrNoPrincipal) {
				t.Errorf("an absent role is trusted: %v", err)
			}
		})
	}
}

func TestIdentitiesSurviveAndSessionsExpire(t *testing.T) {
	t.Parallel()
	file, now := filepath.Join(t.TempDir(), "iam.db"), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	a, err := iamapi.Open(iamapi.Config{File: file, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	must(t, a, "Action", "CreateRole", "RoleName", "user", "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`)
	status, body := do(t, a.STS(), "2011-06-15", "Action", "AssumeRole", "RoleArn", "arn:aws:iam::123456789012:role/user", "RoleSessionName", "me", "DurationSeconds", "900")
	if status != http.StatusOK {
		t.Fatalf("AssumeRole: %d %s", status, body)
	}
	_, id, _ := strings.Cut(body, "<AccessKeyId>")
	id, _, _ = strings.Cut(id, "<")
	secret, err := a.Secret("AKIA", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err = iamapi.Open(iamapi.Config{File: file, Now: clock}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	if again, err := a.Secret("AKIA", ""); err != nil || again != secret {
		t.Errorf("the secret changed (%v)", err)
	}
	key, holder, ok := a.Key(id)
	if !ok || key.Token == "" || !key.Expires.Equal(now.Add(15*time.Minute)) || holder.ARN != "arn:aws:sts::123456789012:assumed-role/user/me" {
		t.Fatalf("Key(%q) = %v, %v, %v", id, key.Expires, holder, ok)
	}
	must(t, a, "Action", "GetRole", "RoleName", "user")
	now = now.Add(26 * time.Hour)
	if status, body := do(t, a.STS(), "2011-06-15", "Action", "AssumeRole", "RoleArn", "arn:aws:iam::123456789012:role/user", "RoleSessionName", "me"); status != http.StatusOK {
		t.Fatalf("AssumeRole: %d %s", status, body)
	}
	if _, _, ok := a.Key(id); ok {
		t.Error("a session of yesterday is still kept")
	}
}

func TestRolesChangeAtOnce(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	role(t, a, "")
	done := make(chan struct{})
	for i := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			name := string(rune('a' + i))
			if status, body := do(t, a.IAM(), "2010-05-08", "Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", name,
				"PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`); status != http.StatusOK {
				t.Errorf("put %s: %d %s", name, status, body)
			}
		}()
	}
	for range 8 {
		<-done
	}
	_, body := do(t, a.IAM(), "2010-05-08", "Action", "ListRolePolicies", "RoleName", "batch")
	if n := strings.Count(body, "<member>"); n != 8 {
		t.Errorf("%d policies, want 8: %s", n, body)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	role(t, a, "")
	long := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("b", 6000) + `"}]}`
	must(t, a, "Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "a", "PolicyDocument", long)
	for _, form := range [][]string{
		{"Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "b", "PolicyDocument", long},
		{"Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "b", "PolicyDocument", ""},
		{"Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "b/c", "PolicyDocument", long},
		{"Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "b", "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Conditon":{}}]}`},
		{"Action", "CreateRole", "RoleName", strings.Repeat("x", 65), "AssumeRolePolicyDocument", trust},
		{"Action", "CreateRole", "RoleName", "x", "Path", "no", "AssumeRolePolicyDocument", trust},
		{"Action", "CreateRole", "RoleName", "x", "MaxSessionDuration", "1", "AssumeRolePolicyDocument", trust},
		{"Action", "CreateRole", "RoleName", "x", "PermissionsBoundary", "arn:aws:iam::aws:policy/No", "AssumeRolePolicyDocument", trust},
		{"Action", "ListRoles", "MaxItems", "0"},
		{"Action", "SimulatePrincipalPolicy", "PolicySourceArn", roleARN},
		{"Action", "SimulatePrincipalPolicy", "PolicySourceArn", roleARN, "ActionNames.member.1", "read"},
		{"Action", "SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:sts::123456789012:assumed-role/batch/me", "ActionNames.member.1", "s3:GetObject"},
		{"Action", "GetUser", "UserName", "other"},
		{"Action", "DeleteUser"},
	} {
		if status, body := do(t, a.IAM(), "2010-05-08", form...); status < 400 || status > 499 {
			t.Errorf("%v = %d %s, want a refusal", form[:4], status, body)
		}
	}
	if err := a.Access(context.Background(), roleARN, "s3:GetObject", "arn:aws:s3:::"+strings.Repeat("b", 6000), nil); err != nil {
		t.Errorf("the first policy is gone: %v", err)
	}
}

// FuzzPolicy stores whatever IAM accepts and asks for rights: no document may panic, and none may allow what it does
// not name.
func FuzzPolicy(f *testing.F) {
	f.Add(trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"StringEquals":{"a:b":["c",1,true]}}}]}`)
	f.Add(`{"Statement":{"Effect":"Deny","NotAction":"sts:x","Principal":"*"}}`, `{"Statement":{"Effect":"Allow","NotAction":"s3:*","NotResource":"arn:aws:s3:::${aws:username}"}}`)
	f.Add(`[]`, `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":[],"Resource":[]}]}`)
	a := open(f, nil)
	role(f, a, "")
	f.Fuzz(func(t *testing.T, trusted, document string) {
		h := a.IAM()
		do(t, h, "2010-05-08", "Action", "UpdateAssumeRolePolicy", "RoleName", "batch", "PolicyDocument", trusted)
		status, _ := do(t, h, "2010-05-08", "Action", "PutRolePolicy", "RoleName", "batch", "PolicyName", "p", "PolicyDocument", document)
		err := a.Access(t.Context(), roleARN, "s3:GetObject", "arn:aws:s3:::b/x", map[string]string{"a:b": "c"})
		if status == http.StatusOK && err == nil && !strings.Contains(document, "Allow") && !strings.Contains(document, `\u`) {
			t.Errorf("allowed by %s", document)
		}
		_ = a.Access(t.Context(), "bedrock.amazonaws.com", "sts:AssumeRole", roleARN, nil) // must not panic
		if status, body := do(t, h, "2010-05-08", "Action", "SimulatePrincipalPolicy", "PolicySourceArn", roleARN, "ActionNames.member.1", "s3:GetObject",
			"ResourcePolicy", trusted, "ContextEntries.member.1.ContextKeyName", "a:b", "ContextEntries.member.1.ContextKeyValues.member.1", "c"); status >= 500 {
			t.Errorf("simulate: %d %s", status, body)
		}
	})
}
