package run_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/outcome/review"
	"quarry/internal/run"
	"quarry/internal/run/event"
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

// An approval of the rest counts for the deadline that its question named: another one may let all of it be sent on demand.
func TestAnApprovalOfTheRestIsForItsDeadline(t *testing.T) {
	t.Parallel()
	until := func(by string) func(*run.Config) {
		return oneIsEnough(func(c *run.Config) { doneBy(by)(c); c.Pilot, c.Review = 2, true })
	}
	w := newWorld(t, worldConfig{docs: someDocs(6), quotas: oneIsEnoughQuotas, cfg: until("48h")})
	people := &review.Dir{Path: w.dir, Effects: effect.New(nil)}
	waits := func(by string) *review.Question {
		t.Helper()
		w.cfg = until(by)
		if _, _, err := w.run(t, nil); !errors.Is(err, review.ErrWaits) {
			t.Fatalf("Do = %v, want that it waits", err)
		}
		q, given, err := people.Pending(t.Context())
		if err != nil || q == nil || given != nil || q.Asks != review.Rest {
			t.Fatalf("Pending = %+v, %v, %v", q, given, err)
		}
		if !strings.Contains(q.Text, " To finish by 20") || !strings.Contains(q.Text, "sent as on-demand calls: at most all of them, for about ") {
			t.Errorf("it asks %q, want the deadline and what it may cost", q.Text)
		}
		return q
	}
	first := waits("48h")
	if _, err := people.Approve(t.Context(), first, "ann"); err != nil {
		t.Fatal(err)
	}
	if q := waits("47h"); q.Digest == first.Digest || q.Text == first.Text {
		t.Errorf("with another deadline it asks the same: %q", q.Text)
	}
	if sent := len(w.bill(t)); sent != 2 {
		t.Errorf("%d records were sent, want the pilot", sent)
	}
	w.cfg = until("48h")
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	if sent := len(w.bill(t)); sent != 6 {
		t.Errorf("%d records were sent, want all", sent)
	}
	checkPaidOnce(t, w)
}

// A run that does not ask leaves no first question of an earlier process to be answered while it sends.
func TestARunThatDoesNotAskRemovesTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(6), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) { c.Pilot = 2 })})
	people := &review.Dir{Path: w.dir, Effects: effect.New(nil)}
	w.deps = func(d *run.Deps) { d.Confirm = sayNo }
	if _, _, err := w.run(t, nil); !errors.Is(err, errNoAnswer) {
		t.Fatalf("Do = %v, want its question", err)
	}
	var left *review.Question
	w.deps = nil
	w.event = func(e event.Event) {
		if e.Kind == event.JobSubmitted && left == nil {
			q, _, err := people.Pending(t.Context())
			if left = q; err != nil {
				t.Error(err)
			}
		}
	}
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	if left != nil {
		t.Errorf("while it sends, it still asks %q", left.Text)
	}
	checkPaidOnce(t, w)
}
