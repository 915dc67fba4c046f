package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/failures"
	"quarry/internal/run/pilot"
	"quarry/internal/run/results"
	"quarry/internal/run/resume"
)

// preflight checks, at no cost, what could fail after money was spent, and asks the user before any is.
func (p *pass) preflight(ctx context.Context) (count, error) {
	if err := errors.Join(p.recallStructured(ctx), p.foresee(ctx)); err != nil || p.planned.Asked == 0 {
		return count{}, err
	}
	counts, err := p.deps.Ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	if merges := p.planned.Records() == 0; counts.States[quarry.ShardDone] == counts.Total() && !merges { // nothing will be sent any more
		return count{}, nil
	}
	if p.planned.Beyond > 0 && p.cfg.Window.Known() {
		p.deps.Watch.Note(p.cfg.Window.Advice(p.planned.Beyond, p.planned.Asked, p.planned.FitsAt))
	}
	if p.deps.Preflight != nil {
		if err := p.deps.Preflight(ctx); err != nil {
			return count{}, err
		}
	}
	if p.deps.Confirm != nil {
		if begun, err := p.begun(ctx, ""); err != nil {
			return count{}, err
		} else if !begun {
			if err := p.deps.Confirm(ctx, p.question()); err != nil {
				return count{}, err
			}
		}
	}
	return count{taken: 1, done: 1}, nil
}

// begun reports whether a shard of this pass has left the plan; kind narrows it where it is not empty.
func (p *pass) begun(ctx context.Context, kind quarry.ShardKind) (bool, error) {
	shards, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(shards, func(s ledger.Shard) bool {
		return s.Pass == p.number && s.State != quarry.ShardPlanned && (kind == "" || s.Kind == kind)
	}), nil
}

// pilot sends the sample, judges its answers, and blocks the rest if too few are good or a person says no.
func (p *pass) pilot(ctx context.Context) (count, error) {
	if p.planned.Pilot == 0 {
		return count{}, nil
	}
	out, err := p.sendPilot(ctx)
	if err != nil {
		return count{}, err
	}
	if err := p.show(ctx, &out); err != nil {
		return count{}, err
	}
	gate := pilot.Gate{MinValid: p.cfg.PilotMinValid, Attempts: p.cfg.Attempts}
	if v := gate.Judge(&out); v != pilot.Pass {
		return count{}, p.blocked(ctx, gate, v, &out)
	}
	if err := p.confirmRest(ctx, &out); err != nil {
		return count{}, err
	}
	if err := p.passedPilot(ctx); err != nil {
		return count{}, err
	}
	return count{taken: out.Records, done: out.OK, failed: out.Records - out.OK}, nil
}

// sendPilot runs the pilot's shards to their end. What the provider did not answer, because a job expired or was stopped, is sent
// again until enough of the sample is answered or nothing of it may be sent any more.
func (p *pass) sendPilot(ctx context.Context) (pilot.Outcome, error) {
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard} {
		if err := p.reconcile(ctx, kind); err != nil {
			return pilot.Outcome{}, err
		}
	}
	for {
		out, err := p.readPilot(ctx)
		if err == nil {
			err = p.decideStructured(ctx, &out)
		}
		if err != nil || out.Enough() {
			return out, err
		}
		if more, _, err := p.planRetries(ctx, out.Shards); err != nil || !more {
			return out, err
		}
		if err := p.reconcile(ctx, quarry.RetryShard); err != nil {
			return out, err
		}
	}
}

func (p *pass) readPilot(ctx context.Context) (pilot.Outcome, error) {
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return pilot.Outcome{}, err
	}
	return pilot.Of(rows, p.number, p.planned.Records(), p.cfg.Judge().SchemaRefused), nil
}

// show reports the pilot and what it predicts for the rest, and keeps both. A run that resumes with the rest under way has reported
// it before.
func (p *pass) show(ctx context.Context, out *pilot.Outcome) error {
	begun, err := p.begun(ctx, quarry.MainShard)
	if err != nil || begun {
		return err
	}
	learned, err := out.Learn(ctx, p.files, p.cfg.Family, p.cfg.Attempts)
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	if learned.Samples > 0 { // otherwise the rough estimate stays
		learned.Asks = p.cfg.RequestDigest()
		after := out.Expected(&learned, *p.basis(), p.planned.Mode, p.planned.Stages())
		p.learned, p.foreseen.After = &learned.Learned, &after
	}
	if p.foreseen.Pilot, err = out.Report(ctx, p.files); err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	if err := p.keepForecast(ctx); err != nil {
		return err
	}
	p.deps.Watch.Send(event.Event{
		Kind: event.PilotRead, Done: out.OK, Total: out.Records, Usage: out.Usage, Text: pilot.ClassesText(out.Classes), Pilot: p.foreseen.Pilot,
		Expected: p.foreseen.After,
	})
	return nil
}

// blocked keeps the verdict on a pilot that does not pass, writes failed.jsonl, and says why the run stops.
func (p *pass) blocked(ctx context.Context, gate pilot.Gate, v pilot.Verdict, out *pilot.Outcome) error {
	failed, err := out.Failures(ctx, p.files)
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	rows, err := p.deps.Ledger.Shards(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(s ledger.Shard) bool { return !slices.Contains(out.Shards, s.ID) })
	if err := p.published.SetAside(ctx, p.number); err != nil {
		return err
	}
	path := filepath.Join(p.cfg.Dir, results.FailedFile)
	if err := pilot.WriteFailed(ctx, p.deps.Effects, path, append(p.journals(rows), p.carriedParts()...)); err != nil {
		return fmt.Errorf("write what failed in the pilot: %w", err)
	}
	judged, err := p.judged(ctx)
	if err != nil {
		return err
	}
	err = p.book.Change(ctx, p.number, func(_ *book.Head, kept *book.Pass) {
		if v == pilot.Unanswered {
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
func (p *pass) judged(ctx context.Context) (string, error) {
	head, err := p.book.Head(ctx)
	if err != nil {
		return "", err
	}
	switch now := source.Seen(p.cfg.Sources); {
	case now == "":
		return resume.CannotTell, nil
	case now != head.Seen:
		return "other", nil
	}
	return source.Contents(ctx, p.cfg.Sources, p.cfg.Dir)
}

// confirmRest asks a person who has seen the pilot's answers whether the rest may be sent.
func (p *pass) confirmRest(ctx context.Context, out *pilot.Outcome) error {
	if p.deps.Confirm == nil || out.Rest == 0 {
		return nil
	}
	if begun, err := p.begun(ctx, quarry.MainShard); err != nil || begun {
		return err
	}
	spent := p.cfg.HomePrices().Cost(p.planned.Mode, out.Usage)
	err := p.deps.Confirm(ctx, out.Question(p.cfg.Model, modeClass(p.planned.Mode), p.planned.Asked-p.planned.Pilot, p.foreseen.After, spent))
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint = "the pilot's answers are kept in " + p.cfg.Dir + " and nothing else was sent; rerun the same command with --yes to continue"
	}
	return err
}

// passedPilot notes that a prompt, model and schema had its pilot.
func (p *pass) passedPilot(ctx context.Context) error {
	return p.book.Change(ctx, p.number, func(h *book.Head, kept *book.Pass) {
		kept.Judged = "" // by a gate that was higher
		if !slices.Contains(h.Piloted, p.cfg.RequestDigest()) {
			h.Piloted = append(h.Piloted, p.cfg.RequestDigest())
		}
	})
}
