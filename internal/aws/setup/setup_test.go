package setup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/setup"
	"quarry/internal/standin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "123456789012"
	region  = "us-west-2"
	keyARN  = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
)

// world is an account with nothing in it.
type world struct {
	t    *testing.T
	url  string
	cfg  aws.Config // the administrator's
	iam  *iam.Client
	s3   *s3.Client
	want setup.Wants
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newFaultyWorld(t, "")
}

func newFaultyWorld(t *testing.T, faults string) *world {
	t.Helper()
	server, err := standin.Start(t.Context(), standin.Config{Dir: t.TempDir(), NoSync: true, StateDelay: time.Millisecond, Fault: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	id, secret := server.Keys()
	w := &world{t: t, url: server.URL(), want: wants()}
	w.cfg = w.as(credentials.NewStaticCredentialsProvider(id, secret, ""))
	w.iam = iam.NewFromConfig(w.cfg)
	w.s3 = s3.NewFromConfig(w.cfg)
	return w
}

func wants() setup.Wants {
	return setup.Wants{
		Account: setup.Account{ID: account, Partition: "aws", Region: region}, Bucket: "quarry-123456789012-us-west-2", Role: "quarry-batch", Model: quarry.DefaultModel,
	}
}

// as gives settings that retry nothing, so that a test sees every answer.
func (w *world) as(keys aws.CredentialsProvider) aws.Config {
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: region, BaseEndpoint: &w.url, Credentials: keys, HTTPClient: &http.Client{Transport: whole{transport}},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// whole reads answers to their end before the SDK closes the request's body under them.
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

// calls are what the command line hands over.
func calls(c aws.Config, name string) setup.Bucket {
	s := bucket.New(c, name).Settings(account)
	return setup.Bucket{
		Find: s.Find, Make: s.Make, Open: s.Open, Close: s.Close, Policy: s.Policy, SetPolicy: s.SetPolicy, Encryption: s.Encryption, SetKey: s.SetKey,
		Expiry:    func(ctx context.Context, e setup.Expiry) (bool, bool, error) { return s.Expiry(ctx, bucket.Expiry(e)) },
		SetExpiry: func(ctx context.Context, e setup.Expiry) error { return s.SetExpiry(ctx, bucket.Expiry(e)) },
	}
}

// look finds out what is to be done, and fails the test where that cannot be.
func (w *world) look() *setup.Plan {
	w.t.Helper()
	p, err := setup.Look(w.t.Context(), w.cfg, calls(w.cfg, w.want.Bucket), w.want)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// apply sets up, and wants a second look to find nothing.
func (w *world) apply() (done, notes []string) {
	w.t.Helper()
	p := w.look()
	if err := p.Apply(w.t.Context(), func(line string) { done = append(done, line) }); err != nil {
		w.t.Fatal(err)
	}
	if again := w.look(); len(again.Changes) > 0 {
		w.t.Fatalf("set up a second time: %v, want nothing to change", again.Lines())
	}
	return done, p.Notes
}

func (w *world) trust() string {
	w.t.Helper()
	out, err := w.iam.GetRole(w.t.Context(), &iam.GetRoleInput{RoleName: aws.String("quarry-batch")})
	if err != nil {
		w.t.Fatal(err)
	}
	return unescape(w.t, aws.ToString(out.Role.AssumeRolePolicyDocument))
}

func (w *world) rights(policy string) string {
	w.t.Helper()
	out, err := w.iam.GetRolePolicy(w.t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyName: &policy})
	if err != nil {
		w.t.Fatal(err)
	}
	return unescape(w.t, aws.ToString(out.PolicyDocument))
}

func (w *world) setTrust(text string) {
	w.t.Helper()
	if _, err := w.iam.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyDocument: &text}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) setRights(policy, text string) {
	w.t.Helper()
	if _, err := w.iam.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyName: &policy, PolicyDocument: &text}); err != nil {
		w.t.Fatal(err)
	}
}

func unescape(t *testing.T, text string) string {
	t.Helper()
	out, err := url.QueryUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func contains(lines []string, part string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, part) })
}

func TestSetUpFromNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	will := w.look().Lines()
	if _, err := w.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &w.want.Bucket}); err == nil {
		t.Error("a look made the bucket")
	}
	done, notes := w.apply()
	want := []string{
		"created bucket quarry-123456789012-us-west-2 in us-west-2",
		"blocked public access to bucket quarry-123456789012-us-west-2",
		"added lifecycle rule quarry-expire to bucket quarry-123456789012-us-west-2: objects under quarry/ expire after 30 days, and parts of unfinished uploads after 7",
		"added lifecycle rule quarry-state-uploads to bucket quarry-123456789012-us-west-2: objects under quarry-state/ stay, and parts of unfinished uploads after 7",
		"added statement QuarryTLSOnly to the policy of bucket quarry-123456789012-us-west-2: Deny s3:* on arn:aws:s3:::quarry-123456789012-us-west-2, arn:aws:s3:::quarry-123456789012-us-west-2/* for *",
		"created role quarry-batch",
	}
	if diff := cmp.Diff(want, done[:len(want)]); diff != "" || len(done) != len(will) || len(notes) != 0 {
		t.Errorf("done (-want +got):\n%s\nlooked for %d lines, did %d; notes %v", diff, len(will), len(done), notes)
	}
}

func TestEachMissingRightIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`
	operator := aws.String("operator")
	made, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: operator, AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	session, err := sts.NewFromConfig(w.cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	cfg := w.as(credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken))
	w.want.KMSKey = keyARN

	bucketARN, roleARN := "arn:aws:s3:::"+w.want.Bucket, "arn:aws:iam::123456789012:role/quarry-batch"
	// In the order in which they are needed: each is granted once its lack was reported.
	granted := `{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}`
	var seen []string
	for range 20 {
		text := `{"Version":"2012-10-17","Statement":[` + granted + `]}`
		if _, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: operator, PolicyName: aws.String("rights"), PolicyDocument: &text}); err != nil {
			t.Fatal(err)
		}
		p, err := setup.Look(t.Context(), cfg, calls(cfg, w.want.Bucket), w.want)
		if err == nil {
			err = p.Apply(t.Context(), func(string) {})
		}
		if err == nil {
			break
		}
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.Denied {
			t.Fatalf("error %v after %v, want one of kind Denied", err, seen)
		}
		// The hint holds the statement that repairs it, as it can be pasted.
		from, to := strings.IndexByte(q.Hint, '{'), strings.LastIndexByte(q.Hint, '}')
		if from < 0 || to < from {
			t.Fatalf("hint without a statement: %s", q.Hint)
		}
		statement := q.Hint[from : to+1]
		if !strings.Contains(statement, bucketARN) && !strings.Contains(statement, roleARN) {
			t.Errorf("statement %s names neither the bucket nor the role", statement)
		}
		granted += "," + statement
		action := strings.Split(statement, `"`)[7]
		if !strings.Contains(err.Error(), action) {
			t.Errorf("error %q does not name %s", err, action)
		}
		seen = append(seen, action)
	}
	want := []string{
		"s3:ListBucket", "iam:GetRole", "s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration",
		"s3:GetLifecycleConfiguration", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "iam:CreateRole", "iam:PutRolePolicy", "iam:GetRolePolicy",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("rights that were named (-want +got):\n%s", diff)
	}
	if p := w.look(); len(p.Changes) > 0 {
		t.Errorf("with these rights there is still to do: %v", p.Lines())
	}
}

// A call whose reply was lost has been done, and the SDK does it again.
func TestLostRepliesDoNoHarm(t *testing.T) {
	t.Parallel()
	for seed := range 6 {
		w := newFaultyWorld(t, fmt.Sprintf("lost-reply=0.4,seed=%d", seed))
		w.cfg.Retryer = func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.RateLimiter = 30, ratelimit.None
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Microsecond, nil })
			})
		}
		if done, _ := w.apply(); !contains(done, "created bucket") || !contains(done, "created role") {
			t.Errorf("seed %d: did %q", seed, done)
		}
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*setup.Wants)
		says   string
	}{
		{"a bucket with capital letters", func(w *setup.Wants) { w.Bucket = "Mine" }, "bucket Mine"},
		{"a bucket with a command in it", func(w *setup.Wants) { w.Bucket = "a$(reboot)" }, "bucket"},
		{"an account that is none", func(w *setup.Wants) { w.Account.ID = "1234" }, "account 1234"},
		{"a Region that is none", func(w *setup.Wants) { w.Account.Region = "us west" }, "Region"},
		{"a partition that is none", func(w *setup.Wants) { w.Account.Partition = `aws"` }, "partition"},
		{"a role of another account", func(w *setup.Wants) { w.Role = "arn:aws:iam::999999999999:role/x" }, "role"},
		{"a role with a quote in its path", func(w *setup.Wants) { w.Role = "arn:aws:iam::123456789012:role/it's/x" }, "role"},
		{"no role at the end of the path", func(w *setup.Wants) { w.Role = "team/" }, "role"},
		{"a key by its alias", func(w *setup.Wants) { w.KMSKey = "alias/mine" }, "KMS key"},
		{"a key of another Region", func(w *setup.Wants) { w.KMSKey = strings.Replace(keyARN, region, "eu-west-1", 1) }, "KMS key"},
		{"a model with a quote", func(w *setup.Wants) { w.Model = `x"y` }, "model"},
		{"no model", func(w *setup.Wants) { w.Model = "" }, "model"},
		{"days before today", func(w *setup.Wants) { w.ExpireDays = -1 }, "expiry"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := wants()
			tt.change(&w)
			err := w.Validate()
			var q *quarry.Error
			if !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Hint == "" || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Validate() = %v, want a fault of use that names the %s", err, tt.says)
			}
			for _, format := range setup.Formats() {
				if text, err := setup.Print(w, format, ""); err == nil {
					t.Errorf("Print(%s) = %s, want an error", format, text)
				}
			}
		})
	}
}
