package run_test

import (
	"context"
	"errors"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/outcome/review"
	"quarry/internal/run"
)

// A run that stops for its approvals, and dies again and again a few effects later than the last time, sends nothing that was not approved,
// and every record once.
func TestNothingIsSentWithoutItsApproval(t *testing.T) {
	t.Parallel()
	for _, kind := range []effect.Kind{effect.SQL, effect.File} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(6), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
				c.Pilot, c.Review = 2, true
			})})
			w.deps = func(d *run.Deps) { d.Confirm = sayNo }
			people := &review.Dir{Path: w.dir, Effects: effect.New(nil)}
			approved := map[review.Asks]bool{}
			for n := 1; ; n += 3 {
				_, _, err := w.run(t, dieAt(kind, n, effect.After))
				switch sent := len(w.bill(t)); {
				case sent > 0 && !approved[review.First], sent > 2 && !approved[review.Rest]:
					t.Fatalf("%d records were sent; approved is %v", sent, approved)
				case err == nil:
					if sent != 6 || len(approved) != 2 {
						t.Errorf("the run ends with %d records, approved is %v", sent, approved)
					}
					checkPaidOnce(t, w)
					return
				case errors.Is(err, errNoAnswer), errors.Is(err, review.ErrWaits):
					q, given, err := people.Pending(t.Context())
					if err != nil || q == nil || given != nil || approved[q.Asks] {
						t.Fatalf("the run waits for %+v, approved by %v, %v", q, given, err)
					}
					if _, err := people.Approve(t.Context(), q, "ann"); err != nil {
						t.Fatal(err)
					}
					approved[q.Asks] = true
				case !errors.Is(err, effect.ErrHook):
					t.Fatal(err)
				}
			}
		})
	}
}

func checkPaidOnce(t *testing.T, w *world) {
	t.Helper()
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered %d times", id, n)
		}
	}
	people := &review.Dir{Path: w.dir, Effects: effect.New(nil)}
	if q, _, err := people.Pending(t.Context()); q != nil || err != nil {
		t.Errorf("it waits for %v, %v at its end", q, err)
	}
	w.auditClean(t)
}

// With another plan the approval is void, and the question has another digest.
func TestAnApprovalOfAnotherPlanIsVoid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(6), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) { c.Pilot = 2 })})
	w.deps = func(d *run.Deps) { d.Confirm = func(context.Context, string) error { return errNotYet } }
	people := &review.Dir{Path: w.dir, Effects: effect.New(nil)}
	waits := func() *review.Question {
		t.Helper()
		if _, _, err := w.run(t, nil); !errors.Is(err, errNotYet) {
			t.Fatalf("Do = %v, want its question", err)
		}
		q, given, err := people.Pending(t.Context())
		if err != nil || q == nil || given != nil {
			t.Fatalf("Pending = %+v, %v, %v", q, given, err)
		}
		return q
	}
	first := waits()
	if again := waits(); again.Digest != first.Digest {
		t.Error("the same question has another digest after a restart")
	}
	if _, err := people.Approve(t.Context(), first, "ann"); err != nil {
		t.Fatal(err)
	}
	write(t, w.source, someDocs(7))
	if q := waits(); q.Digest == first.Digest || q.Documents != 7 {
		t.Errorf("another plan asks %+v", q)
	}
	if len(w.bill(t)) != 0 {
		t.Error("an approval of another plan let records be sent")
	}
}
