package standin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"quarry/standin"
)

// config is the configuration of aws-sdk-go-v2 for a server.
func config(s *standin.Server) aws.Config {
	return aws.Config{
		Region:       standin.Region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey, ""),
	}
}

const (
	trust = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	rights = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","bedrock:InvokeModel"],"Resource":"*"}]}`
	record = `{"recordId":"article-1","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,` +
		`"messages":[{"role":"user","content":%q}]}}`
	article = "Title: Basalt\n\nArticle:\nBasalt is a volcanic rock. It forms when lava cools quickly at the surface."
)

// A batch job from the input file to the answers, with AWS's SDK.
func Example() {
	ctx := context.Background()
	server, err := standin.New(ctx, standin.Options{Quotas: `{"*":{"min_records":1}}`}) // in a test: standin.Start(t, …)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cfg := config(server)
	files, jobs, roles := s3.NewFromConfig(cfg), bedrock.NewFromConfig(cfg), iam.NewFromConfig(cfg)

	bucket := aws.String("articles")
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: standin.Region},
	}); err != nil {
		log.Fatal(err)
	}
	if _, err := files.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("in.jsonl"), Body: strings.NewReader(fmt.Sprintf(record, article)),
	}); err != nil {
		log.Fatal(err)
	}
	role, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("batch"), AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String("batch"), PolicyName: aws.String("job"), PolicyDocument: aws.String(rights),
	}); err != nil {
		log.Fatal(err)
	}
	created, err := jobs.CreateModelInvocationJob(ctx, &bedrock.CreateModelInvocationJobInput{
		JobName: aws.String("nightly"), RoleArn: role.Role.Arn, ModelId: aws.String("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
		InputDataConfig: &types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig{
			Value: types.ModelInvocationJobS3InputDataConfig{S3Uri: aws.String("s3://articles/in.jsonl")},
		},
		OutputDataConfig: &types.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig{
			Value: types.ModelInvocationJobS3OutputDataConfig{S3Uri: aws.String("s3://articles/out/")},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	var job *bedrock.GetModelInvocationJobOutput
	for job == nil || job.EndTime == nil {
		if job, err = jobs.GetModelInvocationJob(ctx, &bedrock.GetModelInvocationJobInput{JobIdentifier: created.JobArn}); err != nil {
			log.Fatal(err)
		}
	}
	id := (*created.JobArn)[strings.LastIndex(*created.JobArn, "/")+1:]
	out, err := files.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("out/" + id + "/in.jsonl.out")})
	if err != nil {
		log.Fatal(err)
	}
	defer out.Body.Close()
	for lines := bufio.NewScanner(out.Body); lines.Scan(); {
		var line struct {
			RecordID    string
			ModelOutput struct{ Content []struct{ Text string } }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			log.Fatal(err)
		}
		fmt.Println(line.RecordID, line.ModelOutput.Content[0].Text)
	}
	bill, err := server.Bill(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Status, bill.Records["article-1"].Answered)
	// Output:
	// article-1 Basalt is a volcanic rock. It forms when lava cools quickly at the surface.
	// Completed 1
}

// A test of what a program does when AWS throttles it: the fault is set for a part of the test.
func ExampleServer_SetFaults() {
	ctx := context.Background()
	server, err := standin.New(ctx, standin.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	cfg := config(server)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	files := s3.NewFromConfig(cfg)

	if err := server.SetFaults("throttle"); err != nil {
		log.Fatal(err)
	}
	_, err = files.ListBuckets(ctx, nil)
	fmt.Println(strings.Contains(err.Error(), "SlowDown"))
	server.ClearFaults()
	_, err = files.ListBuckets(ctx, nil)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A clock that moves: a timeout of 24 hours is tested at once.
func ExampleServer_Advance() {
	ctx := context.Background()
	server, err := standin.New(ctx, standin.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	before, err := server.Now(ctx)
	if err != nil {
		log.Fatal(err)
	}
	after, err := server.Advance(ctx, 25*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(after.Sub(before).Truncate(time.Hour))
	// Output: 25h0m0s
}
