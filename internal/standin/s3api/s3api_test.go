package s3api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"quarry/internal/standin/s3api"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/store"
)

const (
	accessKey = "AKIDQUARRY"
	secretKey = "a secret with / and +"
	bucket    = "docs"
)

// world is one API on a test server over a store of its own.
type world struct {
	store *store.Store
	api   *s3api.API
	url   string
	http  *http.Client
	s3    *s3.Client
}

const account = "123456789012"

func keys(id string) (sigv4.Key, string, bool) {
	return sigv4.Key{Secret: secretKey}, account, id == accessKey
}

// setup starts a world with one bucket in us-west-2.
func setup(t testing.TB) *world {
	t.Helper()
	st, err := store.Open(store.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	api, err := s3api.New(s3api.Config{Store: st, Key: keys})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	w := &world{store: st, api: api, url: server.URL, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	w.s3 = w.client("us-west-2")
	t.Cleanup(func() {
		w.http.CloseIdleConnections()
		server.Close()
		if err := errors.Join(api.Close(), st.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := st.MakeBucket(context.WithoutCancel(t.Context()), bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client(region string, opts ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &w.url, Region: region, UsePathStyle: true, RetryMaxAttempts: 1, HTTPClient: w.http,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}, opts...)
}

func (w *world) put(t *testing.T, key string, body []byte) string {
	t.Helper()
	out, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return *out.ETag
}

func (w *world) get(ctx context.Context, key string) ([]byte, error) {
	out, err := w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key, ChecksumMode: "ENABLED"})
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(out.Body)
	return b, errors.Join(err, out.Body.Close())
}

// code is the S3 error code of err, "" when it is none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is the HTTP status of err, 0 when there was no answer.
func status(err error) int {
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		return resp.HTTPStatusCode()
	}
	return 0
}

// noise is size bytes that differ from all others.
func noise(seed byte, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{seed})
	_, _ = r.Read(b)
	return b
}
