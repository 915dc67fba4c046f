package standin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/goleak"

	"quarry/internal/standin"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) {
	testdata.InMemory()
	goleak.VerifyTestMain(m)
}

// clients are the SDK's, with the settings of one user.
type clients struct {
	cfg     aws.Config
	s3      *s3.Client
	bedrock *bedrock.Client
	runtime *bedrockruntime.Client
	iam     *iam.Client
	sts     *sts.Client
	quotas  *servicequotas.Client
}

// start runs a server for the length of a test and gives the clients of its administrator.
func start(t *testing.T, change func(*standin.Config)) (*standin.Server, clients) {
	t.Helper()
	cfg := configured(func(cfg *standin.Config) {
		cfg.Dir = t.TempDir()
		if change != nil {
			change(cfg)
		}
	})
	server, err := standin.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	id, secret := server.Keys()
	return server, connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
}

// configured is what the tests' servers have in common, and a change.
func configured(change func(*standin.Config)) standin.Config {
	cfg := standin.Config{NoSync: true, StateDelay: time.Millisecond}
	change(&cfg)
	return cfg
}

// connect makes clients that retry nothing, so that a test sees every answer.
func connect(t *testing.T, url string, keys aws.CredentialsProvider) clients {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := aws.Config{
		Region: "us-west-2", BaseEndpoint: &url, Credentials: keys,
		HTTPClient: &http.Client{Transport: whole{transport}},
		Retryer:    func() aws.Retryer { return aws.NopRetryer{} },
	}
	return fromConfig(cfg)
}

func fromConfig(cfg aws.Config) clients {
	return clients{
		cfg:     cfg,
		s3:      s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		bedrock: bedrock.NewFromConfig(cfg),
		runtime: bedrockruntime.NewFromConfig(cfg),
		iam:     iam.NewFromConfig(cfg),
		sts:     sts.NewFromConfig(cfg),
		quotas:  servicequotas.NewFromConfig(cfg),
	}
}

// hash is what a signature has of a body.
func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// whole gives answers that have been read to their end. The SDK closes a request's body as soon as the answer's head is
// there; where net/http still looks for more of that body, it takes the end of a closed body for a failed write and
// cuts the connection under the answer. With any server that is one call in ten thousand on a busy machine.
type whole struct{ next *http.Transport }

func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// newBucket asks for a bucket in the Region of the tests' clients.
func newBucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintUsWest2},
	}
}
