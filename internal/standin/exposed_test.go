package standin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/internal/standin"
)

// keysFile writes a file of keys that the server takes.
func keysFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnANetworkAddressTheLocalPathsNeedAKey(t *testing.T) {
	t.Parallel()
	const id, secret = "AKIAEXPOSED000000001", "a-secret"
	server, _ := start(t, func(cfg *standin.Config) {
		cfg.Addr, cfg.KeysFile, cfg.TestClock = "0.0.0.0:0", keysFile(t, id+" "+secret, "bearer a-token"), true
	})
	calls := []struct{ method, path, body string }{
		{http.MethodGet, "/_quarry/health", ""},
		{http.MethodGet, "/_quarry/bill", ""},
		{http.MethodGet, "/_quarry/bill?totals=1", ""},
		{http.MethodPost, "/_quarry/clock", `{"advance":"1h"}`},
		{http.MethodPost, "/_quarry/quotas", `{"*":{"rpm":1000}}`},
		{http.MethodPost, "/_quarry/faults", `{"faults":""}`},
	}
	signed := func(id, secret string, at time.Time) func(*http.Request, string) {
		return func(r *http.Request, body string) {
			sum := sha256.Sum256([]byte(body))
			keys := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
			if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(sum[:]), "quarry", "us-west-2", at); err != nil {
				t.Error(err)
			}
		}
	}
	now := time.Now()
	for _, tt := range []struct {
		name  string
		prove func(*http.Request, string)
		want  int
	}{
		{"nothing", func(*http.Request, string) {}, http.StatusForbidden},
		{"another host's name", func(r *http.Request, _ string) { r.Host = "localhost" }, http.StatusForbidden},
		{"an address that claims to be loopback", func(r *http.Request, _ string) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }, http.StatusForbidden},
		{"another token", func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer b") }, http.StatusForbidden},
		{"the secret as a token", func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer "+secret) }, http.StatusForbidden},
		{"an empty token", func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer ") }, http.StatusForbidden},
		{"another secret", signed(id, "another", now), http.StatusForbidden},
		{"another key", signed("AKIAQUARRYLOCAL00001", secret, now), http.StatusForbidden},
		{"a signature of yesterday", signed(id, secret, now.Add(-24*time.Hour)), http.StatusForbidden},
		{"a configured token", func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer a-token") }, http.StatusOK},
		{"a configured key", signed(id, secret, now), http.StatusOK},
		{"a web page with a token", func(r *http.Request, _ string) {
			r.Header.Set("Authorization", "Bearer a-token")
			r.Header.Set("Origin", "https://example.com")
		}, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, call := range calls {
				r, err := http.NewRequestWithContext(t.Context(), call.method, server.URL()+call.path, strings.NewReader(call.body))
				if err != nil {
					t.Fatal(err)
				}
				tt.prove(r, call.body)
				if status, body := send(t, r); status != tt.want {
					t.Errorf("%s %s: %d %s, want %d", call.method, call.path, status, body, tt.want)
				}
			}
		})
	}
}

func TestWhatTestsChangeNeedsTheFlag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                 string
		set                  func(*standin.Config)
		clock, quotas, fault int
	}{
		{"neither flag", nil, http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		{"--test", func(c *standin.Config) { c.Test = true }, http.StatusForbidden, http.StatusOK, http.StatusOK},
		{"--test-clock", func(c *standin.Config) { c.TestClock = true }, http.StatusOK, http.StatusOK, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, _ := start(t, tt.set)
			for path, call := range map[string]struct {
				body string
				want int
			}{
				"clock": {`{"advance":"1h"}`, tt.clock}, "quotas": {`{}`, tt.quotas}, "faults": {`{"faults":""}`, tt.fault}, "reset": {"", tt.fault}, "snapshot": {`{"save":"a"}`, tt.fault},
			} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL()+"/_quarry/"+path, strings.NewReader(call.body))
				if err != nil {
					t.Fatal(err)
				}
				if status, body := send(t, r); status != call.want {
					t.Errorf("%s: %d %s, want %d", path, status, body, call.want)
				}
			}
		})
	}
}

func TestInventedRegionsDoNotShutOutOthers(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	id, secret := server.Keys()
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("xx-%c%c%c-%d", 'a'+i/26/26, 'a'+i/26%26, 'a'+i%26, i%9+1))
	}
	for i, region := range names {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/a-bucket/key", nil)
		if err != nil {
			t.Fatal(err)
		}
		credential := "AKIAINVENTED00000001"
		if i%2 == 0 {
			credential = id // a key's id is no secret
		}
		scope := time.Now().UTC().Format("20060102") + "/" + region + "/s3/aws4_request"
		if i%3 == 0 {
			query := r.URL.Query()
			for name, value := range map[string]string{
				"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": credential + "/" + scope, "X-Amz-Expires": "600",
				"X-Amz-Date": time.Now().UTC().Format("20060102T150405Z"), "X-Amz-SignedHeaders": "host", "X-Amz-Signature": strings.Repeat("0", 64),
			} {
				query.Set(name, value)
			}
			r.URL.RawQuery = query.Encode()
		} else {
			r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+credential+"/"+scope+
				", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="+strings.Repeat("0", 64))
		}
		if status, body := send(t, r); status != http.StatusBadRequest {
			t.Fatalf("a request for %s, which is no Region: %d %s", region, status, body)
		}
	}
	for _, region := range []string{"eu-central-1", "ap-northeast-1", "us-gov-west-1"} {
		cfg := c.cfg
		cfg.Region, cfg.Credentials = region, credentials.NewStaticCredentialsProvider(id, secret, "")
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		if _, err := client.ListBuckets(t.Context(), nil); err != nil {
			t.Errorf("S3 in %s afterwards: %v", region, err)
		}
	}
}

// TestTheFirstRequestForARegionMayBeSignedInAnyWay signs as clients do.
func TestTheFirstRequestForARegionMayBeSignedInAnyWay(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	if _, err := c.s3.CreateBucket(t.Context(), newBucket("first-request")); err != nil {
		t.Fatal(err)
	}
	keys := []string{"plain", "with space/and+plus", "日本語/é", "a//b", "%25/percent", "tilde~*'()!"}
	for _, key := range keys {
		if _, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("first-request"), Key: &key, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
		region := func(name string) s3.Options {
			o := s3.NewFromConfig(c.cfg, func(o *s3.Options) { o.UsePathStyle = true }).Options()
			o.Region = name
			return o
		}
		get := s3.New(region("us-east-2"))
		if _, err := get.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("first-request"), Key: &key}); err != nil {
			t.Errorf("GetObject of %q: %v", key, err)
		}
		put := s3.New(region("eu-north-1"))
		if _, err := put.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("first-request"), Key: aws.String(key + "2"), Body: strings.NewReader("x"), Metadata: map[string]string{"a": "b  c"}}); err != nil {
			t.Errorf("PutObject of %q: %v", key, err)
		}
		url, err := s3.NewPresignClient(s3.New(region("cn-north-1"))).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("first-request"), Key: &key, ResponseContentType: aws.String("text/plain; a b")})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, r); status != http.StatusOK {
			t.Errorf("a presigned URL of %q: %d %s", key, status, body)
		}
	}
	// A presigned URL from the future, in a Region that is served already.
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	id, secret := server.Keys()
	for ahead, want := range map[time.Duration]int{2 * time.Hour: http.StatusForbidden, 10 * time.Minute: http.StatusOK, 0: http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/first-request/plain?X-Amz-Expires=90000", nil)
		if err != nil {
			t.Fatal(err)
		}
		uri, _, err := signer.PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "s3", "us-west-2", time.Now().Add(ahead))
		if err != nil {
			t.Fatal(err)
		}
		again, err := http.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, again); status != want {
			t.Errorf("presigned %v ahead: %d %s, want %d", ahead, status, body, want)
		}
	}
}

// TestUnprovenBodiesDoNotShutOutOthers sends the beginnings of large requests that cannot be proved without their bodies,
// and then requests of real clients.
func TestUnprovenBodiesDoNotShutOutOthers(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	id, _ := server.Keys()
	at := time.Now().UTC()
	head := "POST /model/" + haiku + "/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 25000000\r\nX-Amz-Date: " + at.Format("20060102T150405Z") +
		"\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + id + "/" + at.Format("20060102") +
		"/us-west-2/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64) + "\r\n\r\n{"
	for range 12 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
	}
	for service, err := range calls(t.Context(), c) {
		if err != nil {
			t.Errorf("%s while strangers send large bodies: %v", service, err)
		}
	}
	body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Say a word."}]}`
	if _, err := c.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: []byte(body)}); err != nil {
		t.Errorf("InvokeModel while strangers send large bodies: %v", err)
	}
}
