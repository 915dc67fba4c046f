package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/failures"
	"quarry/internal/run/pilot"
	"quarry/internal/run/results"
)

// preflight checks, at no cost, what could fail after money was spent, and asks the user before any is.
func (r *Run) preflight(ctx context.Context) (count, error) {
	if err := errors.Join(r.recallStructured(ctx), r.foresee(ctx)); err != nil || r.planned.Asked == 0 {
		return count{}, err
	}
	counts, err := r.ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	if merges := r.planned.Records() == 0; counts.States[quarry.ShardDone] == counts.Total() && !merges { // nothing will be sent any more
		return count{}, nil
	}
	if r.planned.Beyond > 0 && r.cfg.Window.Known() {
		r.deps.Watch.Note(r.cfg.Window.Advice(r.planned.Beyond, r.planned.Asked, r.planned.FitsAt))
	}
	if r.deps.Preflight != nil {
		if err := r.deps.Preflight(ctx); err != nil {
			return count{}, err
		}
	}
	if r.deps.Confirm != nil {
		if begun, err := r.begun(ctx, ""); err != nil {
			return count{}, err
		} else if !begun {
			if err := r.deps.Confirm(ctx, r.question()); err != nil {
				return count{}, err
			}
		}
	}
	return count{taken: 1, done: 1}, nil
}

// begun reports whether a shard of this pass has left the plan; kind narrows it where it is not empty.
func (r *Run) begun(ctx context.Context, kind quarry.ShardKind) (bool, error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(shards, func(s ledger.Shard) bool {
		return s.Pass == r.planned.Pass && s.State != quarry.ShardPlanned && (kind == "" || s.Kind == kind)
	}), nil
}

// pilot sends the sample, judges its answers, and blocks the rest if too few are good or a person says no.
func (r *Run) pilot(ctx context.Context) (count, error) {
	if r.planned.Pilot == 0 {
		return count{}, nil
	}
	p, err := r.sendPilot(ctx)
	if err != nil {
		return count{}, err
	}
	if err := r.show(ctx, &p); err != nil {
		return count{}, err
	}
	gate := pilot.Gate{MinValid: r.cfg.PilotMinValid, Attempts: r.asked.Attempts}
	if v := gate.Judge(&p); v != pilot.Pass {
		return count{}, r.blocked(ctx, gate, v, &p)
	}
	if err := r.confirmRest(ctx, &p); err != nil {
		return count{}, err
	}
	if err := r.passedPilot(ctx); err != nil {
		return count{}, err
	}
	return count{taken: p.Records, done: p.OK, failed: p.Records - p.OK}, nil
}

// sendPilot runs the pilot's shards to their end. What the provider did not answer, because a job expired or was stopped, is sent
// again until enough of the sample is answered or nothing of it may be sent any more.
func (r *Run) sendPilot(ctx context.Context) (pilot.Outcome, error) {
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard} {
		if err := r.reconcile(ctx, kind); err != nil {
			return pilot.Outcome{}, err
		}
	}
	for {
		p, err := r.readPilot(ctx)
		if err == nil {
			err = r.decideStructured(ctx, &p)
		}
		if err != nil || p.Enough() {
			return p, err
		}
		if more, _, err := r.planRetries(ctx, p.Shards); err != nil || !more {
			return p, err
		}
		if err := r.reconcile(ctx, quarry.RetryShard); err != nil {
			return p, err
		}
	}
}

func (r *Run) readPilot(ctx context.Context) (pilot.Outcome, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return pilot.Outcome{}, err
	}
	return pilot.Of(rows, r.planned.Pass, r.planned.Records(), r.current().judge().SchemaRefused), nil
}

// show reports the pilot and what it predicts for the rest, and keeps both. A run that resumes with the rest under way has reported
// it before.
func (r *Run) show(ctx context.Context, p *pilot.Outcome) error {
	begun, err := r.begun(ctx, quarry.MainShard)
	if err != nil || begun {
		return err
	}
	learned, err := p.Learn(ctx, r.files(), r.asked.Family, r.asked.Attempts)
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	if learned.Samples > 0 { // otherwise the rough estimate stays
		learned.Asks = r.current().asks()
		after := p.Expected(&learned, *r.basis(), r.planned.Mode, r.planned.Stages())
		r.learned, r.foreseen.After = &learned.Learned, &after
	}
	if r.foreseen.Pilot, err = p.Report(ctx, r.files()); err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	if err := r.keepForecast(ctx); err != nil {
		return err
	}
	r.deps.Watch.Send(event.Event{
		Kind: event.PilotRead, Done: p.OK, Total: p.Records, Usage: p.Usage, Text: pilot.ClassesText(p.Classes), Pilot: r.foreseen.Pilot,
		Expected: r.foreseen.After,
	})
	return nil
}

// blocked keeps the verdict on a pilot that does not pass, writes failed.jsonl, and says why the run stops.
func (r *Run) blocked(ctx context.Context, gate pilot.Gate, v pilot.Verdict, p *pilot.Outcome) error {
	failed, err := p.Failures(ctx, r.files())
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(s ledger.Shard) bool { return !slices.Contains(p.Shards, s.ID) })
	if err := r.setAside(ctx); err != nil {
		return err
	}
	path := filepath.Join(r.cfg.Dir, results.FailedFile)
	if err := pilot.WriteFailed(ctx, r.effects, path, append(r.journals(rows), r.carriedParts()...)); err != nil {
		return fmt.Errorf("write what failed in the pilot: %w", err)
	}
	judged, err := r.judged(ctx)
	if err != nil {
		return err
	}
	err = r.book.Change(ctx, r.planned.Pass, func(_ *book.Head, p *book.Pass) {
		if v == pilot.Unanswered {
			p.Unanswered = true
		} else {
			p.Judged = judged
		}
	})
	if err != nil {
		return err
	}
	sources := "correct the sources"
	if judged == cannotTell {
		sources += " (and name --replace-source)"
	}
	return gate.Blocked(v, p, failed.Top(failures.Shown), sources, path)
}

// confirmRest asks a person who has seen the pilot's answers whether the rest may be sent.
func (r *Run) confirmRest(ctx context.Context, p *pilot.Outcome) error {
	if r.deps.Confirm == nil || p.Rest == 0 {
		return nil
	}
	if begun, err := r.begun(ctx, quarry.MainShard); err != nil || begun {
		return err
	}
	spent := r.current().prices().Cost(r.planned.Mode, p.Usage)
	err := r.deps.Confirm(ctx, p.Question(r.asked.Model, modeClass(r.planned.Mode), r.planned.Asked-r.planned.Pilot, r.foreseen.After, spent))
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint = "the pilot's answers are kept in " + r.cfg.Dir + " and nothing else was sent; rerun the same command with --yes to continue"
	}
	return err
}

// passedPilot notes that a prompt, model and schema had its pilot.
func (r *Run) passedPilot(ctx context.Context) error {
	return r.book.Change(ctx, r.planned.Pass, func(h *book.Head, p *book.Pass) {
		p.Judged = "" // by a gate that was higher
		if !slices.Contains(h.Piloted, r.current().asks()) {
			h.Piloted = append(h.Piloted, r.current().asks())
		}
	})
}
