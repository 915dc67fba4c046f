package bucket_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"quarry"
	"quarry/internal/aws/bucket"
)

// What S3 answers to a look at a bucket has no body: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
func TestFindReadsWhatHasNoBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		header string
		region string
		found  bool
		kind   quarry.ErrorKind
		fails  bool
	}{
		{"it is here", 200, "us-west-2", "us-west-2", true, 0, false},
		{"it is elsewhere", 301, "eu-west-1", "eu-west-1", true, 0, false},
		{"it is elsewhere, and S3 does not say where", 301, "", "", false, quarry.Provider, true},
		{"there is none", 404, "", "", false, 0, false},
		{"it is somebody else's", 403, "us-west-2", "", false, quarry.Denied, true},
		{"S3 has a bad day", 503, "", "", false, quarry.Provider, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if owner := r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "123456789012" {
					t.Errorf("asked for a bucket of %q", owner)
				}
				if tt.header != "" {
					w.Header().Set("X-Amz-Bucket-Region", tt.header)
				}
				w.WriteHeader(tt.status)
			}))
			defer server.Close()
			b := bucket.New(aws.Config{
				Region: "us-west-2", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
				Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
			}, "some-bucket")
			region, found, err := b.Settings("123456789012").Find(t.Context())
			var q *quarry.Error
			if region != tt.region || found != tt.found || (err != nil) != tt.fails || tt.fails && (!errors.As(err, &q) || q.Kind != tt.kind) {
				t.Errorf("Find = %q, %v, %v, want %q, %v, kind %v", region, found, err, tt.region, tt.found, tt.kind)
			}
		})
	}
}
