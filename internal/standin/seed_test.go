package standin_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/internal/standin"
)

const seedFile = "testdata/seed/state.yaml"

// seeded starts a server with the file of seeds, in a directory that later servers can have again.
func seeded(t *testing.T, dir string) (*standin.Server, clients, func()) {
	t.Helper()
	server, err := standin.Start(t.Context(), configured(func(cfg *standin.Config) {
		cfg.Dir, cfg.SeedFile, cfg.Test = dir, seedFile, true
		cfg.Accounts, cfg.Quotas = []string{theirs}, []byte(`{"*":{"min_records":1}}`)
	}))
	if err != nil {
		t.Fatal(err)
	}
	id, secret := server.Keys()
	return server, connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, "")), func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

func object(t *testing.T, c clients, key string) string {
	t.Helper()
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("articles"), Key: &key})
	if err != nil {
		return code(err)
	}
	defer func() { _ = out.Body.Close() }()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func jobsByName(t *testing.T, c clients) map[string]*bedrock.GetModelInvocationJobOutput {
	t.Helper()
	list, err := c.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]*bedrock.GetModelInvocationJobOutput{}
	for _, one := range list.InvocationJobSummaries {
		got, err := c.bedrock.GetModelInvocationJob(t.Context(), &bedrock.GetModelInvocationJobInput{JobIdentifier: one.JobArn})
		if err != nil {
			t.Fatal(err)
		}
		jobs[*got.JobName] = got
	}
	return jobs
}

func TestTheSeedIsThereWhenTheServerAnswers(t *testing.T) {
	t.Parallel()
	server, c, stop := seeded(t, t.TempDir())
	defer stop()
	ctx := t.Context()
	for key, want := range map[string]string{"notes/hello.txt": "Hello", "pages/one.html": "one\n", "pages/sub/two.html": "two\n"} {
		if got := object(t, c, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	tags, err := c.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("articles")})
	if err != nil || *tags.TagSet[0].Value != "search" {
		t.Errorf("the bucket's tags: %v, %v", tags, err)
	}
	versioning, err := c.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: aws.String("articles")})
	if err != nil || versioning.Status != "Enabled" {
		t.Errorf("the bucket's versioning: %v, %v", versioning, err)
	}
	id, secret, _ := server.KeyOf(theirs)
	other := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
	buckets, err := other.s3.ListBuckets(ctx, nil)
	if err != nil || len(buckets.Buckets) != 1 || *buckets.Buckets[0].Name != "theirs" || *buckets.Buckets[0].BucketRegion != "eu-west-1" {
		t.Errorf("the other account's buckets: %v, %v", buckets, err)
	}
	role, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("batch")})
	if err != nil || *role.Role.Description != "for nightly jobs" || *role.Role.Tags[0].Value != "search" {
		t.Errorf("the role: %v, %v", role, err)
	}
	attached, err := c.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("batch")})
	if err != nil || len(attached.AttachedPolicies) != 2 {
		t.Errorf("the attached policies: %v, %v", attached, err)
	}
	jobs := jobsByName(t, c)
	last := jobs["last-night"]
	if len(jobs) != 2 || last == nil || last.Status != "PartiallyCompleted" ||
		*last.SuccessRecordCount != 90 || *last.ProcessedRecordCount != 92 ||
		!last.EndTime.Equal(time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)) || !strings.HasPrefix(*last.Message, "Not all") {
		t.Fatalf("the jobs are %+v", jobs)
	}
	// The job that was in progress continues, with a model that the catalogue does not list.
	if done := poll(t, c, *jobs["now"].JobArn); done.Status != "Completed" || *done.SuccessRecordCount != 3 {
		t.Errorf("the open job ends %s with %d answers: %s", done.Status, *done.SuccessRecordCount, aws.ToString(done.Message))
	}
	if got := answered(t, server, ""); got != 3 {
		t.Errorf("the bill has %d answers, want those of the open job alone", got)
	}
	next, err := c.bedrock.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{
		ModelIdentifier: aws.String("anthropic.claude-next-20270101-v1:0"),
	})
	if err != nil || *next.ModelDetails.ModelName != "Claude Next" {
		t.Errorf("the new model: %v, %v", next, err)
	}
	models, err := c.bedrock.ListFoundationModels(ctx, &bedrock.ListFoundationModelsInput{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, m := range models.ModelSummaries {
		if seen[*m.ModelId] != "" {
			t.Errorf("%s is listed twice", *m.ModelId)
		}
		seen[*m.ModelId] = string(m.ModelLifecycle.Status)
	}
	if seen["anthropic.claude-next-20270101-v1:0"] != "ACTIVE" || seen["anthropic.claude-haiku-4-5-20251001-v1:0"] != "LEGACY" {
		t.Errorf("the models' states: %v", seen)
	}
}

func TestASecondStartChangesNothingThatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, c, stop := seeded(t, dir)
	first := jobsByName(t, c)
	poll(t, c, *first["now"].JobArn)
	ctx := t.Context()
	for _, do := range []error{
		second(c.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("articles"), Key: aws.String("notes/hello.txt"), Body: strings.NewReader("mine"),
		})),
		second(c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("articles"), Key: aws.String("pages/one.html")})),
		second(c.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("batch"), Description: aws.String("mine")})),
	} {
		if do != nil {
			t.Fatal(do)
		}
	}
	stop()
	server, c, stop := seeded(t, dir)
	defer stop()
	if mine, again := object(t, c, "notes/hello.txt"), object(t, c, "pages/one.html"); mine != "mine" || again != "one\n" {
		t.Errorf("the changed object is %q and the deleted one %q, want the change kept and what is missing added", mine, again)
	}
	role, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("batch")})
	if err != nil || *role.Role.Description != "mine" {
		t.Errorf("the role: %v, %v", role, err)
	}
	jobs := jobsByName(t, c)
	if len(jobs) != 2 || jobs["now"].Status != "Completed" {
		t.Errorf("the jobs are %v, want the two of the first start as they were", jobs)
	}
	mustPost(t, server, "reset", "")
	if got := object(t, c, "notes/hello.txt"); got != "Hello" {
		t.Errorf("after a reset the object is %q, want the seed's", got)
	}
	jobs = jobsByName(t, c)
	if again := jobs["now"]; len(jobs) != 2 || *again.JobArn != *first["now"].JobArn {
		t.Errorf("after a reset the jobs are %v, want the same ARNs", jobs)
	}
	poll(t, c, *jobs["now"].JobArn)
	mustPost(t, server, "snapshot", `{"save":"a"}`)
	hello := &s3.DeleteObjectInput{Bucket: aws.String("articles"), Key: aws.String("notes/hello.txt")}
	if _, err := c.s3.DeleteObject(ctx, hello); err != nil {
		t.Fatal(err)
	}
	mustPost(t, server, "snapshot", `{"save":"b"}`)
	mustPost(t, server, "snapshot", `{"restore":"b"}`)
	if got := object(t, c, "notes/hello.txt"); got != "NoSuchKey" {
		t.Errorf("a restore adds the seed again: %q", got)
	}
}

func TestABadSeedIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "state.yaml")
	job := "jobs:\n  - {name: j, model: us.anthropic.claude-haiku-4-5-20251001-v1:0, role: r, " +
		"input: s3://docs/in.jsonl, output: s3://docs/out/"
	for text, want := range map[string]string{
		"bucket: []":                                              ":1: bucket: there is no such field; did you mean buckets?",
		"buckets: 3":                                              ":1: buckets: want a list",
		"buckets:\n  - name: a b":                                 `:2: buckets[0]: name "a b"`,
		"buckets:\n  - tags: {}":                                  ":2: buckets[0]: name is missing",
		"buckets:\n  - name: good\n    nane: x":                   ":3: buckets[0].nane: there is no such field; did you mean name?",
		"buckets:\n  - name: good\n    name: x":                   ":3: buckets[0].name: it is given twice",
		"buckets:\n  - name: good\n    region: us-wset-2":         `:2: buckets[0]: "us-wset-2" is not an AWS Region; did you mean us-west-2?`,
		"buckets:\n  - name: good\n    account: 12":               `:3: buckets[0].account: "12": want 12 digits`,
		"buckets:\n  - name: good\n    account: \"111111111111\"": "account 111111111111 has no key",
		"buckets:\n  - name: good\n    objects:\n      - {key: k, file: none.txt}":  ":4: buckets[0].objects[0].file: stat ",
		"buckets:\n  - name: good\n    objects:\n      - {key: k}":                  ":4: buckets[0].objects[0]: want one of file and text",
		"roles:\n  - name: r\n    trust: {Version: x}":                              ":2: roles[0]: ",
		"roles:\n  - name: r\n    policies:\n      - {name: p, document: not JSON}": ":4: roles[0].policies[0]: ",
		"roles:\n  - name: r\n    attached: [none]":                                 "policy/none does not exist",
		job + ", status: Done}":                                                     `:2: jobs[0].status: "Done": want one of Submitted`,
		job + ", id: ABC}":                                                          `:2: jobs[0].id: "ABC"`,
		job + ", submitted: yesterday}":                                             `:2: jobs[0].submitted: "yesterday": want a time`,
		job + ", records: {total: 1, success: 2}, status: Completed}":               ":2: jobs[0]: records: success and error are more than total",
		job + ", records: {total: -1}, status: Completed}":                          `:2: jobs[0].records.total: "-1"`,
		job + ", status: InProgress}":                                               ":2: jobs[0]: check the input of job j: ",
		job + ", role: x}":                                                          ":2: jobs[0].role: it is given twice",
		job + ", timeoutHours: 1}":                                                  "error detected: Value '1' at 'timeoutDurationInHours'",
		job + "}\n" + strings.TrimPrefix(job, "jobs:\n") + "}":                      ":3: jobs[1]: another job has the id",
		strings.Replace(job, haiku, "nobody.model", 1) + "}":                        "The provided model identifier is invalid.",
		"models:\n  - id: what":                                                     `:2: models[0]: id "what"`,
		"models:\n  - {id: anthropic.claude-haiku-4-5-20251001-v1:0, eol: someday}": `:2: models[0].eol: "someday": want a date`,
		"models:\n  - {id: " + haiku + "}":                                          "want the model's own id, anthropic.claude-haiku-4-5-20251001-v1:0",
		"buckets: [":                                                                "state.yaml: ",
		"buckets: []\n---\nbuckets: []\n":                                           "more than one document",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		server, err := standin.Start(t.Context(), configured(func(cfg *standin.Config) { cfg.Dir, cfg.SeedFile = t.TempDir(), file }))
		if err == nil {
			t.Errorf("%q: the server starts; Close: %v", text, server.Close(t.Context()))
			continue
		}
		if got := err.Error(); !strings.Contains(got, want) || !strings.Contains(got, file) {
			t.Errorf("%q gives\n%v\nwant %q", text, err, want)
		}
	}
}

func TestAnEmptySeedIsNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.yaml")
	if err := os.WriteFile(file, []byte("# nothing yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server, _ := start(t, func(cfg *standin.Config) { cfg.SeedFile = file })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/_quarry/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := send(t, r); status != http.StatusOK || !slices.Contains(strings.Fields(body), `{"status":"ok"}`) {
		t.Errorf("health: %d %s", status, body)
	}
}
