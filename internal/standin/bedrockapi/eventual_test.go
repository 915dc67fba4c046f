package bedrockapi_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

func TestAJobIsLateForGetAndList(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) { s.faults = "late-job" })
	w.upload("in/a.jsonl", 5)
	arn := w.create(job("late"))
	get := func() error {
		_, err := w.bedrock.GetModelInvocationJob(t.Context(), &bedrock.GetModelInvocationJobInput{JobIdentifier: &arn})
		return err
	}
	wantCode(t, get(), "ResourceNotFoundException", arn)
	if err := get(); err != nil {
		t.Errorf("the second Get gives %v", err)
	}
	for i, want := range []int{0, 1} {
		out, err := w.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
		if err != nil || len(out.InvocationJobSummaries) != want {
			t.Errorf("list %d names %d jobs (%v), want %d", i+1, len(out.InvocationJobSummaries), err, want)
		}
	}
}

func TestACreateWhoseReplyIsLostMadeTheJob(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) { s.faults = "lost-create" })
	w.upload("in/a.jsonl", 5)
	in := job("lost")
	in.ClientRequestToken = aws.String("token1")
	if _, err := w.bedrock.CreateModelInvocationJob(t.Context(), in, func(o *bedrock.Options) { o.Retryer = aws.NopRetryer{} }); err == nil {
		t.Error("the first Create has a reply")
	}
	arn := w.create(in)
	out, err := w.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
	if err != nil || len(out.InvocationJobSummaries) != 1 || *out.InvocationJobSummaries[0].JobArn != arn {
		t.Errorf("%d jobs (%v), want the one that the first Create made", len(out.InvocationJobSummaries), err)
	}
}

func TestAPageOfJobsComesTwice(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) { s.faults = "double-page" })
	w.upload("in/a.jsonl", 5)
	for _, name := range []string{"a", "b", "c"} {
		w.create(job(name))
	}
	seen := map[string]int{}
	pages := bedrock.NewListModelInvocationJobsPaginator(w.bedrock, &bedrock.ListModelInvocationJobsInput{MaxResults: aws.Int32(2), SortOrder: types.SortOrderDescending})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.InvocationJobSummaries {
			seen[*j.JobName]++
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if seen[name] != 2 {
			t.Errorf("job %s was listed %d times, want 2", name, seen[name])
		}
	}
}
