package standin_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.uber.org/goleak"

	"quarry/standin"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		os.Exit(code)
	}))
}

// client is the SDK's, for a key, with connections that end with the test.
func client(t *testing.T, url string, key standin.Credentials) aws.Config {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: standin.Region, BaseEndpoint: &url, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func bucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: standin.Region},
	}
}

func names(t *testing.T, c *s3.Client) (all []string) {
	t.Helper()
	list, err := c.ListBuckets(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list.Buckets {
		all = append(all, *b.Name)
	}
	return all
}

func TestServersShareNothing(t *testing.T) {
	t.Parallel()
	one, other := standin.Start(t), standin.Start(t)
	if one.URL == other.URL || one.SecretAccessKey == other.SecretAccessKey {
		t.Fatalf("%s and %s share an address or a key", one.URL, other.URL)
	}
	files := s3.NewFromConfig(client(t, one.URL, one.Credentials))
	if _, err := files.CreateBucket(t.Context(), bucket("mine")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s3.NewFromConfig(client(t, other.URL, other.Credentials))); len(got) != 0 {
		t.Errorf("the other server has %v", got)
	}
}

func TestAccountsHaveTheirKeys(t *testing.T) {
	t.Parallel()
	const id = "210987654321"
	server := standin.Start(t, standin.Options{Accounts: []string{id}})
	key, ok := server.Account(id)
	if !ok || key.AccountID != id || key.SecretAccessKey == "" {
		t.Fatalf("Account(%s) = %+v, %v", id, key, ok)
	}
	if _, ok := server.Account("111111111111"); ok {
		t.Error("an account that was not in the options has a key")
	}
	ours, theirs := s3.NewFromConfig(client(t, server.URL, server.Credentials)), s3.NewFromConfig(client(t, server.URL, key))
	if _, err := theirs.CreateBucket(t.Context(), bucket("theirs")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, ours); len(got) != 0 {
		t.Errorf("our account lists %v", got)
	}
	if err := ask(t, client(t, server.URL, key)); err != nil {
		t.Fatal(err)
	}
	bill, err := server.BillOf(t.Context(), id)
	if err != nil || bill.Total.Answered != 1 || bill.Records["call-1"].Answered != 1 || bill.Total.InputTokens == 0 {
		t.Errorf("their bill is %+v, %v, want one call", bill, err)
	}
	if bill, err := server.Bill(t.Context()); err != nil || bill.Total.Answered != 0 || len(bill.Records) != 0 {
		t.Errorf("our bill is %+v, %v, want nothing", bill, err)
	}
}

func ask(t *testing.T, cfg aws.Config) error {
	t.Helper()
	_, err := bedrockruntime.NewFromConfig(cfg).InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{
		ModelId: aws.String("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
		Body:    []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"Describe a stone."}]}`),
	})
	return err
}

func TestSnapshotAndReset(t *testing.T) {
	t.Parallel()
	server := standin.Start(t)
	files := s3.NewFromConfig(client(t, server.URL, server.Credentials))
	if _, err := files.CreateBucket(t.Context(), bucket("kept")); err != nil {
		t.Fatal(err)
	}
	if err := server.Save(t.Context(), "baseline"); err != nil {
		t.Fatal(err)
	}
	if err := server.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, files); len(got) != 0 {
		t.Errorf("after Reset there is %v", got)
	}
	if err := server.Restore(t.Context(), "baseline"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, files); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("after Restore there is %v, want kept", got)
	}
}

func TestQuotasAndFaultsChangeWhileItServes(t *testing.T) {
	t.Parallel()
	server := standin.Start(t, standin.Options{Faults: "no-capacity"})
	cfg := client(t, server.URL, server.Credentials)
	if err := ask(t, cfg); err == nil || !strings.Contains(err.Error(), "ServiceUnavailable") {
		t.Errorf("with the fault of the start: %v", err)
	}
	if err := server.SetFaults("record-error"); err != nil {
		t.Fatal(err)
	}
	if err := ask(t, cfg); err == nil || strings.Contains(err.Error(), "ServiceUnavailable") {
		t.Errorf("with a fault of records: %v", err)
	}
	server.ClearFaults()
	if err := server.SetQuotas(`{"*":{"rpm":1}}`); err != nil {
		t.Fatal(err)
	}
	if err := ask(t, cfg); err != nil {
		t.Error(err)
	}
	if err := ask(t, cfg); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("the second call of a minute with one: %v", err)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]standin.Options{
		`account "12"`:    {Accounts: []string{"12"}},
		"does-not-exist":  {Faults: "does-not-exist"},
		"no.such-model":   {Quotas: `{"no.such-model":{"rpm":1}}`},
		"not-a-back-end":  {Backends: []string{"not-a-back-end"}},
		"standin_test.go": {Dir: "standin_test.go"},
	} {
		server, err := standin.New(t.Context(), o)
		if err == nil {
			t.Errorf("%s: New takes it: %v", want, server.Close())
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want the name %s in it", err, want)
		}
	}
}

// The environment leads unchanged clients to the server, whatever the user's own says.
func TestTheEnvironmentLeadsToTheServer(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	server := standin.Start(t)
	for _, pair := range server.Environ() {
		if strings.HasPrefix(pair, "AWS_PROFILE=") {
			t.Errorf("Environ has %s", pair)
		}
	}
	if !slices.Contains(server.Environ(), "AWS_ENDPOINT_URL="+server.URL) {
		t.Errorf("Environ has no AWS_ENDPOINT_URL=%s", server.URL)
	}
	t.Run("inside", func(t *testing.T) {
		server.Setenv(t)
		if _, ok := os.LookupEnv("AWS_PROFILE"); ok || os.Getenv("AWS_ACCESS_KEY_ID") != server.AccessKeyID {
			t.Error("Setenv left the profile, or did not set the key")
		}
	})
	if os.Getenv("AWS_PROFILE") != "production" || os.Getenv("AWS_ENDPOINT_URL") == server.URL {
		t.Error("the environment is not as it was")
	}
}
