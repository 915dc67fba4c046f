// Package nightly_test shows how a Go program that uses Bedrock's batch inference is tested with the package standin. docs/testing-go.md
// explains it.
package nightly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/standin"
)

// The code under test: it summarizes the articles of a bucket with one batch job.

type nightly struct {
	jobs  *bedrock.Client
	files *s3.Client
	sleep func(ctx context.Context, d time.Duration) error // between two looks at a job
}

func (n nightly) submit(ctx context.Context, bucket, key, role string) (jobARN string, err error) {
	out, err := n.jobs.CreateModelInvocationJob(ctx, &bedrock.CreateModelInvocationJobInput{
		JobName: aws.String("nightly"), RoleArn: &role, ModelId: aws.String("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
		InputDataConfig: &types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig{
			Value: types.ModelInvocationJobS3InputDataConfig{S3Uri: aws.String("s3://" + bucket + "/" + key)},
		},
		OutputDataConfig: &types.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig{
			Value: types.ModelInvocationJobS3OutputDataConfig{S3Uri: aws.String("s3://" + bucket + "/out/")},
		},
	})
	if err != nil {
		return "", err
	}
	return *out.JobArn, nil
}

// wait looks at a job once a minute until it has ended.
func (n nightly) wait(ctx context.Context, job string) (types.ModelInvocationJobStatus, error) {
	for {
		out, err := n.jobs.GetModelInvocationJob(ctx, &bedrock.GetModelInvocationJobInput{JobIdentifier: &job})
		if err != nil || out.EndTime != nil {
			return out.Status, err
		}
		if err := n.sleep(ctx, time.Minute); err != nil {
			return "", err
		}
	}
}

// collect gives the summaries and the errors, by recordId.
func (n nightly) collect(ctx context.Context, bucket, key, job string) (summaries, errors map[string]string, err error) {
	name := "out/" + path.Base(job) + "/" + path.Base(key) + ".out"
	out, err := n.files.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &name})
	if err != nil {
		return nil, nil, err
	}
	defer out.Body.Close()
	summaries, errors = map[string]string{}, map[string]string{}
	for lines := json.NewDecoder(out.Body); lines.More(); {
		var line struct {
			RecordID    string
			ModelOutput struct{ Content []struct{ Text string } }
			Error       *struct{ ErrorMessage string }
		}
		if err := lines.Decode(&line); err != nil {
			return nil, nil, err
		}
		if line.Error != nil {
			errors[line.RecordID] = line.Error.ErrorMessage
		} else {
			summaries[line.RecordID] = line.ModelOutput.Content[0].Text
		}
	}
	return summaries, errors, nil
}

// The tests. Each has a server of its own, so they run in parallel and leave nothing for each other.

const (
	bucket = "articles"
	key    = "in/articles.jsonl"
	role   = "arn:aws:iam::123456789012:role/nightly"
)

// setup starts a server with the bucket, the articles and the role, and gives the code under test for it.
func setup(t *testing.T) (*standin.Server, nightly, aws.Config) {
	t.Helper()
	quotas, err := os.ReadFile("../quotas.json")
	if err != nil {
		t.Fatal(err)
	}
	server := standin.Start(t, standin.Options{
		SeedFile: "../state.yaml", Quotas: string(bytes.TrimSpace(quotas)), StateDelay: 10 * time.Minute,
	})
	cfg := aws.Config{
		Region: standin.Region, BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKeyID, server.SecretAccessKey, ""),
	}
	advance := func(ctx context.Context, d time.Duration) error {
		_, err := server.Advance(ctx, d) // the clock moves, no test waits
		return err
	}
	return server, nightly{jobs: bedrock.NewFromConfig(cfg), files: s3.NewFromConfig(cfg), sleep: advance}, cfg
}

func (n nightly) run(t *testing.T) (job string, status types.ModelInvocationJobStatus) {
	t.Helper()
	job, err := n.submit(t.Context(), bucket, key, role)
	if err != nil {
		t.Fatal(err)
	}
	if status, err = n.wait(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	return job, status
}

func TestEveryArticleGetsASummary(t *testing.T) {
	t.Parallel()
	server, n, _ := setup(t)
	job, status := n.run(t)
	if status != types.ModelInvocationJobStatusCompleted {
		t.Fatalf("the job ends %s", status)
	}
	summaries, errors, err := n.collect(t.Context(), bucket, key, job)
	if err != nil {
		t.Fatal(err)
	}
	if len(summaries) != 3 || len(errors) != 0 || !strings.HasPrefix(summaries["basalt"], "Basalt is a volcanic rock.") {
		t.Errorf("summaries %v, errors %v", summaries, errors)
	}
	bill, err := server.Bill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, usage := range bill.Records {
		if usage.Answered != 1 {
			t.Errorf("%s was paid for %d times", id, usage.Answered)
		}
	}
}

func TestRecordsThatFailAreReported(t *testing.T) {
	t.Parallel()
	server, n, _ := setup(t)
	if err := server.SetFaults("record-error"); err != nil {
		t.Fatal(err)
	}
	job, _ := n.run(t)
	summaries, errors, err := n.collect(t.Context(), bucket, key, job)
	if err != nil {
		t.Fatal(err)
	}
	if len(summaries) != 0 || len(errors) != 3 {
		t.Errorf("summaries %v, errors %v", summaries, errors)
	}
}

func TestARoleThatCannotReadFailsTheJob(t *testing.T) {
	t.Parallel()
	_, n, cfg := setup(t)
	_, err := iam.NewFromConfig(cfg).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
		RoleName: aws.String("nightly"), PolicyName: aws.String("job"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, status := n.run(t); status != types.ModelInvocationJobStatusFailed {
		t.Errorf("the job ends %s", status)
	}
}
