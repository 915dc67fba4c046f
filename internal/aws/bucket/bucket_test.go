package bucket_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/bucket"
)

func serve(t *testing.T, handler http.HandlerFunc) *bucket.Bucket {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return bucket.New(aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(server.URL), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.AnonymousCredentials{}, HTTPClient: server.Client(),
	}, "quarry-test")
}

func TestDownloadThatIsCutMaySucceedLater(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("the first bytes"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	r, _, err := b.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	_, err = io.ReadAll(r)
	var q *quarry.Error
	if !errors.Is(err, bucket.ErrLater) || !errors.As(err, &q) || q.Kind != quarry.Provider {
		t.Errorf("got %v, want %v of the provider", err, bucket.ErrLater)
	}
}

func TestCredentialsThatRanOutMaySucceedLater(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`)
	})
	_, _, err := b.Get(t.Context(), "k")
	var q *quarry.Error
	if !errors.Is(err, bucket.ErrLater) || !errors.As(err, &q) || q.Kind != quarry.Denied {
		t.Errorf("got %v, want %v and a denial", err, bucket.ErrLater)
	}
}
