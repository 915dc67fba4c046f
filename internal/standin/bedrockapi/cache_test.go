package bedrockapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"quarry/internal/standin/model"
)

// counted are the tokens of one answer, by where they were counted.
type counted struct{ in, read, written int64 }

func TestThePromptCacheIsCounted(t *testing.T) {
	t.Parallel()
	answer := func(_ context.Context, r model.Request) (model.Response, error) {
		body := `{"content":[{"type":"text","text":"x"}],"usage":{"input_tokens":6000,"output_tokens":20}}`
		if r.Converse {
			body = `{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn","metrics":{"latencyMs":1},` +
				`"usage":{"inputTokens":6000,"outputTokens":20,"totalTokens":6020}}`
		}
		return model.Response{Body: []byte(body), InputTokens: 6000, OutputTokens: 20}, nil
	}
	long, short := strings.Repeat("word ", 4000), "word" // 5,000 tokens; Haiku 4.5 caches from 4,096 on
	invoke := func(w *world, system string) counted {
		t.Helper()
		in := invocation("Say something.")
		in.Body = []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"x"}],"system":` + system + `}`)
		out, err := w.runtime.InvokeModel(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var reply struct {
			Usage struct {
				In      int64 `json:"input_tokens"`
				Read    int64 `json:"cache_read_input_tokens"`
				Written int64 `json:"cache_creation_input_tokens"`
			}
		}
		if err := json.Unmarshal(out.Body, &reply); err != nil {
			t.Fatal(err)
		}
		return counted{reply.Usage.In, reply.Usage.Read, reply.Usage.Written}
	}
	marked := func(text string) string {
		return `[{"type":"text","text":"` + text + `","cache_control":{"type":"ephemeral"}}]`
	}
	want := func(what string, got, want counted) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	const prefix = 5001
	w := setup(t, func(s *settings) { s.model = answerer(answer) })
	want("the first call", invoke(w, marked(long)), counted{6000 - prefix, 0, prefix})
	want("the second", invoke(w, marked(long)), counted{6000 - prefix, prefix, 0})
	want("another prefix", invoke(w, marked(long+"more")), counted{6000 - prefix - 1, 0, prefix + 1})
	want("a prefix that is too short", invoke(w, marked(short)), counted{6000, 0, 0})
	want("no mark", invoke(w, `"`+long+`"`), counted{6000, 0, 0})
	if err := w.engine.Advance(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
	want("five minutes later", invoke(w, marked(long)), counted{6000 - prefix, 0, prefix})

	talk := func() counted {
		t.Helper()
		out, err := w.runtime.Converse(t.Context(), &bedrockruntime.ConverseInput{
			ModelId:  aws.String(haiku),
			System:   []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: long + "talk"}, &types.SystemContentBlockMemberCachePoint{Value: types.CachePointBlock{Type: types.CachePointTypeDefault}}},
			Messages: []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "x"}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return counted{int64(aws.ToInt32(out.Usage.InputTokens)), int64(aws.ToInt32(out.Usage.CacheReadInputTokens)), int64(aws.ToInt32(out.Usage.CacheWriteInputTokens))}
	}
	want("Converse", talk(), counted{6000 - prefix - 1, 0, prefix + 1})
	want("Converse again", talk(), counted{6000 - prefix - 1, prefix + 1, 0})
}

// Reads from the prompt cache take nothing of the quota of tokens.
func TestCacheReadsTakeNoQuota(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) {
		s.model = answerer(func(context.Context, model.Request) (model.Response, error) {
			return model.Response{Body: []byte(`{"usage":{"input_tokens":5100,"output_tokens":1}}`), InputTokens: 5100, OutputTokens: 1}, nil
		})
		s.quotas.TPM, s.quotas.Burndown = 12_000, 5
	})
	for n := range 6 { // six calls of 5,100 tokens without the cache would take 30,600
		in := invocation("x")
		in.Body = []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"x"}],"system":[{"type":"text","text":"` +
			strings.Repeat("word ", 4000) + `","cache_control":{"type":"ephemeral"}}]}`)
		if _, err := w.runtime.InvokeModel(t.Context(), in); err != nil {
			t.Fatalf("call %d: %v", n+1, err)
		}
	}
}
