package iam_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"quarry/internal/aws/iam"
)

// request is what matters of a request on the wire.
type request struct {
	Method, Path, ContentType, Scope, Signed string
	Session                                  string
	Form                                     url.Values
}

var scope = regexp.MustCompile(`Credential=\w+/\d+/([^,]+), SignedHeaders=([^,]+),`)

// server answers in turn, and keeps what it was sent.
type server struct {
	cfg     aws.Config
	mu      sync.Mutex
	replies []reply
	got     []request
}

type reply struct {
	status int
	body   string
}

func serve(t *testing.T, replies ...reply) *server {
	t.Helper()
	s := &server{replies: replies}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
		if err != nil || m == nil {
			t.Errorf("body %q (%v), Authorization %q", body, err, r.Header.Get("Authorization"))
			m = []string{"", "", ""}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, request{r.Method, r.URL.Path, r.Header.Get("Content-Type"), m[1], m[2], r.Header.Get("X-Amz-Security-Token"), form})
		next := s.replies[0]
		if len(s.replies) > 1 {
			s.replies = s.replies[1:]
		}
		w.Header().Set("X-Amzn-Requestid", "r-1")
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}))
	t.Cleanup(h.Close)
	s.cfg = aws.Config{
		Region: "eu-west-1", BaseEndpoint: &h.URL, HTTPClient: h.Client(), Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", "SESSION"),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Millisecond })
		},
	}
	return s
}

const (
	policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:B","Resource":"x y+z&é"}]}`
	role   = `<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><Path>/p/</Path><RoleName>r</RoleName>` +
		`<AssumeRolePolicyDocument>%7B%22a%22%3A1%7D</AssumeRolePolicyDocument><Arn>arn:aws:iam::1:role/p/r</Arn></Role></GetRoleResult></GetRoleResponse>`
	done = `<Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></Response>`
	page = `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>%s` +
		`<EvaluationResults><member><EvalActionName>s3:GetObject</EvalActionName><EvalResourceName>*</EvalResourceName>` +
		`<EvalDecision>implicitDeny</EvalDecision><MissingContextValues><member>aws:x</member><member>aws:y</member></MissingContextValues>` +
		`<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>` +
		`<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>true</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>` +
		`<ResourceSpecificResults><member><EvalResourceName>arn:1</EvalResourceName><EvalResourceDecision>explicitDeny</EvalResourceDecision>` +
		`<MissingContextValues><member>aws:z</member></MissingContextValues></member></ResourceSpecificResults></member></EvaluationResults>` +
		`</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`
)

// Each call is made by the SDK's client, too: the requests and what is read of the reply must be the same.
func TestARequestIsTheOneOfTheSDK(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	name, ours, path, document, about := aws.String("r"), aws.String("p"), aws.String("/p/"), aws.String(policy), aws.String("what it's for")
	for call, c := range map[string]struct {
		replies []reply
		own     func(*iam.Client) (any, error)
		theirs  func(*sdk.Client) (any, error)
	}{
		"GetRole": {
			[]reply{{200, role}},
			func(c *iam.Client) (any, error) { return c.GetRole(ctx, "r") },
			func(c *sdk.Client) (any, error) {
				out, err := c.GetRole(ctx, &sdk.GetRoleInput{RoleName: name})
				if err != nil {
					return nil, err
				}
				return iam.Role{ARN: *out.Role.Arn, Trust: *out.Role.AssumeRolePolicyDocument}, nil
			},
		},
		"CreateRole": {
			[]reply{{200, `<CreateRoleResponse><CreateRoleResult><Role><Arn>arn:1</Arn></Role></CreateRoleResult></CreateRoleResponse>`}},
			func(c *iam.Client) (any, error) { return nil, c.CreateRole(ctx, "r", "/p/", policy, *about) },
			func(c *sdk.Client) (any, error) {
				_, err := c.CreateRole(ctx, &sdk.CreateRoleInput{RoleName: name, Path: path, AssumeRolePolicyDocument: document, Description: about})
				return nil, err
			},
		},
		"UpdateAssumeRolePolicy": {
			[]reply{{200, done}},
			func(c *iam.Client) (any, error) { return nil, c.SetTrust(ctx, "r", policy) },
			func(c *sdk.Client) (any, error) {
				_, err := c.UpdateAssumeRolePolicy(ctx, &sdk.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: document})
				return nil, err
			},
		},
		"GetRolePolicy": {
			[]reply{{200, `<GetRolePolicyResponse><GetRolePolicyResult><PolicyDocument>%7B%7D</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>`}},
			func(c *iam.Client) (any, error) { return c.RolePolicy(ctx, "r", "p") },
			func(c *sdk.Client) (any, error) {
				out, err := c.GetRolePolicy(ctx, &sdk.GetRolePolicyInput{RoleName: name, PolicyName: ours})
				if err != nil {
					return nil, err
				}
				return *out.PolicyDocument, nil
			},
		},
		"PutRolePolicy": {
			[]reply{{200, done}},
			func(c *iam.Client) (any, error) { return nil, c.PutRolePolicy(ctx, "r", "p", policy) },
			func(c *sdk.Client) (any, error) {
				_, err := c.PutRolePolicy(ctx, &sdk.PutRolePolicyInput{RoleName: name, PolicyName: ours, PolicyDocument: document})
				return nil, err
			},
		},
		"SimulatePrincipalPolicy": {
			[]reply{
				{200, fmt.Sprintf(page, "<IsTruncated>true</IsTruncated><Marker>m+1</Marker>")},
				{200, fmt.Sprintf(page, "<IsTruncated>false</IsTruncated>")},
			},
			func(c *iam.Client) (any, error) {
				return c.Simulate(ctx, iam.Question{
					Principal: "arn:p", Action: "s3:GetObject", Resources: []string{"arn:1", "arn:2"},
					Context: []iam.ContextKey{{Name: "s3:prefix", Value: "a b"}, {Name: "aws:SecureTransport", Value: "true", Boolean: true}},
				})
			},
			func(c *sdk.Client) (any, error) { return simulate(ctx, c) },
		},
		"a denial": {
			[]reply{{403, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r</RequestId></ErrorResponse>`}},
			func(c *iam.Client) (any, error) { return c.GetRole(ctx, "r") },
			func(c *sdk.Client) (any, error) { return c.GetRole(ctx, &sdk.GetRoleInput{RoleName: name}) },
		},
		"a page of a proxy": {
			[]reply{{418, `<html>teapot`}},
			func(c *iam.Client) (any, error) { return nil, c.SetTrust(ctx, "r", policy) },
			func(c *sdk.Client) (any, error) {
				return c.UpdateAssumeRolePolicy(ctx, &sdk.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: document})
			},
		},
		"an answer at the third attempt": {
			[]reply{{503, ""}, {400, `<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>`}, {200, done}},
			func(c *iam.Client) (any, error) { return nil, c.SetTrust(ctx, "r", policy) },
			func(c *sdk.Client) (any, error) {
				_, err := c.UpdateAssumeRolePolicy(ctx, &sdk.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: document})
				return nil, err
			},
		},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			ours, theirs := serve(t, c.replies...), serve(t, c.replies...)
			want, wantErr := c.theirs(sdk.NewFromConfig(theirs.cfg))
			got, gotErr := c.own(iam.New(ours.cfg))
			if diff := cmp.Diff(theirs.got, ours.got); diff != "" {
				t.Errorf("requests (-SDK +own):\n%s", diff)
			}
			if wantErr != nil {
				var a, b smithy.APIError
				if errors.As(wantErr, &a) && (!errors.As(gotErr, &b) || a.ErrorCode() != b.ErrorCode() || a.ErrorMessage() != b.ErrorMessage()) || gotErr == nil {
					t.Errorf("error %v, want %v", gotErr, wantErr)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" || gotErr != nil {
				t.Errorf("reply (-SDK +own), error %v:\n%s", gotErr, diff)
			}
		})
	}
}

// simulate puts the SDK's types into ours.
func simulate(ctx context.Context, c *sdk.Client) ([]iam.Result, error) {
	pages := sdk.NewSimulatePrincipalPolicyPaginator(c, &sdk.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:p"), ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:1", "arn:2"},
		ContextEntries: []types.ContextEntry{
			{ContextKeyName: aws.String("s3:prefix"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{"a b"}},
			{ContextKeyName: aws.String("aws:SecureTransport"), ContextKeyType: types.ContextKeyTypeEnumBoolean, ContextKeyValues: []string{"true"}},
		},
	})
	var all []iam.Result
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range out.EvaluationResults {
			result := iam.Result{
				Resource: *r.EvalResourceName, Decision: string(r.EvalDecision), MissingContext: r.MissingContextValues,
				Organizations: &iam.Organizations{Allowed: r.OrganizationsDecisionDetail.AllowedByOrganizations},
				Boundary:      &iam.Boundary{Allowed: r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary},
			}
			for _, s := range r.ResourceSpecificResults {
				result.PerResource = append(result.PerResource, iam.ResourceResult{Resource: *s.EvalResourceName, Decision: string(s.EvalResourceDecision), MissingContext: s.MissingContextValues})
			}
			all = append(all, result)
		}
	}
	return all, nil
}

// choices is a source of settings.
type choices struct {
	fips    aws.FIPSEndpointState
	dual    aws.DualStackEndpointState
	service string
	ignore  bool
}

func (c choices) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return c.fips, true, nil
}

func (c choices) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return c.dual, true, nil
}

func (c choices) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return c.service, c.service != "" && service == "IAM", nil
}

func (c choices) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	return c.ignore, c.ignore, nil
}

func TestTheEndpointIsThatOfTheSDK(t *testing.T) {
	t.Parallel()
	for _, region := range []string{
		"us-east-1", "eu-west-1", "ap-northeast-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1", "us-iso-east-1", "us-iso-west-1",
		"us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1",
	} {
		for _, c := range []choices{{}, {fips: 1}, {dual: 1}, {fips: 1, dual: 1}} {
			fips, dual := c.fips == 1, c.dual == 1
			c.fips, c.dual = aws.FIPSEndpointStateDisabled, aws.DualStackEndpointStateDisabled
			if fips {
				c.fips = aws.FIPSEndpointStateEnabled
			}
			if dual {
				c.dual = aws.DualStackEndpointStateEnabled
			}
			want, err := sdk.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), sdk.EndpointParameters{Region: &region, UseFIPS: &fips, UseDualStack: &dual})
			if err != nil {
				t.Fatal(err)
			}
			options, _ := smithyauth.GetAuthOptions(&want.Properties)
			signed, _ := smithyhttp.GetSigV4SigningRegion(&options[0].SignerProperties)
			at, in, err := iam.Endpoint(t.Context(), &aws.Config{Region: region, ConfigSources: []any{c}})
			if at != want.URI.String() || in != signed || err != nil {
				t.Errorf("%s, FIPS %v, dual %v: %s signed for %s (%v), want %s, %s", region, fips, dual, at, in, err, want.URI.String(), signed)
			}
		}
	}
}

func TestANamedEndpointIsTaken(t *testing.T) {
	t.Parallel()
	all, own := aws.String("http://all"), choices{service: "http://iam"}
	for name, c := range map[string]struct {
		cfg  aws.Config
		want string
	}{
		"of all services":                        {aws.Config{BaseEndpoint: all}, "http://all"},
		"IAM's own before that":                  {aws.Config{BaseEndpoint: all, ConfigSources: []any{own}}, "http://iam"},
		"the environment's before the profile's": {aws.Config{BaseEndpoint: all, ConfigSources: []any{config.EnvConfig{BaseEndpoint: "http://all"}, own}}, "http://all"},
		"none where they are to be ignored":      {aws.Config{ConfigSources: []any{own, choices{ignore: true}}}, "https://iam.amazonaws.com"},
	} {
		c.cfg.Region = "eu-west-1"
		if got, _, err := iam.Endpoint(t.Context(), &c.cfg); got != c.want || err != nil {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
}

func TestAwaitRole(t *testing.T) {
	t.Parallel()
	none := reply{404, `<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no role</Message></Error></ErrorResponse>`}
	s := serve(t, none, reply{200, role})
	if err := iam.New(s.cfg).AwaitRole(t.Context(), "r", time.Minute); err != nil || len(s.got) != 2 {
		t.Errorf("AwaitRole = %v after %d calls, want none after 2", err, len(s.got))
	}
	s = serve(t, none)
	if err := iam.New(s.cfg).AwaitRole(t.Context(), "r", 10*time.Millisecond); !iam.Is(err, iam.NoSuchEntity) {
		t.Errorf("AwaitRole = %v, want that there is no such role", err)
	}
	s = serve(t, reply{403, `<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>`})
	if err := iam.New(s.cfg).AwaitRole(t.Context(), "r", time.Minute); !iam.Is(err, "AccessDenied") || len(s.got) != 1 {
		t.Errorf("AwaitRole = %v after %d calls, want the denial after one", err, len(s.got))
	}
}

// A machine whose clock is wrong signs its second attempt by the clock of the server.
func TestAWrongClockIsCorrected(t *testing.T) {
	t.Parallel()
	var signed []string
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed = append(signed, r.Header.Get("X-Amz-Date"))
		w.Header().Set("Date", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
		if len(signed) == 1 {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>`)
			return
		}
		_, _ = io.WriteString(w, role)
	}))
	t.Cleanup(h.Close)
	cfg := serve(t, reply{}).cfg
	cfg.BaseEndpoint = &h.URL
	if _, err := iam.New(cfg).GetRole(t.Context(), "r"); err != nil || len(signed) != 2 {
		t.Fatalf("GetRole = %v after %d attempts, want none after 2", err, len(signed))
	}
	at, err := time.Parse("20060102T150405Z", signed[1])
	if ahead := time.Until(at); err != nil || ahead < 110*time.Minute || ahead > 130*time.Minute {
		t.Errorf("the second attempt is signed for %s (%v), want two hours ahead", signed[1], err)
	}
}
