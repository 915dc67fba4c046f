package bedrockapi_test

import (
	"context"
	"math"
	"testing"

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
		totals, err := w.engine.Totals(t.Context(), "")
		if err != nil || totals.InputTokens < 0 || totals.OutputTokens < 0 {
			t.Errorf("counts %+v: the bill says %+v, %v", m, totals, err)
		}
	}
}
