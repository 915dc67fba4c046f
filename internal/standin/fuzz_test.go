package standin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"quarry/internal/standin"
)

// alarm notes a line of the log that tells of a panic.
type alarm struct{ rung atomic.Bool }

func (a *alarm) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panic")) {
		a.rung.Store(true)
	}
	return len(p), nil
}

// FuzzServe sends what a client with a good key could send to any service: the server may refuse it, but neither panic
// nor blame itself.
func FuzzServe(f *testing.F) {
	f.Add("POST", "/", "sts", "", "application/x-www-form-urlencoded", "", "Action=GetCallerIdentity&Version=2011-06-15")
	f.Add("POST", "/", "iam", "", "application/x-www-form-urlencoded", "", "Action=SimulatePrincipalPolicy&Version=2010-05-08&PolicySourceArn=arn:aws:iam::123456789012:user/quarry&ActionNames.member.1=a:b&Marker=LTE")
	f.Add("POST", "/", "servicequotas", "", "application/x-amz-json-1.1", "ServiceQuotasV20190624.ListServiceQuotas", `{"ServiceCode":"bedrock","MaxResults":-1,"NextToken":"cXVvdGE6LTE"}`)
	f.Add("GET", "/model-invocation-jobs", "bedrock", "maxResults=0&sortBy=x&nextToken=%00", "", "", "")
	f.Add("POST", "/model-invocation-job", "bedrock", "", "application/json", "", `{"jobName":1,"tags":[null]}`)
	f.Add("POST", "/model/arn%3Aaws%3Abedrock%2Fx/invoke", "bedrock", "", "application/json", "", `{"messages":[{}]}`)
	f.Add("GET", "/%2e%2e/%2e%2e/etc/passwd", "s3", "list-type=2&max-keys=99999999999", "", "", "")
	f.Add("PUT", "/bucket/k%00", "s3", "partNumber=0&uploadId=../../x", "", "", "x")
	bell := &alarm{}
	cfg := standin.Config{Dir: f.TempDir(), NoSync: true, StateDelay: time.Hour, Log: slog.New(slog.NewTextHandler(bell, nil))}
	server, err := standin.Start(f.Context(), cfg)
	if err != nil {
		f.Fatal(err)
	}
	transport := &http.Transport{}
	f.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(context.WithoutCancel(f.Context())); err != nil {
			f.Log(err)
		}
	})
	id, secret := server.Keys()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = false })
	f.Fuzz(func(t *testing.T, method, path, service, query, contentType, target, body string) {
		if !strings.HasPrefix(path, "/") || len(method) > 10 {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
		if err != nil || r.URL.Host != strings.TrimPrefix(server.URL(), "http://") || method == http.MethodConnect {
			return
		}
		r.URL.RawQuery, r.URL.Fragment = query, ""
		r.Header.Set("Content-Type", contentType)
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		if service == "s3" {
			r.Header.Set("X-Amz-Content-Sha256", hash(body))
		}
		if err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, hash(body), service, "us-west-2", time.Now(), func(o *v4.SignerOptions) {
			o.DisableURIPathEscaping = service == "s3"
		}); err != nil {
			return
		}
		resp, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		if err != nil {
			if _, ok := errors.AsType[net.Error](err); !ok || bell.rung.Load() {
				t.Fatalf("%s %s: %v (panic: %v)", method, path, err, bell.rung.Load())
			}
			return // what Go's client will not send
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode == http.StatusInternalServerError || bell.rung.Load() {
			t.Fatalf("%s %s?%s at %s: %d %s (%v, panic: %v)", method, path, query, service, resp.StatusCode, answer, err, bell.rung.Load())
		}
	})
}
