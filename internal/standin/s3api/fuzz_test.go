package s3api_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// FuzzKeys puts an object under any key: it is refused, or it is that object alone and comes back under that key.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{
		"k", "a/b", "a//b", "/a", "a/", "./a", "../a", "a/../b", "a b", "a+b", "a%2Fb", "%", "日本", "\x00", "\x7f", "\xff", "?x=y", "#", "\\", strings.Repeat("x", 1025),
	} {
		f.Add(key)
	}
	w := setup(f)
	f.Fuzz(func(t *testing.T, key string) {
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(key)})
		var stored []string
		for o, err := range w.store.Objects(context.WithoutCancel(t.Context()), bucket, "") {
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, o.Key)
		}
		if err != nil {
			if s := status(err); s >= 500 || len(stored) != 0 {
				t.Errorf("put %q: %v, stored %q", key, err, stored)
			}
			return
		}
		if len(stored) != 1 || stored[0] != key {
			t.Fatalf("put %q, stored %q", key, stored)
		}
		if got, err := w.get(t.Context(), key); err != nil || string(got) != key {
			t.Errorf("get %q = %q, %v", key, got, err)
		}
		if _, err := w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key}); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	})
}

// FuzzRequests sends any request, as it is and with a good signature over it: it is answered, never with a panic or
// an internal error, and without a signature it has no effect.
func FuzzRequests(f *testing.F) {
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT /docs/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"PUT /docs/k?partNumber=1&uploadId=x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"POST /docs?delete HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n<Delete/>",
		"POST /docs/k?uploads HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /docs?list-type=2&max-keys=1&encoding-type=url HTTP/1.1\r\nHost: docs.localhost\r\n\r\n",
		"GET /docs/k?AWSAccessKeyId=AKIDQUARRY&Signature=x&Expires=99999999999 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /docs/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDQUARRY%2F20261121%2Fus-west-2%2Fs3%2Faws4_request HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /docs/k HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=,Signature=\r\nX-Amz-Date: 20261121T000000Z\r\n\r\n",
		"PUT /docs/k HTTP/1.1\r\nHost: x\r\nX-Amz-Copy-Source: docs/%ZZ\r\n\r\n",
		"PUT /docs?encryption HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n<a",
		"GET /docs/k?attributes HTTP/1.1\r\nHost: x\r\nX-Amz-Object-Attributes: ETag\r\n\r\n",
		"OPTIONS /docs/k HTTP/1.1\r\nHost: x\r\nOrigin: y\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
		"PUT //docs/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		f.Add([]byte(head))
	}
	w := setup(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, sign := range []bool{false, true} {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
			if err != nil {
				return
			}
			if sign && !signRequest(r) {
				return
			}
			rec := httptest.NewRecorder()
			w.api.ServeHTTP(rec, r)
			if rec.Code == http.StatusInternalServerError {
				t.Errorf("%q (signed: %v): %d %s", wire, sign, rec.Code, rec.Body)
			}
			if !sign && rec.Code < 300 && r.Method != http.MethodOptions {
				t.Errorf("%q: %d without a signature", wire, rec.Code)
			}
		}
	})
}

// signRequest signs a parsed request; false when the signer cannot.
func signRequest(r *http.Request) bool {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !strings.HasPrefix(path, "/") {
		return false
	}
	r.URL.RawQuery = values.Encode()
	r.URL.Opaque = "//" + r.Host + path
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	r.Body = struct {
		io.Reader
		io.Closer
	}{r.Body, r.Body}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.SignHTTP(context.Background(), creds, r, unsigned, "s3", "us-west-2", time.Now()); err != nil {
		return false
	}
	r.URL.Opaque = ""
	return true
}
