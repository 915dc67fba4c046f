package pilot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/review"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/deliver"
	"quarry/internal/run/expected"
	"quarry/internal/run/index"
	"quarry/internal/run/pilot"
	"quarry/internal/run/plan"
	"quarry/internal/run/resume"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spec"
)

// newStep gives the step of a pass of 20 documents, of which 4 are the pilot and so many of these have a good answer.
func newStep(t *testing.T, good int) *pilot.Step {
	t.Helper()
	e, dir := effect.New(nil), t.TempDir()
	docs := filepath.Join(dir, "docs.jsonl")
	must(t, os.WriteFile(docs, []byte("{}\n"), 0o600))
	kept, err := ledger.Open(t.Context(), e, filepath.Join(dir, "ledger.db"))
	must(t, err)
	t.Cleanup(func() { _ = kept.Close() })
	b, files := book.Of(kept), shardfile.In(e, dir, "")
	var all []answer
	for i, id := range []string{"a", "b", "c", "d"} {
		class, status := quarry.ClassOK, quarry.StatusOK
		if i >= good {
			class, status = quarry.ClassNotJSON, quarry.StatusInvalid
		}
		a := answered(id, 1, class, 100, 50, 10, false)
		a.part.Order, a.outcome.Order, a.outcome.RecordID, a.outcome.Result.Status = int64(i), int64(i), a.part.RecordID, status
		all = append(all, a)
	}
	write(t, files, "p00001", all...)
	s := row("p00001", map[quarry.Class]int64{quarry.ClassOK: int64(good), quarry.ClassNotJSON: int64(4 - good)})
	s.Times.Collected = time.Now()
	must(t, b.AddShards(t.Context(), 1, []ledger.Shard{s}, func(h *book.Head, _ *book.Pass) { h.Pass, h.Seen = 1, source.Seen([]string{docs}) }))
	must(t, kept.Save(t.Context(), &s))
	c := &spec.Config{
		Asked: spec.Asked{Model: quarry.DefaultModel, Settings: "x"}, Place: spec.Place{Dir: dir, Sources: []string{docs}, Region: "us-west-2"},
		Means: spec.Means{Prices: cost.Default()},
	}
	c.Complete()
	return &pilot.Step{
		Plan: &plan.Plan{Pass: 1, Mode: quarry.ModeJob, Documents: 20, Asked: 20, Pilot: 4}, Config: c,
		Expected: &expected.Forecast{Book: b, Pass: 1, Texts: expected.File{Effects: e, Path: filepath.Join(dir, "pilot.json")}}, Effects: e, Ledger: kept, Book: b, Files: files, Index: index.Of(e, dir, 1),
		Delivered: &deliver.Files{Effects: e, Dir: dir, Book: b},
		Review:    &review.Dir{Effects: e, Path: dir}, ID: "abcdefghij",
		Send:  func(context.Context, quarry.ShardKind) error { return nil },
		Retry: func(context.Context, []quarry.ShardID) (bool, error) { return false, nil },
	}
}

func TestAPilotThatPassesIsNotedBeforeTheRest(t *testing.T) {
	t.Parallel()
	s := newStep(t, 3)
	var sent []quarry.ShardKind
	asked := ""
	s.Send = func(_ context.Context, kind quarry.ShardKind) error { sent = append(sent, kind); return nil }
	s.Confirm = func(_ context.Context, question string) error { asked = question; return nil }
	out, err := s.Run(t.Context())
	if err != nil || out.Records != 4 || out.OK != 3 || out.Rest != 16 {
		t.Fatalf("Run = %+v, %v, want 3 of 4 good and 16 more", out, err)
	}
	if !slices.Equal(sent, []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard}) {
		t.Errorf("it sent %v, want the pilot and what it left for another attempt", sent)
	}
	if !strings.HasPrefix(asked, "Good answers in the pilot: 3 of 4. Send the other 16 documents to ") {
		t.Errorf("it asked %q", asked)
	}
	head, err := s.Book.Head(t.Context())
	must(t, err)
	pass, err := s.Book.Pass(t.Context(), 1)
	must(t, err)
	if !slices.Equal(head.Piloted, []string{"x"}) || pass.Judged != "" || pass.Forecast == nil || pass.Forecast.After == nil || pass.Forecast.Pilot.OK != 3 {
		t.Errorf("the book has %v, judged %q and the forecast %+v", head.Piloted, pass.Judged, pass.Forecast)
	}
}

func TestAPilotThatFailsIsKeptWithItsSources(t *testing.T) {
	t.Parallel()
	s := newStep(t, 2)
	s.Confirm = func(context.Context, string) error { t.Error("it asked although the gate is shut"); return nil }
	_, err := s.Run(t.Context())
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Error(), "2 of 4 answers are good") {
		t.Fatalf("Run = %v, want a gate that is shut", err)
	}
	failed, err := os.ReadFile(filepath.Join(s.Config.Dir, "failed.jsonl"))
	must(t, err)
	if n := strings.Count(string(failed), "\n"); n != 2 {
		t.Errorf("failed.jsonl has %d lines, want 2: %s", n, failed)
	}
	head, err := s.Book.Head(t.Context())
	must(t, err)
	pass, err := s.Book.Pass(t.Context(), 1)
	must(t, err)
	if now, err := source.Contents(t.Context(), s.Config.Sources, s.Config.Dir); err != nil || pass.Judged != now || pass.Judged == resume.CannotTell {
		t.Errorf("judged %q, want what the sources hold: %q, %v", pass.Judged, now, err)
	}
	if len(head.Piloted) > 0 {
		t.Errorf("piloted %v, want none", head.Piloted)
	}
}

func TestARefusedRestKeepsThePilot(t *testing.T) {
	t.Parallel()
	s := newStep(t, 4)
	s.Confirm = func(context.Context, string) error {
		return &quarry.Error{Kind: quarry.OverLimit, Err: errors.New("no")}
	}
	_, err := s.Run(t.Context())
	var q *quarry.Error
	if !errors.As(err, &q) || !strings.Contains(q.Hint, "the pilot's answers are kept in "+s.Config.Dir) {
		t.Errorf("Run = %v, want a hint that the answers are kept", err)
	}
	if head, err := s.Book.Head(t.Context()); err != nil || len(head.Piloted) > 0 {
		t.Errorf("piloted %v, %v, want none", head.Piloted, err)
	}
}

// The provider left most of the sample unanswered, so it is sent again until enough is answered or nothing may be sent any more.
func TestAnUnansweredPilotIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStep(t, 4)
	rows, err := s.Ledger.Shards(t.Context())
	must(t, err)
	rows[0].Tally = ledger.Tally{Classes: map[quarry.Class]int64{quarry.ClassMissing: 4}}
	must(t, s.Ledger.Save(t.Context(), &rows[0]))
	rounds, sent := 0, 0
	s.Retry = func(_ context.Context, among []quarry.ShardID) (bool, error) {
		if !slices.Equal(among, []quarry.ShardID{"p00001"}) {
			t.Errorf("a round among %v, want the pilot's shard", among)
		}
		rounds++
		return rounds < 3, nil
	}
	s.Send = func(context.Context, quarry.ShardKind) error { sent++; return nil }
	_, err = s.Run(t.Context())
	var q *quarry.Error
	if !errors.As(err, &q) || !strings.Contains(q.Error(), "no record was answered in 4 attempts") {
		t.Fatalf("Run = %v, want a pilot without answers", err)
	}
	if rounds != 3 || sent != 4 {
		t.Errorf("%d rounds and %d times sent, want 3 and 4", rounds, sent)
	}
	if pass, err := s.Book.Pass(t.Context(), 1); err != nil || !pass.Unanswered || pass.Judged != "" {
		t.Errorf("unanswered %t, judged %q, %v", pass.Unanswered, pass.Judged, err)
	}
}
