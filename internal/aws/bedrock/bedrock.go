// Package bedrock calls Amazon Bedrock: it submits, reads, lists and stops jobs, and calls models one record at a time.
//
// It owns the Bedrock SDKs, of which it is the only importer, and the retries of their calls. It does not know shards or
// documents. What always holds: every Create carries the caller's own token, so that repeating it is safe; a job is
// always named by its full ARN; errors are distinguished by their code, never by their HTTP status, since Bedrock answers
// Conflict and ServiceQuotaExceeded with 400
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html).
package bedrock

import (
	"context"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	runtime "github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"quarry"
)

// Client calls one Region.
type Client struct {
	control *sdk.Client
	runtime *runtime.Client
	region  string
}

// New gives a client. It makes no call.
func New(c aws.Config) *Client {
	return &Client{
		control: sdk.NewFromConfig(c, func(o *sdk.Options) {
			if len(c.AuthSchemePreference) > 0 { // the SDK lets AWS_BEARER_TOKEN_BEDROCK win over it
				o.AuthSchemePreference = c.AuthSchemePreference
			}
		}),
		runtime: runtime.NewFromConfig(c, func(o *runtime.Options) {
			if len(c.AuthSchemePreference) > 0 {
				o.AuthSchemePreference = c.AuthSchemePreference
			}
			o.Retryer = aws.NopRetryer{} // a call that may have been paid is repeated by the run, which writes it down
		}),
		region: c.Region,
	}
}

// CreateRequest is all that a job is made from. It is stored before it is sent, and sent again unchanged.
type CreateRequest struct {
	JobName      string                `json:"jobName"`
	Token        string                `json:"clientRequestToken"`
	ModelID      string                `json:"modelId"`
	RoleARN      string                `json:"roleArn"`
	Type         quarry.InvocationType `json:"modelInvocationType"`
	InputURI     string                `json:"inputUri"`
	OutputURI    string                `json:"outputUri"`
	KMSKey       string                `json:"kmsKey,omitempty"`
	TimeoutHours int32                 `json:"timeoutDurationInHours,omitempty"`
	Tags         map[string]string     `json:"tags,omitempty"`
	BucketOwner  string                `json:"bucketOwner,omitempty"` // account of 12 digits; empty: the caller's
	// Subnets and SecurityGroups are of the VPC that the job reaches S3 through: both or none.
	Subnets        []string `json:"subnets,omitempty"`
	SecurityGroups []string `json:"securityGroups,omitempty"`
}

// Create creates a job. The same request with the same token gives the same job: "If this token matches a previous
// request, Amazon Bedrock ignores the request, but does not return an error" (API_CreateModelInvocationJob).
// Errors: see Cause.
func (c *Client) Create(ctx context.Context, r CreateRequest) (quarry.JobARN, error) {
	in := &sdk.CreateModelInvocationJobInput{
		JobName: &r.JobName, ClientRequestToken: &r.Token, ModelId: &r.ModelID, RoleArn: &r.RoleARN,
		InputDataConfig: &types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig{
			Value: types.ModelInvocationJobS3InputDataConfig{
				S3Uri: &r.InputURI, S3InputFormat: types.S3InputFormatJsonl, S3BucketOwner: optional(r.BucketOwner),
			},
		},
		OutputDataConfig: &types.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig{
			Value: types.ModelInvocationJobS3OutputDataConfig{
				S3Uri: &r.OutputURI, S3EncryptionKeyId: optional(r.KMSKey), S3BucketOwner: optional(r.BucketOwner),
			},
		},
		ModelInvocationType: types.ModelInvocationType(r.Type),
	}
	if r.TimeoutHours > 0 {
		in.TimeoutDurationInHours = &r.TimeoutHours
	}
	if len(r.Subnets) > 0 {
		in.VpcConfig = &types.VpcConfig{SubnetIds: r.Subnets, SecurityGroupIds: r.SecurityGroups}
	}
	for _, k := range sortedKeys(r.Tags) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(r.Tags[k])})
	}
	out, err := c.control.CreateModelInvocationJob(ctx, in)
	if err != nil {
		return "", c.fault(ctx, "submit", "job "+r.JobName, err)
	}
	return quarry.JobARN(aws.ToString(out.JobArn)), nil
}

// Get reads a job.
func (c *Client) Get(ctx context.Context, arn quarry.JobARN) (quarry.Job, error) {
	out, err := c.control.GetModelInvocationJob(ctx, &sdk.GetModelInvocationJobInput{JobIdentifier: aws.String(string(arn))})
	if err != nil {
		return quarry.Job{}, c.fault(ctx, "read", "job "+string(arn), err)
	}
	return quarry.Job{
		ARN: quarry.JobARN(aws.ToString(out.JobArn)), Name: aws.ToString(out.JobName), Token: aws.ToString(out.ClientRequestToken),
		ModelID: aws.ToString(out.ModelId), Status: quarry.JobStatus(out.Status), Message: aws.ToString(out.Message),
		Counts: quarry.JobCounts{
			Total: aws.ToInt64(out.TotalRecordCount), Processed: aws.ToInt64(out.ProcessedRecordCount),
			Success: aws.ToInt64(out.SuccessRecordCount), Error: aws.ToInt64(out.ErrorRecordCount),
		},
		InputURI: inputURI(out.InputDataConfig), OutputURI: outputURI(out.OutputDataConfig),
		Submitted: aws.ToTime(out.SubmitTime), Modified: aws.ToTime(out.LastModifiedTime), Ended: aws.ToTime(out.EndTime),
	}, nil
}

// Filter narrows a list of jobs. Zero fields do not narrow it.
type Filter struct {
	NameContains string
	Status       quarry.JobStatus
	After        time.Time
}

// Jobs lists jobs, newest first. A job that is on two pages, because others were made meanwhile, is given once.
func (c *Client) Jobs(ctx context.Context, f Filter) iter.Seq2[quarry.Job, error] {
	return func(yield func(quarry.Job, error) bool) {
		in := &sdk.ListModelInvocationJobsInput{
			NameContains: optional(f.NameContains), StatusEquals: types.ModelInvocationJobStatus(f.Status),
			SortBy: types.SortJobsByCreationTime, SortOrder: types.SortOrderDescending, MaxResults: aws.Int32(1000),
		}
		if !f.After.IsZero() {
			in.SubmitTimeAfter = &f.After
		}
		seen := map[quarry.JobARN]bool{}
		pages := sdk.NewListModelInvocationJobsPaginator(c.control, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(quarry.Job{}, c.fault(ctx, "list", "jobs in "+c.region, err))
				return
			}
			for i := range page.InvocationJobSummaries {
				j := fromSummary(&page.InvocationJobSummaries[i])
				if seen[j.ARN] {
					continue
				}
				seen[j.ARN] = true
				if !yield(j, nil) {
					return
				}
			}
		}
	}
}

func fromSummary(s *types.ModelInvocationJobSummary) quarry.Job {
	return quarry.Job{
		ARN: quarry.JobARN(aws.ToString(s.JobArn)), Name: aws.ToString(s.JobName), Token: aws.ToString(s.ClientRequestToken),
		ModelID: aws.ToString(s.ModelId), Status: quarry.JobStatus(s.Status), Message: aws.ToString(s.Message),
		Counts: quarry.JobCounts{
			Total: aws.ToInt64(s.TotalRecordCount), Processed: aws.ToInt64(s.ProcessedRecordCount),
			Success: aws.ToInt64(s.SuccessRecordCount), Error: aws.ToInt64(s.ErrorRecordCount),
		},
		InputURI: inputURI(s.InputDataConfig), OutputURI: outputURI(s.OutputDataConfig),
		Submitted: aws.ToTime(s.SubmitTime), Modified: aws.ToTime(s.LastModifiedTime), Ended: aws.ToTime(s.EndTime),
	}
}

// Stop requests the end of a job; what it has finished stays. It is not an error if the job has ended already: Bedrock says so with
// Conflict or with Validation, and both mean that its status has to be read again (BerriAI/litellm PR 34087).
func (c *Client) Stop(ctx context.Context, arn quarry.JobARN) error {
	_, err := c.control.StopModelInvocationJob(ctx, &sdk.StopModelInvocationJobInput{JobIdentifier: aws.String(string(arn))})
	if err == nil {
		return nil
	}
	fault := c.fault(ctx, "stop", "job "+string(arn), err)
	if cause := CauseOf(fault); cause == CauseConflict || cause == CauseRejected {
		return nil
	}
	return fault
}

func inputURI(c types.ModelInvocationJobInputDataConfig) string {
	if v, ok := c.(*types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig); ok {
		return aws.ToString(v.Value.S3Uri)
	}
	return ""
}

func outputURI(c types.ModelInvocationJobOutputDataConfig) string {
	if v, ok := c.(*types.ModelInvocationJobOutputDataConfigMemberS3OutputDataConfig); ok {
		return aws.ToString(v.Value.S3Uri)
	}
	return ""
}
