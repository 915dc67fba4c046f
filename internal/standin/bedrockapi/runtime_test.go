package bedrockapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

func invocation(text string) *bedrockruntime.InvokeModelInput {
	return &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: []byte(body(text))}
}

func TestInvokeModel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	out, err := w.runtime.InvokeModel(t.Context(), invocation("Say something."))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Model   string
		Content []struct{ Text string }
		Usage   struct {
			In  int64 `json:"input_tokens"`
			Out int64 `json:"output_tokens"`
		}
	}
	if err := json.Unmarshal(out.Body, &answer); err != nil || answer.Model != model.EchoID || answer.Content[0].Text == "" {
		t.Errorf("%s, %v", out.Body, err)
	}
	if *out.ContentType != "application/json" {
		t.Errorf("content type %s", *out.ContentType)
	}
	for name, path := range map[string]string{
		"escaped":      "/model/" + strings.ReplaceAll(haiku, ":", "%3A") + "/invoke",
		"an ARN":       "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Ainference-profile%2F" + haiku + "/invoke",
		"a bare slash": "/model/arn:aws:bedrock:us-west-2:123456789012:inference-profile/" + haiku + "/invoke",
	} {
		status, header, got := w.send("POST", path, body("Say something."), "x-quarry-record", "rec-1", "X-Amzn-Bedrock-Service-Tier", "default")
		if status != 200 || header.Get("X-Amzn-Bedrock-Input-Token-Count") != fmt.Sprint(answer.Usage.In) ||
			header.Get("X-Amzn-Bedrock-Output-Token-Count") != fmt.Sprint(answer.Usage.Out) || header.Get("X-Amzn-Bedrock-Service-Tier") != "default" {
			t.Errorf("%s: %d %v %s", name, status, header, got)
		}
	}
	got := bill(t, w.engine)
	want := map[string]int64{"call-1": 1, "rec-1": 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bill: %s", diff)
	}
}

func bill(t *testing.T, e *worker.Engine) map[string]int64 {
	t.Helper()
	lines := map[string]int64{}
	for b, err := range e.Bill(t.Context(), place.Account, "") {
		if err != nil {
			t.Fatal(err)
		}
		lines[b.RecordID] = b.Answered
	}
	return lines
}

func TestConverseAndCountTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	messages := []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Say something."}}}}
	out, err := w.runtime.Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(haiku), Messages: messages, ServiceTier: &types.ServiceTier{Type: types.ServiceTierTypeDefault},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := out.Output.(*types.ConverseOutputMemberMessage); len(m.Value.Content) == 0 || out.StopReason != types.StopReasonEndTurn || *out.Usage.InputTokens == 0 {
		t.Errorf("got %+v", out)
	}
	if out.ServiceTier == nil || out.ServiceTier.Type != types.ServiceTierTypeDefault {
		t.Errorf("tier %v", out.ServiceTier)
	}
	plain := aws.String(strings.TrimPrefix(haiku, "us."))
	count, err := w.runtime.CountTokens(t.Context(), &bedrockruntime.CountTokensInput{
		ModelId: plain, Input: &types.CountTokensInputMemberConverse{Value: types.ConverseTokensRequest{Messages: messages}},
	})
	if err != nil || *count.InputTokens != *out.Usage.InputTokens {
		t.Errorf("counted %v, %v; answered with %d", count, err, *out.Usage.InputTokens)
	}
	count, err = w.runtime.CountTokens(t.Context(), &bedrockruntime.CountTokensInput{
		ModelId: plain, Input: &types.CountTokensInputMemberInvokeModel{Value: types.InvokeModelTokensRequest{Body: []byte(body("Say something."))}},
	})
	if err != nil || *count.InputTokens == 0 {
		t.Errorf("counted %v, %v", count, err)
	}
	_, err = w.runtime.CountTokens(t.Context(), &bedrockruntime.CountTokensInput{
		ModelId: aws.String(haiku), Input: &types.CountTokensInputMemberInvokeModel{Value: types.InvokeModelTokensRequest{Body: []byte(body("x"))}},
	})
	wantCode(t, err, "ValidationException", "The provided model doesn't support counting tokens.")
}

func TestRuntimeRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	invoke := "/model/" + haiku + "/invoke"
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
		code       string
	}{
		"an unknown model":           {"/model/nobody.knows/invoke", "{}", nil, 400, "ValidationException"},
		"a body that is none":        {invoke, "{", nil, 400, "ValidationException"},
		"a body of another family":   {invoke, `{"prompt":"x"}`, nil, 400, "ValidationException"},
		"a tier that is none":        {invoke, body("x"), []string{"X-Amzn-Bedrock-Service-Tier", "cheap"}, 400, "ValidationException"},
		"a tier the model has not":   {invoke, body("x"), []string{"X-Amzn-Bedrock-Service-Tier", "flex"}, 400, "ValidationException"},
		"a Converse body that is no": {"/model/" + haiku + "/converse", "[", nil, 400, "SerializationException"},
		"tokens of nothing":          {"/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens", "{}", nil, 400, "ValidationException"},
		"tokens of both":             {"/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens", `{"input":{"converse":{},"invokeModel":{"body":"e30="}}}`, nil, 400, "ValidationException"},
	} {
		status, header, got := w.send("POST", test.path, test.body, test.headers...)
		if status != test.status || !strings.HasPrefix(header.Get("x-amzn-ErrorType"), test.code+":") {
			t.Errorf("%s: %d %s %s", name, status, header.Get("x-amzn-ErrorType"), got)
		}
	}
	if status, _, got := w.send("POST", invoke, strings.Repeat(" ", 25_000_001)); status != 400 || !strings.Contains(got, "25000000") {
		t.Errorf("a body that is too long: %d %s", status, got)
	}
	if lines := bill(t, w.engine); len(lines) != 0 {
		t.Errorf("refusals are billed: %v", lines)
	}
}

func TestModelErrorsHaveTheRuntimesNames(t *testing.T) {
	t.Parallel()
	code := 0
	w := setup(t, func(s *settings) {
		s.model = answerer(func(context.Context, model.Request) (model.Response, error) {
			return model.Response{}, &model.Error{Code: code, Message: "why", RetryAfter: 2 * time.Second}
		})
	})
	for _, test := range []struct {
		code, status int
		name         string
	}{
		{400, 400, "ValidationException"},
		{403, 403, "AccessDeniedException"},
		{404, 404, "ResourceNotFoundException"},
		{408, 408, "ModelTimeoutException"},
		{413, 400, "ValidationException"},
		{424, 424, "ModelErrorException"},
		{429, 429, "ThrottlingException"},
		{500, 500, "InternalServerException"},
		{502, 503, "ServiceUnavailableException"},
		{503, 503, "ServiceUnavailableException"},
	} {
		code = test.code
		status, header, got := w.send("POST", "/model/"+haiku+"/invoke", body("x"))
		if status != test.status || !strings.HasPrefix(header.Get("x-amzn-ErrorType"), test.name+":") || got != `{"message":"why"}` || header.Get("Retry-After") != "2" {
			t.Errorf("%d: %d %v %s", test.code, status, header, got)
		}
	}
}

type answerer func(ctx context.Context, r model.Request) (model.Response, error)

func (a answerer) Answer(ctx context.Context, r model.Request) (model.Response, error) {
	return a(ctx, r)
}

func TestRequestsAndTokensAMinute(t *testing.T) {
	t.Parallel()
	answer := func(context.Context, model.Request) (model.Response, error) {
		return model.Response{Body: []byte(`{}`), InputTokens: 10, OutputTokens: 20}, nil
	}
	call := func(w *world, maxTokens int) string {
		b := fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":%d,"messages":[{"role":"user","content":"x"}]}`, maxTokens)
		_, err := w.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: []byte(b)})
		if throttled, ok := errors.AsType[*types.ThrottlingException](err); ok {
			return *throttled.Message
		}
		if err != nil {
			t.Error(err)
		}
		return "ok"
	}
	const requests, tokens = "Too many requests, please wait before trying again.", "Too many tokens, please wait before trying again."
	advance := func(w *world, d time.Duration) {
		if err := w.engine.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
	want := func(got, want, when string) {
		if got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}

	rpm := setup(t, func(s *settings) { s.model = answerer(answer); s.quotas.RPM = 3 })
	for range 3 {
		want(call(rpm, 10), "ok", "within the requests")
	}
	want(call(rpm, 10), requests, "one request too many")
	advance(rpm, 21*time.Second)
	want(call(rpm, 10), "ok", "after a third of a minute")
	want(call(rpm, 10), requests, "and another")

	tpm := setup(t, func(s *settings) { s.model = answerer(answer); s.quotas.TPM = 1000; s.quotas.Burndown = 5 })
	want(call(tpm, 1100), tokens, "more max_tokens than the quota")
	want(call(tpm, 900), "ok", "max_tokens are taken at the start") // and settled to 10 + 5·20
	want(call(tpm, 880), "ok", "and given back at the end")
	want(call(tpm, 880), tokens, "but for what was used")
	advance(tpm, time.Minute)
	want(call(tpm, 990), "ok", "a minute later")
}

func TestRightsAreAskedForBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	denied := ""
	var asked []string
	w := setup(t, func(s *settings) {
		s.access = func(_ context.Context, principal, action, resource string, conditions map[string]string) error {
			if principal != caller {
				return nil // the role's rights are the worker's to ask for
			}
			asked = append(asked, action+" "+resource)
			if action == denied {
				return errors.New("User: " + principal + " is not authorized to perform: " + action)
			}
			if action == "iam:PassRole" && conditions["iam:PassedToService"] != "bedrock.amazonaws.com" {
				t.Errorf("PassRole with %v", conditions)
			}
			return nil
		}
	})
	w.upload("in/a.jsonl", 3)
	for _, denied = range []string{"bedrock:CreateModelInvocationJob", "iam:PassRole"} {
		_, err := w.bedrock.CreateModelInvocationJob(t.Context(), job("a"))
		wantCode(t, err, "AccessDeniedException", "is not authorized to perform: "+denied)
	}
	denied = "bedrock:InvokeModel"
	_, err := w.runtime.InvokeModel(t.Context(), invocation("x"))
	wantCode(t, err, "AccessDeniedException", denied)
	denied, asked = "", nil
	if _, err = w.runtime.InvokeModel(t.Context(), invocation("x")); err != nil {
		t.Fatal(err)
	}
	if got := asked[0]; got != "bedrock:InvokeModel arn:aws:bedrock:us-west-2:123456789012:inference-profile/"+haiku || len(asked) < 3 {
		t.Errorf("asked for %v", asked)
	}
	for _, a := range asked[1:] {
		if !strings.Contains(a, "::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0") {
			t.Errorf("asked for %s", a)
		}
	}
}

func TestFaultsOnOnDemandCalls(t *testing.T) {
	t.Parallel()
	call := func(fault string) (string, map[string]int64, error) {
		w := setup(t, func(s *settings) { s.faults = fault })
		out, err := w.runtime.InvokeModel(t.Context(), invocation(`Answer with JSON: {"title_en":"…"}`))
		if err != nil {
			return "", bill(t, w.engine), err
		}
		return string(out.Body), bill(t, w.engine), nil
	}
	if _, lines, err := call("record-error"); len(lines) != 0 {
		t.Errorf("an error is billed: %v", lines)
	} else {
		wantCode(t, err, "InternalServerException", "unexpected error")
	}
	if _, lines, err := call("drop-record"); err == nil || lines["call-1"] != 1 {
		t.Errorf("dropped: error %v, bill %v", err, lines)
	}
	if got, lines, err := call("truncate"); err != nil || !strings.Contains(got, `"max_tokens"`) || lines["call-1"] != 1 {
		t.Errorf("truncated: %s, %v, bill %v", got, err, lines)
	}
	if got, _, err := call("bad-json"); err != nil || !json.Valid([]byte(got)) {
		t.Errorf("bad JSON: %s, %v", got, err)
	}
	set, err := faults.Parse("record-error=0.5,seed=4")
	if err != nil {
		t.Fatal(err)
	}
	w := setup(t, func(s *settings) { s.faults = set.String() })
	for i := range 40 {
		id := fmt.Sprintf("doc-%d-a1", i)
		status, _, _ := w.send("POST", "/model/"+haiku+"/invoke", body("x"), "x-quarry-record", id)
		if failed := status == 500; failed != set.Hits(faults.RecordError, id) {
			t.Errorf("%s: status %d, drawn %v", id, status, set.Hits(faults.RecordError, id))
		}
	}
}
