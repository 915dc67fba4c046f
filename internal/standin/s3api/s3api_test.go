package s3api_test

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/internal/standin/s3api"
	"quarry/internal/standin/store"
)

const (
	accessKey = "AKIDQUARRY"
	secretKey = "a secret with / and +"
)

// world is one API on a test server over a store of its own.
type world struct {
	store *store.Store
	api   *s3api.API
	url   string
	s3    *s3.Client
}

func secrets(id string) (string, bool) { return secretKey, id == accessKey }

func setup(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(store.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	api, err := s3api.New(s3api.Config{Store: st, Secret: secrets})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		server.Close()
		if err := api.Close(); err != nil {
			t.Errorf("close API: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	w := &world{store: st, api: api, url: server.URL}
	w.s3 = w.client("us-west-2")
	return w
}

func (w *world) client(region string, opts ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &w.url, Region: region, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}, opts...)
}

func (w *world) bucket(t *testing.T) string {
	t.Helper()
	if err := w.store.MakeBucket(t.Context(), "docs", "us-west-2"); err != nil {
		t.Fatal(err)
	}
	return "docs"
}

func (w *world) put(t *testing.T, bucket, key string, body []byte) {
	t.Helper()
	_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

func (w *world) get(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: "ENABLED"})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close() //nolint:errcheck // only read
	return io.ReadAll(out.Body)
}

func TestPutAndGetObjectsOfManySizes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bucket(t)
	for _, size := range []int{0, 1, 4096, 4097, 70_000, 3 << 20} {
		body := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
		w.put(t, b, "k", body)
		got, err := w.get(t.Context(), b, "k")
		if err != nil {
			t.Fatalf("get %d bytes: %v", size, err)
		}
		if !bytes.Equal(got, body) {
			t.Errorf("got %d bytes, want the %d that were put", len(got), size)
		}
	}
}
