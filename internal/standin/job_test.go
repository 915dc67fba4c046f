package standin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	bedrocktypes "github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"quarry/internal/standin"
)

const (
	haiku  = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	bucket = "quarry-123456789012-us-west-2"
)

// lines writes n records as a user would.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"recordId":"doc-%03d","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":500,"system":"Answer as JSON.","messages":[{"role":"user","content":"Title: Article %d\n\nArticle:\nThe first sentence tells what article %d is about. The second one adds a fact to it. The third one ends it."}]}}`+"\n", i, i, i)
	}
	return b.String()
}

// prepare makes the bucket and the service role, as set-up would, and uploads the records.
func prepare(t *testing.T, c clients, body string) (roleARN string) {
	t.Helper()
	ctx := t.Context()
	if _, err := c.s3.CreateBucket(ctx, newBucket(bucket)); err != nil {
		t.Fatal(err)
	}
	role, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("quarry-batch"), AssumeRolePolicyDocument: aws.String(bedrockTrust)})
	if err != nil {
		t.Fatal(err)
	}
	grant(t, c, `"s3:GetObject","s3:PutObject","s3:ListBucket","bedrock:InvokeModel"`)
	put(t, c, "in/shard/records.jsonl", body)
	return *role.Role.Arn
}

// grant replaces what the service role may do.
func grant(t *testing.T, c clients, actions string) {
	t.Helper()
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
	_, err := c.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyName: aws.String("p"), PolicyDocument: &policy})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, c clients, key, body string) {
	t.Helper()
	_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c clients, key string) []byte {
	t.Helper()
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func job(roleARN, name string) *bedrock.CreateModelInvocationJobInput {
	return &bedrock.CreateModelInvocationJobInput{
		JobName: &name, ModelId: aws.String(haiku), RoleArn: &roleARN, ClientRequestToken: aws.String("token-" + name),
		InputDataConfig: &bedrocktypes.ModelInvocationJobInputDataConfigMemberS3InputDataConfig{
			Value: bedrocktypes.ModelInvocationJobS3InputDataConfig{S3Uri: aws.String("s3://" + bucket + "/in/shard/records.jsonl")},
		},
		OutputDataConfig: &bedrocktypes.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig{
			Value: bedrocktypes.ModelInvocationJobS3OutputDataConfig{S3Uri: aws.String("s3://" + bucket + "/out/")},
		},
	}
}

// poll asks until the job is over.
func poll(t *testing.T, c clients, arn string) *bedrock.GetModelInvocationJobOutput {
	t.Helper()
	return pollUntil(t, c, arn, "Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired")
}

func pollUntil(t *testing.T, c clients, arn string, states ...bedrocktypes.ModelInvocationJobStatus) *bedrock.GetModelInvocationJobOutput {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := c.bedrock.GetModelInvocationJob(ctx, &bedrock.GetModelInvocationJobInput{JobIdentifier: &arn})
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		if slices.Contains(states, out.Status) {
			return out
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the job is still %s", out.Status)
		}
	}
}

func TestTheWholeJob(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	ctx := t.Context()
	roleARN := prepare(t, c, lines(100))
	created, err := c.bedrock.CreateModelInvocationJob(ctx, job(roleARN, "quarry-job"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.bedrock.CreateModelInvocationJob(ctx, job(roleARN, "quarry-job"))
	if err != nil || *again.JobArn != *created.JobArn {
		t.Errorf("the same token gives %v, %v; want the same job", again, err)
	}
	if !strings.HasPrefix(*created.JobArn, "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/") {
		t.Errorf("ARN = %s", *created.JobArn)
	}
	done := poll(t, c, *created.JobArn)
	if done.Status != "Completed" {
		t.Fatalf("the job is %s: %s", done.Status, aws.ToString(done.Message))
	}
	listed, err := c.bedrock.ListModelInvocationJobs(ctx, &bedrock.ListModelInvocationJobsInput{NameContains: aws.String("quarry"), StatusEquals: "Completed"})
	if err != nil || len(listed.InvocationJobSummaries) != 1 || *listed.InvocationJobSummaries[0].JobArn != *created.JobArn {
		t.Errorf("ListModelInvocationJobs = %v, %v", listed, err)
	}

	folder := "out/" + (*created.JobArn)[len(*created.JobArn)-12:] + "/"
	objects, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &folder})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range objects.Contents {
		keys = append(keys, strings.TrimPrefix(*o.Key, folder))
	}
	if !slices.Equal(keys, []string{"manifest.json.out", "records.jsonl.out"}) {
		t.Fatalf("output holds %v", keys)
	}
	var manifest map[string]int64
	if err := json.Unmarshal(get(t, c, folder+"manifest.json.out"), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest["totalRecordCount"] != 100 || manifest["successRecordCount"] != 100 || manifest["errorRecordCount"] != 0 || manifest["outputTokenCount"] < 100 {
		t.Errorf("manifest = %v", manifest)
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(get(t, c, folder+"records.jsonl.out")) {
		var r struct {
			RecordID    string                                    `json:"recordId"`
			ModelInput  json.RawMessage                           `json:"modelInput"`
			ModelOutput struct{ Content []struct{ Text string } } `json:"modelOutput"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if seen[r.RecordID] || len(r.ModelInput) == 0 || len(r.ModelOutput.Content) != 1 || r.ModelOutput.Content[0].Text == "" {
			t.Errorf("line %s", line)
		}
		seen[r.RecordID] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d records answered, want 100", len(seen))
	}

	records, totals := bill(t, server, "")
	if len(records) != 100 || totals["answered"] != 100 || totals["output_tokens"] != manifest["outputTokenCount"] || totals["input_tokens"] != manifest["inputTokenCount"] {
		t.Errorf("bill of %d records, %v; manifest %v", len(records), totals, manifest)
	}
	for id, one := range records {
		if one["answered"] != 1 {
			t.Errorf("%s was answered %d times", id, one["answered"])
		}
	}
	if of, _ := bill(t, server, "?job="+*created.JobArn); len(of) != 100 {
		t.Errorf("the job's bill has %d records", len(of))
	}
	if of, short := bill(t, server, "?totals=1"); of != nil || short["answered"] != 100 {
		t.Errorf("the totals alone are %v, %v", of, short)
	}
	r := unsigned(t, server, "/_quarry/bill?job=arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/aaaaaaaaaaaa")
	if status, body := send(t, r); status != http.StatusNotFound {
		t.Errorf("the bill of an absent job is %d %s", status, body)
	}
}

func TestKeysReachTheStoreAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	if _, err := c.s3.CreateBucket(t.Context(), newBucket(bucket)); err != nil {
		t.Fatal(err)
	}
	keys := []string{"k//z", "k/z", "a/../b", "b", "./c", "a b+c%20d", "日本語/ü", "x", "x/", "x/y", "_quarry/health", strings.Repeat("l", 1024)}
	for _, key := range keys {
		put(t, c, key, key)
	}
	for _, key := range keys {
		if got := get(t, c, key); string(got) != key {
			t.Errorf("the object %q holds %q", key, got)
		}
	}
}

func bill(t *testing.T, server *standin.Server, query string) (records map[string]map[string]int64, totals map[string]int64) {
	t.Helper()
	status, body := send(t, unsigned(t, server, "/_quarry/bill"+query))
	var out struct {
		Records map[string]map[string]int64
		Totals  map[string]int64
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != http.StatusOK {
		t.Fatalf("bill: %d %v: %s", status, err, body)
	}
	return out.Records, out.Totals
}

func TestAJobFailsAsItsRoleDoes(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	ctx := t.Context()
	roleARN := prepare(t, c, lines(100))
	for _, tt := range []struct {
		name, role, actions, trust, want string
	}{
		{"role-may-not-read", roleARN, `"s3:PutObject","bedrock:InvokeModel"`, bedrockTrust, "GetObject"},
		{"role-may-not-write", roleARN, `"s3:GetObject","bedrock:InvokeModel"`, bedrockTrust, "PutObject"},
		{"role-may-not-invoke", roleARN, `"s3:GetObject","s3:PutObject"`, bedrockTrust, "invokeModel"},
		{"role-trusts-another-account", roleARN, `"s3:*","bedrock:*"`, strings.ReplaceAll(bedrockTrust, "123456789012", "210987654321"), "assume"},
		{"role-trusts-another-service", roleARN, `"s3:*","bedrock:*"`, strings.ReplaceAll(bedrockTrust, "bedrock.amazonaws.com", "lambda.amazonaws.com"), "assume"},
		{"role-is-absent", roleARN + "-absent", `"s3:*","bedrock:*"`, bedrockTrust, "assume"},
		{"one-file-needs-no-list", roleARN, `"s3:GetObject","s3:PutObject","bedrock:InvokeModel"`, bedrockTrust, ""},
	} {
		grant(t, c, tt.actions)
		_, err := c.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("quarry-batch"), PolicyDocument: &tt.trust})
		want(t, tt.name, err, "")
		created, err := c.bedrock.CreateModelInvocationJob(ctx, job(tt.role, tt.name))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		done := poll(t, c, *created.JobArn)
		if tt.want == "" && done.Status != "Completed" || tt.want != "" && (done.Status != "Failed" || !strings.Contains(aws.ToString(done.Message), tt.want)) {
			t.Errorf("%s: %s, %s; want %q", tt.name, done.Status, aws.ToString(done.Message), tt.want)
		}
	}
}

func TestAJobContinuesAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, c := start(t, func(cfg *standin.Config) { cfg.Dir, cfg.StateDelay = dir, time.Hour })
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(prepare(t, c, lines(100)), "patient"))
	if err != nil {
		t.Fatal(err)
	}
	pollUntil(t, c, *created.JobArn, "Submitted")
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, c := start(t, func(cfg *standin.Config) { cfg.Dir = dir })
	if done := poll(t, c, *created.JobArn); done.Status != "Completed" || *done.SuccessRecordCount != 100 {
		t.Errorf("after the restart the job is %s: %s", done.Status, aws.ToString(done.Message))
	}
	if _, totals := bill(t, again, "?totals=1"); totals["answered"] != 100 {
		t.Errorf("the bill is %v, want 100 answers", totals)
	}
}

func TestACallerNeedsPassRole(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	roleARN := prepare(t, c, lines(100))
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}`
	without := assume(t, server, c, "without", allow+`]}`)
	_, err := without.bedrock.CreateModelInvocationJob(t.Context(), job(roleARN, "without"))
	want(t, "create without iam:PassRole", err, "AccessDeniedException")
	if err != nil && !strings.Contains(err.Error(), "iam:PassRole") {
		t.Errorf("the refusal does not name iam:PassRole: %v", err)
	}
	with := assume(t, server, c, "with", allow+`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+roleARN+`","Condition":{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}}}]}`)
	_, err = with.bedrock.CreateModelInvocationJob(t.Context(), job(roleARN, "with"))
	want(t, "create with iam:PassRole", err, "")
	nobody := assume(t, server, c, "nobody", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	_, err = nobody.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
	want(t, "list without the right", err, "AccessDeniedException")
	_, err = nobody.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[{"role":"user","content":"x"}]}`)})
	want(t, "invoke without the right", err, "AccessDeniedException")
}

func TestTheTableOfQuotasIsServedAndHolds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "quotas.json")
	if err := os.WriteFile(file, []byte(`{"*":{"min_records":3},"anthropic.claude-haiku-4-5-20251001-v1:0":{"rpm":2,"file_bytes":500000000}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, c := start(t, func(cfg *standin.Config) { cfg.QuotasFile = file })
	ctx := t.Context()
	applied, standard := map[string]float64{}, map[string]float64{}
	var code string
	pages := servicequotas.NewListServiceQuotasPaginator(c.quotas, &servicequotas.ListServiceQuotasInput{ServiceCode: aws.String("bedrock"), MaxResults: aws.Int32(37)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range page.Quotas {
			applied[*q.QuotaName] = *q.Value
			if strings.HasPrefix(*q.QuotaName, "Records per input file") && strings.Contains(*q.QuotaName, "Haiku 4.5") {
				code = *q.QuotaCode
			}
		}
	}
	defaults := servicequotas.NewListAWSDefaultServiceQuotasPaginator(c.quotas, &servicequotas.ListAWSDefaultServiceQuotasInput{ServiceCode: aws.String("bedrock")})
	for defaults.HasMorePages() {
		page, err := defaults.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range page.Quotas {
			standard[*q.QuotaName] = *q.Value
		}
	}
	if len(applied) < 200 || len(applied) != len(standard) {
		t.Errorf("%d quotas applied, %d by default", len(applied), len(standard))
	}
	for name, wants := range map[string][2]float64{
		"Minimum number of records per batch inference job for Claude Haiku 4.5":                        {3, 100},
		"Minimum number of records per batch inference job for Claude Sonnet 4.5.":                      {3, 100},
		"Batch inference input file size (in GB) for Claude Haiku 4.5":                                  {0.5, 1},
		"Sum of in-progress and submitted batch inference jobs using a base model for Claude Haiku 4.5": {100, 100},
	} {
		if applied[name] != wants[0] || standard[name] != wants[1] {
			t.Errorf("%s = %v, by default %v; want %v", name, applied[name], standard[name], wants)
		}
	}
	if code != "L-9EDE6039" {
		t.Errorf("code of records per file = %s, want AWS's L-9EDE6039", code)
	}
	one, err := c.quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("bedrock"), QuotaCode: aws.String("L-9EDE6039")})
	if err != nil || *one.Quota.Value != 100_000 {
		t.Errorf("GetServiceQuota = %v, %v", one, err)
	}
	_, err = c.quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("bedrock"), QuotaCode: aws.String("L-00000000")})
	want(t, "an unknown quota", err, "NoSuchResourceException")
	_, err = c.quotas.ListServiceQuotas(ctx, &servicequotas.ListServiceQuotasInput{ServiceCode: aws.String("ec2")})
	want(t, "an unknown service", err, "NoSuchResourceException")
	_, err = c.quotas.ListServiceQuotas(ctx, &servicequotas.ListServiceQuotasInput{ServiceCode: aws.String("bedrock"), NextToken: aws.String("x")})
	want(t, "an unknown token", err, "InvalidPaginationTokenException")

	roleARN := prepare(t, c, lines(3))
	created, err := c.bedrock.CreateModelInvocationJob(ctx, job(roleARN, "three"))
	if err != nil {
		t.Fatal(err)
	}
	if done := poll(t, c, *created.JobArn); done.Status != "Completed" {
		t.Errorf("a job of three is %s: %s", done.Status, aws.ToString(done.Message))
	}
	body := []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[{"role":"user","content":"Say a word."}]}`)
	var codes []string
	for range 3 {
		_, err := c.runtime.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: body})
		codes = append(codes, codeOf(err))
	}
	if !slices.Equal(codes, []string{"", "", "ThrottlingException"}) {
		t.Errorf("three calls at two a minute end %q", codes)
	}
}

func codeOf(err error) string { return code(err) }

func TestAJobBelowTheMinimumFails(t *testing.T) {
	t.Parallel()
	_, c := start(t, nil)
	roleARN := prepare(t, c, lines(99))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(roleARN, "short"))
	if err != nil {
		t.Fatal(err)
	}
	if done := poll(t, c, *created.JobArn); done.Status != "Failed" || !strings.Contains(aws.ToString(done.Message), "less records (99) than the required minimum of: 100") {
		t.Errorf("a job of 99 is %s: %s", done.Status, aws.ToString(done.Message))
	}
}

func TestTheClockMovesWhenItMay(t *testing.T) {
	t.Parallel()
	server, c := start(t, func(cfg *standin.Config) { cfg.TestClock, cfg.StateDelay = true, time.Hour })
	fixed, _ := start(t, nil)
	move := func(s *standin.Server, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/_quarry/clock", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _ := send(t, r)
		return status
	}
	if status := move(fixed, `{"advance":"1h"}`); status == http.StatusOK {
		t.Error("a server without a test clock moved it")
	}
	for _, body := range []string{`{"advance":"-1h"}`, `{"advance":"soon"}`, `{"jump":"1h"}`, ``, `[]`, `{"advance":"2562047h47m"}`, `{"advance":"900000h"}`} {
		if status := move(server, body); status != http.StatusBadRequest {
			t.Errorf("%s gives %d, want 400", body, status)
		}
	}
	roleARN := prepare(t, c, lines(100))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(roleARN, "slow"))
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []bedrocktypes.ModelInvocationJobStatus{"Submitted", "Validating", "Scheduled"} {
		pollUntil(t, c, *created.JobArn, state)
		if status := move(server, `{"advance":"61m"}`); status != http.StatusOK {
			t.Fatalf("advance gives %d", status)
		}
	}
	if done := poll(t, c, *created.JobArn); done.Status != "Completed" {
		t.Errorf("after three hours the job is %s", done.Status)
	}
	if status, body := send(t, unsigned(t, server, "/_quarry/health")); status != http.StatusOK || !strings.Contains(body, "ok") {
		t.Errorf("health is %d %s", status, body)
	}
	r := unsigned(t, server, "/_quarry/bill")
	r.Host = "attacker.example"
	if status, _ := send(t, r); status != http.StatusForbidden {
		t.Errorf("the bill under another host's name is %d, want 403", status)
	}
}

func TestFaultsOnCalls(t *testing.T) {
	t.Parallel()
	for fault, wants := range map[string]map[string]string{
		"throttle":     {"s3": "SlowDown", "iam": "Throttling", "sts": "Throttling", "servicequotas": "TooManyRequestsException", "bedrock": "ThrottlingException"},
		"server-error": {"s3": "InternalError", "iam": "ServiceFailure", "sts": "ServiceFailure", "servicequotas": "ServiceException", "bedrock": "InternalServerException"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			server, c := start(t, func(cfg *standin.Config) { cfg.Fault = fault })
			for service, err := range calls(t.Context(), c) {
				want(t, service, err, wants[service])
			}
			_, err := c.s3.CreateBucket(t.Context(), newBucket(bucket))
			if err == nil {
				t.Error("the call was done")
			}
			if status, _ := send(t, unsigned(t, server, "/_quarry/health")); status != http.StatusOK {
				t.Errorf("health gives %d under faults", status)
			}
		})
	}
	t.Run("lost-reply", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		cfg := standin.Config{Dir: dir, NoSync: true, Fault: "lost-reply", StateDelay: time.Hour}
		server, c := start(t, func(s *standin.Config) { *s = cfg })
		for service, err := range calls(t.Context(), c) {
			if !isCut(err) {
				t.Errorf("%s: %v, want a connection that is cut", service, err)
			}
		}
		_, err := c.s3.CreateBucket(t.Context(), newBucket(bucket))
		if !isCut(err) {
			t.Fatalf("create a bucket: %v", err)
		}
		_, err = c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: bytes.NewReader(make([]byte, 1<<20))})
		if !isCut(err) {
			t.Fatalf("put an object: %v", err)
		}
		if err := server.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, c = start(t, func(s *standin.Config) { *s = cfg; s.Fault = "" })
		head, err := c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		if err != nil || *head.ContentLength != 1<<20 {
			t.Errorf("what was done without a reply is gone: %v, %v", head, err)
		}
	})
}

func TestTwentyServersAtOnce(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	before := time.Now()
	var mu sync.Mutex
	urls := map[string]bool{}
	for range 20 {
		server, c := start(t, nil)
		all.Go(func() {
			ctx := t.Context()
			_, err := c.s3.CreateBucket(ctx, newBucket(bucket))
			if err != nil {
				t.Errorf("create: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			urls[server.URL()] = true
			out, err := c.s3.ListBuckets(ctx, nil)
			if err != nil || len(out.Buckets) != 1 {
				t.Errorf("ListBuckets = %v, %v; want the server's own bucket alone", out, err)
			}
		})
	}
	all.Wait()
	if len(urls) != 20 {
		t.Errorf("%d addresses, want 20", len(urls))
	}
	t.Logf("20 servers started and used in %v", time.Since(before))
}

func TestCloseIsQuickAndFinal(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	if _, err := c.s3.ListBuckets(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := errors.Join(server.Close(t.Context()), server.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if _, err := c.s3.ListBuckets(t.Context(), nil); err == nil {
		t.Error("a closed server answers")
	}
}
