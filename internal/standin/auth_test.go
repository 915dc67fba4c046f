package standin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"quarry/internal/standin"
)

// calls is one harmless call to each service.
func calls(ctx context.Context, c clients) map[string]error {
	out := map[string]error{}
	_, out["s3"] = c.s3.ListBuckets(ctx, nil)
	_, out["iam"] = c.iam.ListRoles(ctx, nil)
	_, out["sts"] = c.sts.GetCallerIdentity(ctx, nil)
	_, out["servicequotas"] = c.quotas.ListServiceQuotas(ctx, &servicequotas.ListServiceQuotasInput{ServiceCode: aws.String("bedrock")})
	if _, anonymous := c.cfg.Credentials.(aws.AnonymousCredentials); anonymous {
		return out // this client cannot send unsigned
	}
	_, out["bedrock"] = c.bedrock.ListModelInvocationJobs(ctx, &bedrock.ListModelInvocationJobsInput{})
	return out
}

func TestEveryServiceProvesWhoSent(t *testing.T) {
	t.Parallel()
	server, admin := start(t, nil)
	id, secret := server.Keys()
	forbidden := map[string]string{ // wrong secret
		"s3": "SignatureDoesNotMatch", "iam": "SignatureDoesNotMatch", "sts": "SignatureDoesNotMatch",
		"servicequotas": "InvalidSignatureException", "bedrock": "InvalidSignatureException",
	}
	unknown := map[string]string{
		"s3": "InvalidAccessKeyId", "iam": "InvalidClientTokenId", "sts": "InvalidClientTokenId",
		"servicequotas": "UnrecognizedClientException", "bedrock": "UnrecognizedClientException",
	}
	missing := map[string]string{
		"s3": "AccessDenied", "iam": "MissingAuthenticationToken", "sts": "MissingAuthenticationToken",
		"servicequotas": "MissingAuthenticationTokenException", "bedrock": "MissingAuthenticationTokenException",
	}
	none := map[string]string{"s3": "", "iam": "", "sts": "", "servicequotas": "", "bedrock": ""}
	for _, tt := range []struct {
		name string
		keys aws.CredentialsProvider
		want map[string]string
	}{
		{"the printed key", admin.cfg.Credentials, none},
		{"another secret", credentials.NewStaticCredentialsProvider(id, secret+"x", ""), forbidden},
		{"another key", credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", secret, ""), unknown},
		{"no key", aws.AnonymousCredentials{}, missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for service, err := range calls(t.Context(), connect(t, server.URL(), tt.keys)) {
				want(t, service, err, tt.want[service])
			}
		})
	}
}

// sign makes a request as the SDK would at another time.
func sign(t *testing.T, server *standin.Server, method, path, service, body string, at time.Time, header map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	id, secret := server.Keys()
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, hash(body), service, "us-west-2", at); err != nil {
		t.Fatal(err)
	}
	return r
}

func unsigned(t *testing.T, server *standin.Server, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// send gives the status and the body of a raw request, with error-type header in front of the body.
func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("X-Amzn-Errortype") + string(b)
}

func TestARequestThatIsNotAsSignedIsRefused(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
	const identity = "Action=GetCallerIdentity&Version=2011-06-15"
	now := time.Now()
	for _, tt := range []struct {
		name   string
		r      *http.Request
		change func(*http.Request)
		status int
		want   string
	}{
		{"as it was signed", sign(t, server, "POST", "/", "sts", identity, now, form), nil, 200, "arn:aws:iam::123456789012:user/quarry"},
		{"a GET with the query", sign(t, server, "GET", "/?"+identity, "sts", "", now, nil), nil, 200, "arn:aws:iam::123456789012:user/quarry"},
		{"another body", sign(t, server, "POST", "/", "sts", identity, now, form), func(r *http.Request) {
			body := strings.Replace(identity, "GetCaller", "GetCollar", 1)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}, 403, "SignatureDoesNotMatch"},
		{"twenty minutes late", sign(t, server, "POST", "/", "sts", identity, now.Add(-20*time.Minute), form), nil, 403, "Signature expired"},
		{"twenty minutes early", sign(t, server, "GET", "/model-invocation-jobs", "bedrock", "", now.Add(20*time.Minute), nil), nil, 403, "InvalidSignatureException"},
		{"S3, twenty minutes late", sign(t, server, "GET", "/", "s3", "", now.Add(-20*time.Minute), map[string]string{"X-Amz-Content-Sha256": hash("")}), nil, 403, "RequestTimeTooSkewed"},
		{"signed for IAM, sent to STS's form", sign(t, server, "POST", "/", "iam", identity, now, form), nil, 400, "InvalidAction"},
		{"signed for a service that is not here", sign(t, server, "POST", "/", "kms", "{}", now, nil), nil, 404, "UnknownOperationException"},
		{"an unknown action", sign(t, server, "POST", "/", "sts", "Action=Nothing&Version=2011-06-15", now, form), nil, 400, "InvalidAction"},
		{"an unknown target", sign(t, server, "POST", "/", "servicequotas", "{}", now, map[string]string{"X-Amz-Target": "ServiceQuotasV20190624.Nothing"}), nil, 400, "UnknownOperationException"},
		{"Bedrock without a key", unsigned(t, server, "/model-invocation-jobs"), nil, 403, "MissingAuthenticationTokenException"},
		{"half an authorization", sign(t, server, "GET", "/model-invocation-jobs", "bedrock", "", now, nil), func(r *http.Request) {
			r.Header.Set("Authorization", strings.Split(r.Header.Get("Authorization"), ", Signature")[0])
		}, 400, "IncompleteSignatureException"},
		{"a body beyond the limit", sign(t, server, "POST", "/", "sts", strings.Repeat("x", 2<<20), now, form), nil, 413, "RequestEntityTooLarge"},
		{"a header beyond the limit", sign(t, server, "GET", "/", "sts", "", now, map[string]string{"X-Note": strings.Repeat("x", 200<<10)}), nil, 431, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.change != nil {
				tt.change(tt.r)
			}
			status, body := send(t, tt.r)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("answer %d %s; want %d with %q", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestConfiguredKeysAndBearerTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("# who may call\n\nalice a-secret\nbob b-secret\nbearer top-secret-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server, _ := start(t, func(cfg *standin.Config) { cfg.KeysFile = file })
	if id, secret := server.Keys(); id != "alice" || secret != "a-secret" {
		t.Errorf("Keys() = %q, %q, want the file's first", id, secret)
	}
	for service, err := range calls(t.Context(), connect(t, server.URL(), credentials.NewStaticCredentialsProvider("bob", "b-secret", ""))) {
		want(t, service, err, "")
	}
	// The Go SDK sends tokens over HTTPS only.
	withToken := func(method, path, token, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return send(t, r)
	}
	if status, body := withToken("GET", "/model-invocation-jobs", "top-secret-token", ""); status != http.StatusOK {
		t.Errorf("the configured token gives %d %s", status, body)
	}
	for _, token := range []string{"another", "top-secret-toke"} {
		if status, body := withToken("GET", "/model-invocation-jobs", token, ""); status != http.StatusForbidden || !strings.Contains(body, "AccessDeniedException") {
			t.Errorf("the token %q gives %d %s, want 403", token, status, body)
		}
	}
	if status, body := withToken("POST", "/", "top-secret-token", "Action=ListRoles&Version=2010-05-08"); status == http.StatusOK {
		t.Errorf("a token at IAM gives %d %s", status, body)
	}
}

func TestTheSecretStaysWithItsDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (id, secret string) {
		server, err := standin.Start(t.Context(), standin.Config{Dir: dir, NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := standin.Start(t.Context(), standin.Config{Dir: dir, NoSync: true}); err == nil || !strings.Contains(err.Error(), "another process holds it") {
			t.Errorf("a second server on the same directory: %v", err)
		}
		if _, err := standin.Start(t.Context(), standin.Config{Dir: t.TempDir(), NoSync: true, Addr: strings.TrimPrefix(server.URL(), "http://")}); err == nil {
			t.Error("a second server took the same address")
		}
		id, secret = server.Keys()
		if err := server.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return id, secret
	}
	id, secret := open()
	if id2, secret2 := open(); id2 != id || secret2 != secret {
		t.Error("the second start has another key")
	}
	other, _ := start(t, nil)
	if _, s := other.Keys(); s == secret {
		t.Error("two directories share a secret")
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(secret)) && info.Mode().Perm() != 0o600 {
			t.Errorf("%s holds the secret with mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadyIsCalledBeforeAnythingIsServed(t *testing.T) {
	t.Parallel()
	var reported []string
	server, _ := start(t, func(cfg *standin.Config) {
		cfg.Ready = func(url, id, secret string) {
			dialer := net.Dialer{Timeout: time.Second}
			conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Errorf("the reported address is not open: %v", err)
				return
			}
			defer func() { _ = conn.Close() }()
			reported = []string{url, id, secret}
		}
	})
	id, secret := server.Keys()
	if !slices.Equal(reported, []string{server.URL(), id, secret}) || !strings.HasPrefix(server.URL(), "http://127.0.0.1:") {
		t.Errorf("reported %q, serves at %q", reported, server.URL())
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", "id secret\n", 0o600)
	for _, tt := range []struct {
		name string
		cfg  standin.Config
		want string // "" where it must start
	}{
		{"no directory", standin.Config{}, "directory"},
		{"all addresses with the printed key", standin.Config{Dir: dir, Addr: "0.0.0.0:0"}, "keys of your own"},
		{"all addresses, unnamed", standin.Config{Dir: dir, Addr: ":0"}, "keys of your own"},
		{"a name with the printed key", standin.Config{Dir: dir, Addr: "example.com:0"}, "keys of your own"},
		{"no port", standin.Config{Dir: dir, Addr: "127.0.0.1"}, "port"},
		{"all addresses with own keys", standin.Config{Dir: filepath.Join(dir, "all"), Addr: "0.0.0.0:0", KeysFile: good}, ""},
		{"IPv6 loopback with the printed key", standin.Config{Dir: filepath.Join(dir, "six"), Addr: "[::1]:0"}, ""},
		{"keys that others can read", standin.Config{Dir: dir, KeysFile: write("open", "id secret\n", 0o644)}, "chmod 600"},
		{"keys without a pair", standin.Config{Dir: dir, KeysFile: write("bearer", "bearer token\n", 0o600)}, "id secret"},
		{"keys with three words", standin.Config{Dir: dir, KeysFile: write("three", "id secret more\n", 0o600)}, "line 1"},
		{"the same key twice", standin.Config{Dir: dir, KeysFile: write("twice", "id secret\nid other\n", 0o600)}, "line 2"},
		{"an absent file of keys", standin.Config{Dir: dir, KeysFile: filepath.Join(dir, "none")}, "none"},
		{"a fault that is none", standin.Config{Dir: dir, Fault: "nonsense=1"}, "nonsense"},
		{"quotas of an unknown model", standin.Config{Dir: dir, QuotasFile: write("q1", `{"claude-haiku":{"rpm":1}}`, 0o600)}, "claude-haiku"},
		{"quotas of a profile", standin.Config{Dir: dir, QuotasFile: write("q2", `{"us.anthropic.claude-haiku-4-5-20251001-v1:0":{"rpm":1}}`, 0o600)}, "profile"},
		{"quotas with a misspelt member", standin.Config{Dir: dir, QuotasFile: write("q3", `{"*":{"min_record":1}}`, 0o600)}, "min_record"},
		{"quotas below zero", standin.Config{Dir: dir, QuotasFile: write("q4", `{"*":{"rpm":-1}}`, 0o600)}, "-1"},
		{"a back end that is none", standin.Config{Dir: dir, Backends: []string{"gpt"}}, "gpt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := tt.cfg
			cfg.NoSync = true
			if cfg.Dir == dir {
				cfg.Dir = t.TempDir()
			}
			server, err := standin.Start(t.Context(), cfg)
			if err == nil {
				defer func() { _ = server.Close(context.WithoutCancel(t.Context())) }()
				if strings.Contains(server.URL(), "0.0.0.0") {
					t.Errorf("URL() = %s cannot be dialled everywhere", server.URL())
				}
			}
			if tt.want == "" && err != nil {
				if strings.Contains(err.Error(), "cannot assign requested address") {
					t.Skip("this machine has no such address")
				}
				t.Fatalf("Start: %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("Start: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestARoleIsLimitedInS3(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	ctx := t.Context()
	_, err := c.s3.CreateBucket(ctx, newBucket("bucket-a"))
	want(t, "create a bucket", err, "")
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("in/x"), Body: strings.NewReader("x")})
	want(t, "put", err, "")
	asRole := assume(t, server, c, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-a/in/*"}]}`)
	_, err = asRole.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("in/x")})
	want(t, "get what is allowed", err, "")
	_, err = asRole.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("out/x")})
	want(t, "get what is not", err, "AccessDenied")
	_, err = asRole.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("in/x"), Body: strings.NewReader("x")})
	want(t, "put", err, "AccessDenied")
	_, err = asRole.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("in/y"), CopySource: aws.String("bucket-a/out/x")})
	want(t, "copy", err, "AccessDenied")
	_, err = asRole.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("bucket-a")})
	want(t, "list", err, "AccessDenied")
	_, err = asRole.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("in/x")})
	want(t, "delete", err, "AccessDenied")

	// A bucket in the host's name is the bucket whose rights count.
	_, err = c.s3.CreateBucket(ctx, newBucket("secret"))
	want(t, "create another bucket", err, "")
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("secret"), Key: aws.String("bucket-a/in/x"), Body: strings.NewReader("hidden")})
	want(t, "put into the other bucket", err, "")
	creds, err := asRole.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"secret.localhost", "secret.LOCALHOST", "bucket-a.localhost", "localhost"} {
		r := unsigned(t, server, "/bucket-a/in/x")
		r.Host = host
		r.Header.Set("X-Amz-Content-Sha256", hash(""))
		if err := v4.NewSigner().SignHTTP(ctx, creds, r, hash(""), "s3", "us-west-2", time.Now()); err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, r); strings.Contains(body, "hidden") || (status == http.StatusOK) != (host == "localhost") {
			t.Errorf("as host %s: %d %s", host, status, body)
		}
	}

	link, err := s3.NewPresignClient(asRole.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket-a"), Key: aws.String("out/x")})
	if err != nil {
		t.Fatal(err)
	}
	twice := link.URL + "&AWSAccessKeyId=" + "AKIAQUARRYLOCAL00001" // two ways to sign at once
	for url, want := range map[string]int{link.URL: http.StatusForbidden, twice: http.StatusBadRequest} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, r); status != want {
			t.Errorf("GET %s = %d %s, want %d", url, status, body, want)
		}
	}
}

// assume makes a role with one policy and gives the clients of a session of it.
func assume(t *testing.T, server *standin.Server, c clients, name, policy string) clients {
	t.Helper()
	role, err := c.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(userTrust)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy}); err != nil {
		t.Fatal(err)
	}
	session, err := c.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("tester")})
	if err != nil {
		t.Fatal(err)
	}
	k := session.Credentials
	return connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken))
}

// isCut tells a connection that ended without an answer.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "EOF") || err != nil && strings.Contains(err.Error(), "connection reset")
}
