package bedrockapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/standin/bedrockapi"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "123456789012"
	region  = "us-west-2"
	haiku   = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	roleARN = "arn:aws:iam::123456789012:role/quarry-batch"
	caller  = "arn:aws:iam::123456789012:user/quarry"
)

var place = worker.Place{Account: account, Region: region}

// world is a whole server and AWS's own clients for it.
type world struct {
	t       testing.TB
	url     string
	engine  *worker.Engine
	store   *store.Store
	bedrock *bedrock.Client
	runtime *bedrockruntime.Client
}

type settings struct {
	model  model.Model
	quotas quarry.Quotas
	faults string
	access func(ctx context.Context, principal, action, resource string, conditions map[string]string) error
	region string
}

// readOnly hides the WriteTo of requests' bodies, as effect's client does and for its reason: an answer that begins before the SDK's
// body has been read to its end would lose its connection.
type readOnly struct{ http.RoundTripper }

func (t readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return t.RoundTripper.RoundTrip(r)
}

func setup(t testing.TB, change ...func(*settings)) *world {
	t.Helper()
	s := settings{quotas: quarry.Quotas{MinRecords: 3}, region: region}
	for _, c := range change {
		c(&s)
	}
	if s.model == nil {
		var err error
		if s.model, err = model.Open([]string{"echo"}, model.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	quotas := func(string, string) quarry.Quotas { return s.quotas }
	set, err := faults.Parse(s.faults)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	if w.store, err = store.Open(store.Config{Dir: t.TempDir(), NoSync: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.store.MakeBucket(t.Context(), "papers", region); err != nil {
		t.Fatal(err)
	}
	w.engine, err = worker.Open(worker.Config{
		Dir: t.TempDir(), NoSync: true, Store: worker.FromStore(w.store), Model: s.model, Quotas: quotas,
		Access: s.access, Faults: func() faults.Set { return set }, StateDelay: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(bedrockapi.New(bedrockapi.Config{
		Engine: w.engine, Quotas: quotas, Access: s.access, Faults: func() faults.Set { return set },
		Caller: func(*http.Request) bedrockapi.Caller {
			return bedrockapi.Caller{ARN: caller, Account: account, Region: s.region}
		},
	}))
	w.url = server.URL
	client := &http.Client{Transport: readOnly{server.Client().Transport}}
	options := func(endpoint **string, region *string, c *aws.CredentialsProvider, retries *int, h *bedrock.HTTPClient) {
		*endpoint, *region, *retries, *h = &w.url, s.region, 1, client
		*c = credentials.NewStaticCredentialsProvider("id", "secret", "")
	}
	w.bedrock = bedrock.New(bedrock.Options{}, func(o *bedrock.Options) {
		options(&o.BaseEndpoint, &o.Region, &o.Credentials, &o.RetryMaxAttempts, &o.HTTPClient)
	})
	w.runtime = bedrockruntime.New(bedrockruntime.Options{}, func(o *bedrockruntime.Options) {
		var h bedrock.HTTPClient
		options(&o.BaseEndpoint, &o.Region, &o.Credentials, &o.RetryMaxAttempts, &h)
		o.HTTPClient = h
	})
	t.Cleanup(func() {
		server.Client().CloseIdleConnections()
		server.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := errors.Join(w.engine.Close(ctx), w.store.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// upload writes n records that the echo model can answer.
func (w *world) upload(key string, n int) {
	w.t.Helper()
	out, err := w.store.Create(w.t.Context(), "papers", key)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		if _, err := fmt.Fprintf(out, `{"recordId":"r%d","modelInput":%s}`+"\n", i, body("text "+fmt.Sprint(i))); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := out.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

func body(text string) string {
	return fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":%q}]}`, text)
}

func job(name string) *bedrock.CreateModelInvocationJobInput {
	return &bedrock.CreateModelInvocationJobInput{
		JobName: aws.String(name), ModelId: aws.String(haiku), RoleArn: aws.String(roleARN),
		InputDataConfig: &types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig{
			Value: types.ModelInvocationJobS3InputDataConfig{S3Uri: aws.String("s3://papers/in/a.jsonl")},
		},
		OutputDataConfig: &types.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig{
			Value: types.ModelInvocationJobS3OutputDataConfig{S3Uri: aws.String("s3://papers/out/")},
		},
	}
}

func (w *world) create(in *bedrock.CreateModelInvocationJobInput) string {
	w.t.Helper()
	out, err := w.bedrock.CreateModelInvocationJob(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.JobArn
}

func (w *world) get(arn string) *bedrock.GetModelInvocationJobOutput {
	w.t.Helper()
	out, err := w.bedrock.GetModelInvocationJob(w.t.Context(), &bedrock.GetModelInvocationJobInput{JobIdentifier: &arn})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// end polls until the job has ended.
func (w *world) end(arn string) *bedrock.GetModelInvocationJobOutput {
	w.t.Helper()
	for {
		if out := w.get(arn); quarry.JobStatus(out.Status).Terminal() {
			return out
		}
	}
}

func (w *world) read(key string) string {
	w.t.Helper()
	r, _, err := w.store.Read(w.t.Context(), "papers", key, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// wantCode checks an error's code as the client read it, and a part of its message.
func wantCode(t *testing.T, err error, code, part string) {
	t.Helper()
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	if refusal.ErrorCode() != code || !strings.Contains(refusal.ErrorMessage(), part) {
		t.Errorf("got %s: %s; want %s with %q", refusal.ErrorCode(), refusal.ErrorMessage(), code, part)
	}
}
