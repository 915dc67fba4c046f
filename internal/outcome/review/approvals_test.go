package review_test

import (
	"context"
	"errors"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/review"
)

func question(asks review.Asks, digest string) *review.Question {
	cost := quarry.USD(5)
	return &review.Question{
		Run: "abcdefghij", Pass: 2, Asks: asks, Text: "Send 90 documents?", Documents: 90, Forecast: review.Forecast{Cost: &cost}, Digest: digest,
	}
}

func TestAQuestionWaitsUntilItIsApproved(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if q, a, err := d.Pending(t.Context()); q != nil || a != nil || err != nil {
		t.Errorf("Pending = %v, %v, %v, want none", q, a, err)
	}
	if err := d.Ask(t.Context(), question(review.Rest, "one"), nil); !errors.Is(err, review.ErrWaits) {
		t.Fatalf("Ask = %v, want that the run waits", err)
	}
	q, given, err := d.Pending(t.Context())
	if err != nil || q == nil || given != nil || q.Documents != 90 || q.Asked.IsZero() || *q.Forecast.Cost != 5 {
		t.Fatalf("Pending = %+v, %v, %v", q, given, err)
	}
	a, err := d.Approve(t.Context(), q, "ann")
	if err != nil || a.Who != "ann" || a.At.IsZero() || a.Digest != "one" {
		t.Fatalf("Approve = %+v, %v", a, err)
	}
	if _, given, err = d.Pending(t.Context()); err != nil || given == nil || given.Who != "ann" || *given.Forecast.Cost != 5 {
		t.Errorf("Pending says it was approved by %+v, %v", given, err)
	}
	if err := d.Ask(t.Context(), question(review.Rest, "one"), nil); err != nil {
		t.Errorf("Ask = %v after the approval", err)
	}
	if q, _, err := d.Pending(t.Context()); q != nil || err != nil {
		t.Errorf("Pending = %v, %v after the run went ahead", q, err)
	}
}

func TestAnApprovalIsVoidForAnotherQuestion(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if err := d.Ask(t.Context(), question(review.Rest, "one"), nil); !errors.Is(err, review.ErrWaits) {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), question(review.Rest, "one"), "ann"); err != nil {
		t.Fatal(err)
	}
	other := *question(review.Rest, "one")
	other.Pass = 3
	for _, q := range []*review.Question{question(review.Rest, "two"), question(review.First, "one"), &other} {
		if err := d.Ask(t.Context(), q, nil); !errors.Is(err, review.ErrWaits) {
			t.Errorf("Ask(%+v) = %v, want that the run waits", q, err)
		}
	}
	if _, err := d.Approve(t.Context(), question(review.Rest, "two"), "ann"); kind(err) != quarry.BadUsage {
		t.Errorf("Approve of a question that was replaced = %v, want a refusal", err)
	}
	if err := d.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), question(review.Rest, "one"), "ann"); kind(err) != quarry.BadUsage {
		t.Errorf("Approve without a question = %v, want a refusal", err)
	}
}

func TestAProcessThatAsksObeysAnApproval(t *testing.T) {
	t.Parallel()
	d := setup(t)
	err := d.Ask(t.Context(), question(review.First, "one"), func(ctx context.Context, _ string) error {
		other := &review.Dir{Path: d.Path, Effects: effect.New(nil)}
		if _, err := other.Approve(ctx, question(review.First, "one"), "ann"); err != nil {
			return err
		}
		<-ctx.Done() // the person at the terminal says nothing
		return context.Cause(ctx)
	})
	if err != nil {
		t.Errorf("Ask = %v, want yes", err)
	}
	no := errors.New("no")
	if err := d.Ask(t.Context(), question(review.First, "two"), func(context.Context, string) error { return no }); !errors.Is(err, no) {
		t.Errorf("Ask = %v, want the person's no", err)
	}
	if q, _, err := d.Pending(t.Context()); q == nil || err != nil {
		t.Errorf("Pending = %v, %v after a no: another person may still approve", q, err)
	}
	if err := d.Ask(t.Context(), question(review.First, "two"), func(context.Context, string) error { return nil }); err != nil {
		t.Errorf("Ask = %v, want yes", err)
	}
	if q, _, err := d.Pending(t.Context()); q != nil || err != nil {
		t.Errorf("Pending = %v, %v after a yes", q, err)
	}
}
