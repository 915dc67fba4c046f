package pilot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/review"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/deliver"
	"quarry/internal/run/event"
	"quarry/internal/run/expected"
	"quarry/internal/run/failures"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/journals"
	"quarry/internal/run/limits"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/resume"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spec"
)

// Step sends the pilot of a pass and lets the rest be sent, or not. What it finds is in the book before anything of the rest is built.
type Step struct {
	Plan     *plan.Plan
	Config   *spec.Config // of the pass; its Asked follows what the pilot finds about the answer schema
	Expected *expected.Forecast

	Effects   *effect.Effects
	Ledger    *ledger.Ledger
	Book      *book.Book
	Files     shardfile.Dir
	Index     index.Pass
	Delivered *deliver.Files
	Watch     event.Watch
	Confirm   func(ctx context.Context, question string) error // nil: no question is asked
	Review    *review.Dir
	ID        quarry.RunID // of the run

	Deadline *limits.Deadline    // nil: none
	Work     func() *limits.Work // what the pass has to do before it

	// Send brings the shards of a kind to their end.
	Send func(ctx context.Context, kind quarry.ShardKind) error
	// Retry plans a round of further attempts at the queued records of some shards; more reports whether there is anything to send.
	Retry func(ctx context.Context, among []quarry.ShardID) (more bool, err error)
}

// Run sends the sample, judges its answers, and blocks the rest (OverLimit) if too few are good or a person says no.
func (s *Step) Run(ctx context.Context) (Outcome, error) {
	out, err := s.send(ctx)
	if err != nil {
		return out, err
	}
	if err := s.show(ctx, &out); err != nil {
		return out, err
	}
	gate := Gate{MinValid: s.Config.PilotMinValid, Attempts: s.Config.Attempts}
	if v := gate.Judge(&out); v != Pass {
		return out, s.block(ctx, gate, v, &out)
	}
	if err := s.confirmRest(ctx, &out); err != nil {
		return out, err
	}
	return out, s.pass(ctx)
}

// send runs the pilot's shards to their end. What the provider did not answer, because a job expired or was stopped, is sent
// again until enough of the sample is answered or nothing of it may be sent any more.
func (s *Step) send(ctx context.Context) (Outcome, error) {
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard} {
		if err := s.Send(ctx, kind); err != nil {
			return Outcome{}, err
		}
	}
	for {
		out, err := s.read(ctx)
		if err == nil {
			err = s.decideSchema(ctx, &out)
		}
		if err != nil || out.Enough() {
			return out, err
		}
		if more, err := s.Retry(ctx, out.Shards); err != nil || !more {
			return out, err
		}
		if err := s.Send(ctx, quarry.RetryShard); err != nil {
			return out, err
		}
	}
}

func (s *Step) read(ctx context.Context) (Outcome, error) {
	rows, err := s.Ledger.Shards(ctx)
	if err != nil {
		return Outcome{}, err
	}
	return Of(rows, s.Plan.Pass, s.Plan.Records(), s.Config.Judge().SchemaRefused), nil
}

// restBegan reports whether a shard of the rest has left the plan.
func (s *Step) restBegan(ctx context.Context) (bool, error) {
	rows, err := s.Ledger.Shards(ctx)
	return resume.Began(rows, s.Plan.Pass, quarry.MainShard), err
}

// show reports the pilot and what it predicts for the rest, and keeps both. A run that resumes with the rest under way has reported
// it before.
func (s *Step) show(ctx context.Context, out *Outcome) error {
	if began, err := s.restBegan(ctx); err != nil || began {
		return err
	}
	learned, err := out.Learn(ctx, s.Files, s.Config.Family, s.Config.Attempts)
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	f := s.Expected
	if learned.Samples > 0 { // otherwise the rough estimate stays
		learned.Request = s.Config.RequestDigest()
		after := out.Expected(&learned, *f.Basis(s.Config, s.Plan), s.Plan.Mode, s.Plan.Stages())
		f.Learned, f.After = &learned.Learned, &after
	}
	if f.Pilot, err = out.Report(ctx, s.Files); err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	if err := f.Keep(ctx); err != nil {
		return err
	}
	s.Watch.Send(event.Event{
		Kind: event.PilotRead, Done: out.OK, Total: out.Records, Usage: out.Usage, Text: ClassesText(out.Classes), Pilot: f.Pilot, Expected: f.After,
	})
	return nil
}

// block keeps the verdict on a pilot that does not pass, writes failed.jsonl, and says why the run stops.
func (s *Step) block(ctx context.Context, gate Gate, v Verdict, out *Outcome) error {
	failed, err := out.Failures(ctx, s.Files)
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	rows, err := s.Ledger.Shards(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row ledger.Shard) bool { return !slices.Contains(out.Shards, row.ID) })
	if err := s.Delivered.SetAside(ctx, s.Plan.Pass); err != nil {
		return err
	}
	path := filepath.Join(s.Config.Dir, results.FailedFile)
	all := append(journals.Sealed(s.Files, rows, s.Plan.Pass), journals.Carried(s.Index, s.Plan)...)
	if err := WriteFailed(ctx, s.Effects, path, all); err != nil {
		return fmt.Errorf("write what failed in the pilot: %w", err)
	}
	judged, err := s.judged(ctx)
	if err != nil {
		return err
	}
	err = s.Book.Change(ctx, s.Plan.Pass, func(_ *book.Head, kept *book.Pass) {
		if v == Unanswered {
			kept.Unanswered = true
		} else {
			kept.Judged = judged
		}
	})
	if err != nil {
		return err
	}
	sources := "correct the sources"
	if judged == resume.CannotTell {
		sources += " (and name --replace-source)"
	}
	return gate.Blocked(v, out, failed.Top(failures.Shown), sources, path)
}

// judged is what the sources hold of a pass that stops at its gate: the same command over the same sources would be stopped again. Sources
// that changed since the pass was planned are not what was judged.
func (s *Step) judged(ctx context.Context) (string, error) {
	head, err := s.Book.Head(ctx)
	if err != nil {
		return "", err
	}
	switch now := source.Seen(s.Config.Sources); {
	case now == "":
		return resume.CannotTell, nil
	case now != head.Seen:
		return "other", nil
	}
	return source.Contents(ctx, s.Config.Sources, s.Config.Dir)
}

// confirmRest asks a person who has seen the pilot's answers whether the rest may be sent. With Review, only an approval is a yes.
func (s *Step) confirmRest(ctx context.Context, out *Outcome) error {
	if (s.Confirm == nil && !s.Config.Review) || out.Rest == 0 {
		return nil
	}
	if began, err := s.restBegan(ctx); err != nil || began {
		return err
	}
	spent := s.Config.HomePrices().Cost(s.Plan.Mode, out.Usage)
	question := out.Question(s.Config.Model, expected.ModeClass(s.Plan.Mode), s.Plan.Asked-s.Plan.Pilot, s.Expected.After, spent)
	question.Run, question.Pass = s.ID, s.Plan.Pass
	question.Digest = expected.Digest(s.Config, s.Plan, &question, s.late(&question, out.Rest))
	confirm := s.Confirm
	if s.Config.Review {
		confirm = nil
	}
	err := s.Review.Ask(ctx, &question, confirm)
	var q *quarry.Error
	switch {
	case errors.Is(err, review.ErrWaits):
		return &quarry.Error{
			Kind: quarry.OverLimit, Op: "send the rest", Err: fmt.Errorf("%w: %s", err, question.Text),
			Hint: fmt.Sprintf("look at the pilot's answers; then `quarry approve --rest %s`, and rerun the same command", s.Config.Named()),
		}
	case errors.As(err, &q):
		q.Hint = "the pilot's answers are kept in " + s.Config.Dir + " and nothing else was sent; rerun the same command with --yes"
		q.Hint += ", or after `quarry approve --rest " + s.Config.Named() + "`"
	}
	return err
}

// late adds to the question of the rest, so many records, what the deadline may cost, and gives the time from which records are sent as
// calls; zero: there is none.
func (s *Step) late(q *review.Question, rest int64) time.Time {
	if s.Deadline == nil || s.Plan.Mode != quarry.ModeJob {
		return time.Time{}
	}
	work := s.Work()
	work.Usage, work.Records = forecast.Share(work.Usage, rest, work.Records), rest
	if s.Expected.After != nil {
		work.Usage = quarry.Usage{InputTokens: q.Forecast.Input, OutputTokens: q.Forecast.Output}
	}
	q.Text += s.Deadline.Question(work)
	return s.Deadline.By
}

// pass notes that a prompt, model and schema had its pilot.
func (s *Step) pass(ctx context.Context) error {
	return s.Book.Change(ctx, s.Plan.Pass, func(h *book.Head, kept *book.Pass) {
		kept.Judged = "" // by a gate that was higher
		if request := s.Config.RequestDigest(); !slices.Contains(h.Piloted, request) {
			h.Piloted = append(h.Piloted, request)
		}
	})
}
