package bedrockapi_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"quarry"
	"quarry/internal/standin/model"
)

// absurd answers with counts that no model can have.
type absurd struct{ in, out int64 }

func (m absurd) Answer(context.Context, model.Request) (model.Response, error) {
	return model.Response{Body: []byte(`{"content":[{"type":"text","text":"x"}]}`), InputTokens: m.in, OutputTokens: m.out}, nil
}

func TestAbsurdCountsOfABackEndDoNotDrainTheQuota(t *testing.T) {
	t.Parallel()
	for _, m := range []absurd{{math.MaxInt64, math.MaxInt64}, {math.MinInt64, math.MinInt64}, {-1, math.MaxInt64}, {math.MaxInt64, -1}} {
		w := setup(t, func(s *settings) { s.model, s.quotas = m, quarry.Quotas{TPM: 1_000_000} })
		for range 2 {
			if _, err := w.runtime.InvokeModel(t.Context(), invocation("Say something.")); err != nil {
				break // a minute's worth may be gone
			}
		}
		if err := w.engine.Advance(2 * 60 * 1e9); err != nil {
			t.Fatal(err)
		}
		if _, err := w.runtime.InvokeModel(t.Context(), invocation("Say something.")); err != nil {
			t.Errorf("counts %+v: two minutes later: %v", m, err)
		}
		totals, err := w.engine.Totals(t.Context(), place.Account, "")
		if err != nil || totals.InputTokens < 0 || totals.OutputTokens < 0 {
			t.Errorf("counts %+v: the bill says %+v, %v", m, totals, err)
		}
	}
}

// An answer without counts of tokens shows none: not in its headers, and not in a stream's metrics.
func TestAnUncountedAnswerShowsNoCounts(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) {
		s.model = answerer(func(_ context.Context, r model.Request) (model.Response, error) {
			body := `{"content":[{"type":"text","text":"x"}],"usage":{}}`
			if r.Converse {
				body = `{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{}}`
			}
			return model.Response{Body: []byte(body), InputTokens: 7, OutputTokens: 7, Uncounted: true}, nil
		})
	})
	out, err := w.runtime.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: aws.String(haiku), Messages: []types.Message{{
		Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "x"}},
	}}})
	if err != nil || out.Usage == nil || out.Usage.InputTokens != nil || out.Usage.OutputTokens != nil {
		t.Errorf("Converse gives the usage %+v, %v; want one without counts", out.Usage, err)
	}
	stream, err := w.runtime.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: aws.String(haiku), Body: invocation("x").Body})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for event := range stream.GetStream().Events() {
		if c, ok := event.(*types.ResponseStreamMemberChunk); ok {
			all += string(c.Value.Bytes)
		}
	}
	if !strings.Contains(all, "invocationLatency") || strings.Contains(all, "TokenCount") || strings.Contains(all, "_tokens") {
		t.Errorf("the stream says %s; want no count", all)
	}
}
