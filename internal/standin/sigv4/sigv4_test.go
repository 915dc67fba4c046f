package sigv4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	httpcredentials "github.com/aws/smithy-go/aws-http-auth/credentials"
	httpsigv4 "github.com/aws/smithy-go/aws-http-auth/sigv4"
	httpauth "github.com/aws/smithy-go/aws-http-auth/v4"

	"quarry/internal/standin/sigv4"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// call is one request that a client signs.
type call struct {
	method, url, body, token string
	header                   map[string]string
}

// signed has the SDK's own signer sign a call, and gives the request as a server's listener would read it.
func signed(t testing.TB, c call, presign bool) (*http.Request, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(c.body))
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: c.token}
	signer, hash := v4.NewSigner(), hex.EncodeToString(sum[:])
	if presign {
		query := r.URL.Query()
		query.Set("X-Amz-Expires", "60")
		r.URL.RawQuery = query.Encode()
		location, header, err := signer.PresignHTTP(t.Context(), creds, r, hash, "bedrock", "us-west-2", now)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = http.NewRequestWithContext(t.Context(), c.method, location, strings.NewReader(c.body)); err != nil {
			t.Fatal(err)
		}
		r.Header = header
	} else if err := signer.SignHTTP(t.Context(), creds, r, hash, "bedrock", "us-west-2", now); err != nil {
		t.Fatal(err)
	}
	return received(t, r, c.body)
}

func received(t testing.TB, r *http.Request, body string) (*http.Request, []byte) {
	t.Helper()
	in := httptest.NewRequestWithContext(t.Context(), r.Method, r.URL.RequestURI(), strings.NewReader(body))
	in.Host = r.URL.Host
	for name, values := range r.Header {
		if name != "Host" {
			in.Header[name] = values
		}
	}
	return in, []byte(body)
}

// verify does what a server does with a request.
func verify(r *http.Request, body []byte, at time.Time, key sigv4.Key) error {
	claim, err := sigv4.Read(r)
	if err != nil {
		return err
	}
	if err := claim.CheckTime(at); err != nil {
		return err
	}
	if err := claim.CheckToken(key, at); err != nil {
		return err
	}
	return claim.Verify(r, body, key)
}

var calls = map[string]call{
	"a call without a body": {method: "GET", url: "http://127.0.0.1:4566/model-invocation-jobs?maxResults=2&nameContains=a%20b"},
	"an ARN as one segment": {method: "GET", url: "http://127.0.0.1:4566/model-invocation-job/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Amodel-invocation-job%2Fabcdefghijkl"},
	"a body and a target": {
		method: "POST", url: "http://127.0.0.1:4566/", body: `{"ServiceCode":"bedrock"}`,
		header: map[string]string{"X-Amz-Target": "ServiceQuotasV20190624.ListServiceQuotas", "Content-Type": "application/x-amz-json-1.1"},
	},
	"runs of spaces in a header": {method: "GET", url: "http://127.0.0.1:4566/", header: map[string]string{"X-Amz-Meta-Note": "  a   b  c "}},
	"a session token":            {method: "GET", url: "http://127.0.0.1:4566/foundation-models", token: "a/token+with=signs"},
	"a query with odd letters":   {method: "GET", url: "http://127.0.0.1:4566/inference-profiles?type=SYSTEM_DEFINED&q=%2B%26%3D%C3%A9~*"},
}

func TestARequestThatTheSDKSignedIsVerified(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		for _, presign := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", presigned"}[presign], func(t *testing.T) {
				t.Parallel()
				r, body := signed(t, c, presign)
				if err := verify(r, body, now.Add(30*time.Second), sigv4.Key{Secret: secret, Token: c.token}); err != nil {
					t.Fatalf("verify = %v, want it accepted", err)
				}
			})
		}
	}
}

func TestAChangedRequestIsRefused(t *testing.T) {
	t.Parallel()
	good := sigv4.Key{Secret: secret}
	for _, tt := range []struct {
		name    string
		presign bool
		at      time.Duration
		key     sigv4.Key
		change  func(r *http.Request, body *[]byte)
		want    error
	}{
		{name: "another secret", key: sigv4.Key{Secret: secret + "x"}, want: sigv4.ErrMismatch},
		{name: "an empty secret", key: sigv4.Key{}, want: sigv4.ErrMismatch},
		{name: "another body", change: func(_ *http.Request, b *[]byte) { *b = []byte(`{"ServiceCode":"s3"}`) }, want: sigv4.ErrMismatch},
		{name: "another target", change: func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Target", "Other") }, want: sigv4.ErrMismatch},
		{name: "another method", change: func(r *http.Request, _ *[]byte) { r.Method = "PUT" }, want: sigv4.ErrMismatch},
		{name: "another path", change: func(r *http.Request, _ *[]byte) { r.URL.Path = "/other" }, want: sigv4.ErrMismatch},
		{name: "another host", change: func(r *http.Request, _ *[]byte) { r.Host = "other:1" }, want: sigv4.ErrMismatch},
		{name: "a query added", change: func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&a=b" }, want: sigv4.ErrMismatch},
		{name: "a query added in a form that the parser drops", change: func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&a;b" }, want: sigv4.ErrIncomplete},
		{name: "an AWS header added unsigned", change: func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Other", "1") }, want: sigv4.ErrIncomplete},
		{name: "a hash header that is not the body's", change: func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, want: sigv4.ErrIncomplete},
		{name: "another region in the scope", change: edit("us-west-2", "us-east-1"), want: sigv4.ErrMismatch},
		{name: "another service in the scope", change: edit("/bedrock/", "/iam/"), want: sigv4.ErrMismatch},
		{name: "no host among the signed headers", change: edit("host;", ""), want: sigv4.ErrIncomplete},
		{name: "another terminator", change: edit("aws4_request", "aws5_request"), want: sigv4.ErrScope},
		{name: "another day in the scope", change: edit("20260301/", "20260302/"), want: sigv4.ErrScope},
		{name: "another algorithm", change: edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), want: sigv4.ErrIncomplete},
		{name: "no signature at all", change: func(r *http.Request, _ *[]byte) { r.Header.Del("Authorization"); r.URL.RawQuery = "" }, want: sigv4.ErrUnsigned},
		{name: "a token that the key has not", change: func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Security-Token", "t") }, want: sigv4.ErrToken},
		{name: "no token where the key has one", key: sigv4.Key{Secret: secret, Token: "t"}, want: sigv4.ErrToken},
		{name: "a clock sixteen minutes ahead", at: 16 * time.Minute, want: sigv4.ErrSkew},
		{name: "a clock sixteen minutes behind", at: -16 * time.Minute, want: sigv4.ErrSkew},
		{name: "a presigned URL past its minute", presign: true, at: 61 * time.Second, want: sigv4.ErrSkew},
		{name: "a presigned URL with a longer life", presign: true, change: edit("X-Amz-Expires=60", "X-Amz-Expires=600"), want: sigv4.ErrMismatch},
		{name: "a presigned URL with the life twice", presign: true, change: func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&X-Amz-Expires=600" }, want: sigv4.ErrIncomplete},
		{name: "a presigned URL with another body", presign: true, change: func(_ *http.Request, b *[]byte) { *b = []byte("x") }, want: sigv4.ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, body := signed(t, calls["a body and a target"], tt.presign)
			if tt.change != nil {
				tt.change(r, &body)
			}
			key := tt.key
			if key == (sigv4.Key{}) && tt.name != "an empty secret" {
				key = good
			}
			if err := verify(r, body, now.Add(tt.at), key); !errors.Is(err, tt.want) {
				t.Fatalf("verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// edit changes a text wherever the signature is.
func edit(from, to string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) {
		r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), from, to))
		r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, from, to)
		if r.Header.Get("Authorization") == "" {
			r.Header.Del("Authorization")
		}
	}
}

// TestHTTP2SignsItsAuthority has the signer sign a header of that name, as the JavaScript SDK does over HTTP/2.
func TestHTTP2SignsItsAuthority(t *testing.T) {
	t.Parallel()
	make2 := func() (*http.Request, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:4566/model", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[":authority"] = []string{"127.0.0.1:4566"}
		sum := sha256.Sum256(nil)
		only := func(o *httpauth.SignerOptions) { o.HeaderRules = authorityAndDate{} }
		err = httpsigv4.New(only).SignRequest(&httpsigv4.SignRequestInput{
			Request: r, PayloadHash: sum[:], Credentials: httpcredentials.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
			Service: "bedrock", Region: "us-west-2", Time: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		delete(r.Header, ":authority")
		in, body := received(t, r, "")
		in.ProtoMajor = 2
		return in, body
	}
	r, body := make2()
	if err := verify(r, body, now, sigv4.Key{Secret: secret}); err != nil {
		t.Errorf("over HTTP/2: %v", err)
	}
	r, body = make2()
	r.Host = "other:1"
	if err := verify(r, body, now, sigv4.Key{Secret: secret}); !errors.Is(err, sigv4.ErrMismatch) {
		t.Errorf("to another host: %v, want %v", err, sigv4.ErrMismatch)
	}
	r, body = make2()
	r.ProtoMajor = 1
	if err := verify(r, body, now, sigv4.Key{Secret: secret}); !errors.Is(err, sigv4.ErrIncomplete) {
		t.Errorf("over HTTP/1: %v, want %v", err, sigv4.ErrIncomplete)
	}
}

type authorityAndDate struct{}

func (authorityAndDate) IsSigned(name string) bool {
	return name == ":authority" || name == "x-amz-date"
}

func TestAnExpiredTokenIsRecognized(t *testing.T) {
	t.Parallel()
	r, body := signed(t, calls["a session token"], false)
	key := sigv4.Key{Secret: secret, Token: "a/token+with=signs", Expires: now.Add(-time.Second)}
	if err := verify(r, body, now, key); !errors.Is(err, sigv4.ErrTokenOld) {
		t.Fatalf("verify = %v, want %v", err, sigv4.ErrTokenOld)
	}
}

// FuzzRead feeds signatures as strangers would write them: none may pass without the secret, none may panic.
func FuzzRead(f *testing.F) {
	r, _ := signed(f, calls["a body and a target"], false)
	f.Add(r.Header.Get("Authorization"), "", "20260301T120000Z")
	r, _ = signed(f, calls["a body and a target"], true)
	f.Add("", r.URL.RawQuery, "")
	f.Add("AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature=", "%zz&;", "0")
	f.Add("AWS4-HMAC-SHA256 Credential=a/20260301/r/s/aws4_request, SignedHeaders=host;;x, Signature=0", "", "20260301T120000Z")
	f.Fuzz(func(t *testing.T, authorization, query, date string) {
		r := &http.Request{
			Method: "POST", Host: "127.0.0.1:4566", URL: &url.URL{Path: "/", RawQuery: query},
			Header: http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}}, Body: io.NopCloser(bytes.NewReader(nil)),
		}
		if err := verify(r, nil, now, sigv4.Key{Secret: "a secret that nobody guesses"}); err == nil {
			t.Fatalf("a stranger's request was accepted: %q %q", authorization, query)
		}
	})
}

// FuzzVerify signs whatever a client could send: it passes as it is and fails with one byte more in its body.
func FuzzVerify(f *testing.F) {
	f.Add("POST", "/model/a%2Fb/invoke", "x=1&y=%20", "application/json", `{"a":1}`)
	f.Add("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		target := "http://127.0.0.1:4566" + path + "?" + query
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "127.0.0.1:4566" || u.Fragment != "" || strings.ContainsAny(target, " #") {
			return
		}
		values, err := url.ParseQuery(u.RawQuery)
		if err != nil || values.Has("X-Amz-Signature") {
			return
		}
		for name := range values {
			if url.QueryEscape(name) != name {
				return // the two signers of AWS sort such names differently; no API has one
			}
		}
		for _, r := range method {
			if r < 'A' || r > 'Z' {
				return
			}
		}
		for _, b := range []byte(contentType) {
			if b < 0x20 || b > 0x7e {
				return
			}
		}
		if method == "" {
			return
		}
		c := call{method: method, url: target, body: body, header: map[string]string{"Content-Type": contentType}}
		r, sent := signed(t, c, false)
		if claim, err := sigv4.Read(r); err != nil {
			t.Fatalf("read the claim: %v", err)
		} else if err := claim.Verify(r, sent, sigv4.Key{Secret: secret}); err != nil {
			t.Fatalf("a signed request is refused: %v", err)
		} else if err := claim.Verify(r, append(sent, '!'), sigv4.Key{Secret: secret}); !errors.Is(err, sigv4.ErrMismatch) {
			t.Fatalf("a changed body gives %v, want %v", err, sigv4.ErrMismatch)
		}
	})
}
