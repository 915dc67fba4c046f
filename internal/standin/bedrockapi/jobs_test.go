package bedrockapi_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

func TestAJobFromCreateToItsOutput(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.upload("in/a.jsonl", 5)
	in := job("first-job")
	in.ClientRequestToken = aws.String("token1")
	in.Tags = []types.Tag{{Key: aws.String("run"), Value: aws.String("x")}}
	in.TimeoutDurationInHours = aws.Int32(30)
	arn := w.create(in)
	got := w.end(arn)
	if got.Status != types.ModelInvocationJobStatusCompleted {
		t.Fatalf("%s: %s", got.Status, aws.ToString(got.Message))
	}
	if want := "arn:aws:bedrock:us-west-2:123456789012:inference-profile/" + haiku; *got.ModelId != want {
		t.Errorf("modelId %s, want %s", *got.ModelId, want)
	}
	if *got.TotalRecordCount != 5 || *got.SuccessRecordCount != 5 || *got.ErrorRecordCount != 0 || *got.ProcessedRecordCount != 5 {
		t.Errorf("counters %v", got)
	}
	if *got.ClientRequestToken != "token1" || *got.JobName != "first-job" || *got.TimeoutDurationInHours != 30 ||
		got.JobExpirationTime.Sub(*got.SubmitTime) != 30*time.Hour || got.ModelInvocationType != types.ModelInvocationTypeInvokeModel {
		t.Errorf("got %+v", got)
	}
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	if lines := strings.Count(w.read("out/"+id+"/a.jsonl.out"), `"modelOutput"`); lines != 5 {
		t.Errorf("%d answers", lines)
	}
	if bare := w.get(id); *bare.JobArn != arn {
		t.Errorf("the bare id gives %s", *bare.JobArn)
	}
	tags, err := w.bedrock.ListTagsForResource(t.Context(), &bedrock.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "x" {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestTheTokenMakesCreateIdempotent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.upload("in/a.jsonl", 5)
	in := job("once")
	in.ClientRequestToken = aws.String("token1")
	first := w.create(in)
	w.end(first)
	if again := w.create(in); again != first {
		t.Errorf("the same token gives %s, then %s", first, again)
	}
	in.JobName = aws.String("twice")
	_, err := w.bedrock.CreateModelInvocationJob(t.Context(), in)
	wantCode(t, err, "ConflictException", first)
	list, err := w.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
	if err != nil || len(list.InvocationJobSummaries) != 1 {
		t.Errorf("%d jobs, %v", len(list.InvocationJobSummaries), err)
	}
}

func TestOpenJobsAreHeldToTheQuota(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) { s.quotas.OpenJobs = 2; s.faults = "slow=1h" })
	w.upload("in/a.jsonl", 5)
	first := w.create(job("one"))
	w.create(job("two"))
	_, err := w.bedrock.CreateModelInvocationJob(t.Context(), job("three"))
	wantCode(t, err, "ServiceQuotaExceededException", "anthropic.claude-haiku-4-5")
	if _, err := w.bedrock.StopModelInvocationJob(t.Context(), &bedrock.StopModelInvocationJobInput{JobIdentifier: &first}); err != nil {
		t.Fatal(err)
	}
	if got := w.end(first); got.Status != types.ModelInvocationJobStatusStopped {
		t.Errorf("stopped job is %s", got.Status)
	}
	w.create(job("three"))
	_, err = w.bedrock.StopModelInvocationJob(t.Context(), &bedrock.StopModelInvocationJobInput{JobIdentifier: &first})
	wantCode(t, err, "ValidationException", "State was: Stopped")
}

func TestListFiltersSortsAndPages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.upload("in/a.jsonl", 5)
	var arns []string
	for i := range 7 {
		arns = append(arns, w.create(job("job-"+strconv.Itoa(i))))
	}
	small := job("other")
	small.InputDataConfig.(*types.ModelInvocationJobInputDataConfigMemberS3InputDataConfig).Value.S3Uri = aws.String("s3://papers/none.jsonl")
	failed := w.create(small)
	for _, arn := range append(arns, failed) {
		w.end(arn)
	}
	names := func(in *bedrock.ListModelInvocationJobsInput) (names []string) {
		for pages := bedrock.NewListModelInvocationJobsPaginator(w.bedrock, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.InvocationJobSummaries {
				names = append(names, *s.JobName)
			}
			names = append(names, "|")
		}
		return names
	}
	third := w.get(arns[2])
	for name, test := range map[string]struct {
		in   bedrock.ListModelInvocationJobsInput
		want string
	}{
		"the newest first":  {bedrock.ListModelInvocationJobsInput{}, "other job-6 job-5 job-4 job-3 job-2 job-1 job-0 |"},
		"pages of three":    {bedrock.ListModelInvocationJobsInput{MaxResults: aws.Int32(3)}, "other job-6 job-5 | job-4 job-3 job-2 | job-1 job-0 |"},
		"ascending, paged":  {bedrock.ListModelInvocationJobsInput{MaxResults: aws.Int32(6), SortOrder: types.SortOrderAscending, SortBy: types.SortJobsByCreationTime}, "job-0 job-1 job-2 job-3 job-4 job-5 | job-6 other |"},
		"a name":            {bedrock.ListModelInvocationJobsInput{NameContains: aws.String("b-4")}, "job-4 |"},
		"a status":          {bedrock.ListModelInvocationJobsInput{StatusEquals: types.ModelInvocationJobStatusFailed}, "other |"},
		"nothing":           {bedrock.ListModelInvocationJobsInput{NameContains: aws.String("zzz")}, "|"},
		"a page that fits":  {bedrock.ListModelInvocationJobsInput{MaxResults: aws.Int32(8)}, "other job-6 job-5 job-4 job-3 job-2 job-1 job-0 |"},
		"after the future":  {bedrock.ListModelInvocationJobsInput{SubmitTimeAfter: aws.Time(time.Now().Add(time.Hour))}, "|"},
		"before a job's":    {bedrock.ListModelInvocationJobsInput{SubmitTimeBefore: third.SubmitTime, NameContains: aws.String("job-6")}, "|"},
		"until the future":  {bedrock.ListModelInvocationJobsInput{SubmitTimeBefore: aws.Time(time.Now().Add(time.Hour)), NameContains: aws.String("job-6")}, "job-6 |"},
		"filtered by pages": {bedrock.ListModelInvocationJobsInput{MaxResults: aws.Int32(4), NameContains: aws.String("job")}, "job-6 job-5 job-4 job-3 | job-2 job-1 job-0 |"},
	} {
		if got := strings.Join(names(&test.in), " "); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	_, err := w.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{NextToken: aws.String("nonsense")})
	wantCode(t, err, "ValidationException", "nextToken")
}

func TestAJobOfConverseBodies(t *testing.T) {
	t.Parallel()
	w := setup(t)
	out, err := w.store.Create(t.Context(), "papers", "in/a.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		line := `{"recordId":"r` + strconv.Itoa(i) + `","modelInput":{"messages":[{"role":"user","content":[{"text":"Say something."}]}],"inferenceConfig":{"maxTokens":50}}}` + "\n"
		if _, err := out.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[types.ModelInvocationType]string{
		types.ModelInvocationTypeConverse:    `"modelOutput":{"output":{"message":{`,
		types.ModelInvocationTypeInvokeModel: `"error":{"errorCode":400,`, // Converse's bodies are none of Anthropic's
	} {
		in := job("converse")
		in.ModelInvocationType = kind
		arn := w.create(in)
		got := w.end(arn)
		lines := w.read("out/" + arn[strings.LastIndexByte(arn, '/')+1:] + "/a.jsonl.out")
		if got.Status != types.ModelInvocationJobStatusCompleted || got.ModelInvocationType != kind || strings.Count(lines, want) != 4 {
			t.Errorf("%s: %s, %s", kind, got.Status, lines)
		}
	}
}
