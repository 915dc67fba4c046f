package preflight_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/preflight"
	"quarry/internal/aws/quotas"
	"quarry/internal/base/catalog"
	"quarry/internal/standin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "123456789012"
	haiku   = "anthropic.claude-haiku-4-5-20251001-v1:0"
	roleARN = "arn:aws:iam::" + account + ":role/quarry-batch"
	name    = "quarry-batch"
)

// world is an account in a stand-in in which a job would succeed, and what is asked of it.
type world struct {
	t        *testing.T
	cfg      aws.Config
	iam      *iam.Client
	s3       *s3.Client
	pre      preflight.Config
	services preflight.Services
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := standin.Start(t.Context(), standin.Config{Dir: t.TempDir(), NoSync: true, StateDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	id, secret := server.Keys()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	w := &world{t: t, cfg: aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		HTTPClient: &http.Client{Transport: transport},
	}}
	w.iam, w.s3 = iam.NewFromConfig(w.cfg), s3.NewFromConfig(w.cfg)
	w.pre = preflight.Config{
		Account: account, Partition: "aws", Region: "us-west-2", Caller: "arn:aws:iam::" + account + ":user/quarry", Model: "us." + haiku, Bucket: "good-bucket",
		Role: roleARN, Now: time.Now(),
	}
	w.wire()
	w.must(bucket.New(w.cfg, "good-bucket").Make(t.Context()))
	_, err = w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust("bedrock", account, "ArnEquals", "us-west-2"))})
	w.must(err)
	w.rights(everything...)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// wire asks with the credentials and the bucket that the world has now.
func (w *world) wire() {
	b, control := bucket.New(w.cfg, w.pre.Bucket), bedrock.New(w.cfg)
	absent := func(err error) error {
		if errors.Is(err, bucket.ErrNoBucket) || bedrock.CauseOf(err) == bedrock.CauseNotFound {
			return fmt.Errorf("%w: %w", preflight.ErrAbsent, err)
		}
		return err
	}
	w.services = preflight.Services{
		BucketRegion: func(ctx context.Context) (string, error) {
			region, err := b.Region(ctx)
			return region, absent(err)
		},
		BucketEncryption: func(ctx context.Context) (preflight.Encryption, error) {
			algorithm, key, err := b.Encryption(ctx)
			return preflight.Encryption{Algorithm: algorithm, Key: key}, err
		},
		BucketPolicy: b.Policy,
		Objects: func(ctx context.Context, prefix string) ([]string, error) {
			objects, err := b.Head(ctx, prefix, 3)
			var keys []string
			for _, o := range objects {
				keys = append(keys, o.Key)
			}
			return keys, err
		},
		Write: b.PutProbe,
		Model: func(ctx context.Context, region, id string) (preflight.Model, error) {
			there := w.cfg.Copy()
			there.Region = region
			m, err := bedrock.New(there).Model(ctx, id)
			return preflight.Model(m), absent(err)
		},
		Models: func(ctx context.Context, region string) ([]string, error) {
			there := w.cfg.Copy()
			there.Region = region
			return bedrock.New(there).Models(ctx)
		},
		Availability: func(ctx context.Context, id string) (preflight.Availability, error) {
			v, err := control.Availability(ctx, id)
			return preflight.Availability(v), absent(err)
		},
		UseCase: func(ctx context.Context) error { return absent(control.UseCase(ctx)) },
		Profile: func(ctx context.Context, id string) (preflight.Profile, error) {
			v, err := control.Profile(ctx, id)
			return preflight.Profile(v), absent(err)
		},
		OpenJobs: func(ctx context.Context) (models []string, err error) {
			for job, err := range control.Jobs(ctx, bedrock.Filter{Status: quarry.JobInProgress}) {
				if err != nil {
					return nil, err
				}
				models = append(models, job.ModelID)
			}
			return models, nil
		},
		Quotas: func(ctx context.Context) ([]catalog.QuotaRow, error) { return quotas.Read(ctx, w.cfg) },
	}
}

func (w *world) run() preflight.Report {
	w.t.Helper()
	found, err := preflight.Run(w.t.Context(), w.cfg, w.pre, w.services)
	w.must(err)
	return found
}

func trust(service, of, operator, region string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"` + of + `"},"` + operator + `":{"aws:SourceArn":"arn:aws:bedrock:` + region + `:` + of + `:model-invocation-job/*"}}}]}`
}

// setTrust gives the role another trust policy.
func (w *world) setTrust(text string) {
	w.t.Helper()
	_, err := w.iam.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(name), PolicyDocument: &text})
	w.must(err)
}

// everything is what the role needs, a statement each.
var everything = []string{
	`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::good-bucket/*","Condition":{"StringEquals":{"aws:ResourceAccount":"123456789012"}}}`,
	`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::good-bucket/*","Condition":{"StringEquals":{"aws:ResourceAccount":"123456789012"}}}`,
	`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::good-bucket"}`,
	`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.` + haiku + `"}`,
	`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/` + haiku + `","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1","bedrock:InferenceProfileArn":"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.` + haiku + `"}}}`,
	`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-2::foundation-model/` + haiku + `"}`,
	`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-west-2::foundation-model/` + haiku + `"}`,
}

// without leaves the statements out that hold a text.
func without(text string) (out []string) {
	for _, s := range everything {
		if !strings.Contains(s, text) {
			out = append(out, s)
		}
	}
	return out
}

// rights gives the role these statements and no others.
func (w *world) rights(statements ...string) {
	w.t.Helper()
	_, err := w.iam.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(name), PolicyName: aws.String("all"), PolicyDocument: aws.String(policy(statements...))})
	w.must(err)
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// callerWithout asks as a role that may do all but these actions.
func (w *world) callerWithout(actions ...string) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("engineer"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`),
	})
	w.must(err)
	text := policy(`{"Effect":"Allow","NotAction":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}`)
	_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("engineer"), PolicyName: aws.String("most"), PolicyDocument: &text})
	w.must(err)
	session, err := sts.NewFromConfig(w.cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/engineer"), RoleSessionName: aws.String("ann")})
	w.must(err)
	w.cfg.Credentials = credentials.NewStaticCredentialsProvider(*session.Credentials.AccessKeyId, *session.Credentials.SecretAccessKey, *session.Credentials.SessionToken)
	w.pre.Caller = *session.AssumedRoleUser.Arn
	w.wire()
}
