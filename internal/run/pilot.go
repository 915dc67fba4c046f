package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/book"
	"quarry/internal/run/failures"
	"quarry/internal/run/pilot"
)

// preflight does for nothing what could fail after money was spent, and asks before any is.
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
		r.watch(Event{Kind: Note, Text: r.cfg.Window.Advice(r.planned.Beyond, r.planned.Asked, r.planned.FitsAt)})
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

// pilot asks the sample, reads its answers, and stands in the way of the rest when they are bad or nobody wants to go on.
func (r *Run) pilot(ctx context.Context) (count, error) {
	if r.planned.Pilot == 0 {
		return count{}, nil
	}
	p, err := r.askPilot(ctx)
	if err != nil {
		return count{}, err
	}
	if err := r.show(ctx, &p); err != nil {
		return count{}, err
	}
	if none := p.Records > 0 && p.Judged <= 0; none || !p.Good(r.cfg.PilotMinValid) {
		return count{}, r.gateShut(ctx, &p, none)
	}
	if err := r.confirmRest(ctx, &p); err != nil {
		return count{}, err
	}
	if err := r.passedPilot(ctx); err != nil {
		return count{}, err
	}
	return count{taken: p.Records, done: p.OK, failed: p.Records - p.OK}, nil
}

// show tells what the pilot came to and what it says of the rest, and keeps both. When a run resumes with the rest under
// way, it was told before.
func (r *Run) show(ctx context.Context, p *pilotRead) error {
	begun, err := r.begun(ctx, quarry.MainShard)
	if err != nil || begun {
		return err
	}
	if err := r.learn(ctx, p); err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	rep := &report.Pilot{Records: p.Records, Judged: p.Judged, OK: p.OK, Classes: p.Classes, Usage: p.Usage, Rest: p.rest}
	if rep.Samples, err = p.Samples(ctx, r.files()); err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	failed, err := p.Failures(ctx, r.files())
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	rep.Failures = failed.Top(failures.Kept)
	r.foreseen.Pilot = rep
	if err := r.keepForecast(ctx); err != nil {
		return err
	}
	r.watch(Event{Kind: PilotRead, Done: p.OK, Total: p.Records, Usage: p.Usage, Text: classesText(p.Classes), Pilot: rep, Expected: r.foreseen.After})
	return nil
}

// confirmRest asks a person who has seen the pilot's answers whether the rest shall be asked.
func (r *Run) confirmRest(ctx context.Context, p *pilotRead) error {
	if r.deps.Confirm == nil || p.rest == 0 {
		return nil
	}
	if begun, err := r.begun(ctx, quarry.MainShard); err != nil || begun {
		return err
	}
	err := r.deps.Confirm(ctx, r.restQuestion(p))
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint = "the pilot's answers are kept in " + r.cfg.Dir + " and nothing else was sent; rerun the same command with --yes to continue"
	}
	return err
}

// restQuestion is what a person is asked once the pilot's answers lie there. The money is what is still to come.
func (r *Run) restQuestion(p *pilotRead) string {
	about := "at a price that is not known (" + cost.UnknownHelp + ")"
	if e, spent := r.foreseen.After, r.prices().Cost(r.planned.Mode, p.Usage); e != nil && e.Cost != nil && spent != nil {
		left := func(of *quarry.USD) quarry.USD { return max(0, *of-*spent) }
		about = fmt.Sprintf("for about %s more (%s to %s)", left(e.Cost), left(e.CostLow), left(e.CostHigh))
	}
	return fmt.Sprintf("Good answers of the pilot: %s of %s. Ask %s about the other %s, mode %s, %s?", figure.Thousands(p.OK), figure.Thousands(p.Records), r.asked.Model, figure.Count(r.planned.Asked-r.planned.Pilot, "document"), modeClass(r.planned.Mode), about)
}

// passedPilot notes that a prompt, model and schema had its pilot.
func (r *Run) passedPilot(ctx context.Context) error {
	return r.book.Change(ctx, r.planned.Pass, func(h *book.Head, p *book.Pass) {
		p.Judged = "" // by a gate that was higher
		if !slices.Contains(h.Piloted, r.asks()) {
			h.Piloted = append(h.Piloted, r.asks())
		}
	})
}

// askPilot lives the lives of the pilot's shards. What the provider did not answer, because a job expired or was stopped,
// is asked again until half of the sample is read or nothing of it may be asked any more: a gate that judges no answers
// would stay shut for good.
func (r *Run) askPilot(ctx context.Context) (pilotRead, error) {
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard} {
		if err := r.reconcile(ctx, kind); err != nil {
			return pilotRead{}, err
		}
	}
	for {
		p, err := r.readPilot(ctx)
		if err == nil {
			err = r.decideStructured(ctx, &p)
		}
		if err != nil || 2*p.Judged >= p.Records {
			return p, err
		}
		if more, err := r.planRetries(ctx, p.Shards); err != nil || !more {
			return p, err
		}
		if err := r.reconcile(ctx, quarry.RetryShard); err != nil {
			return p, err
		}
	}
}

// pilotRead is what the pilot's answers came to, and how many records are asked after it.
type pilotRead struct {
	pilot.Outcome
	rest    int64
	unbuilt int64 // records of the pilot whose documents changed before they were sent
}

func (r *Run) readPilot(ctx context.Context) (pilotRead, error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return pilotRead{}, err
	}
	p := pilotRead{Outcome: pilot.Of(shards, r.planned.Pass, r.judge().SchemaRefused)}
	p.unbuilt = unbuiltOf(shards, r.planned.Pass)
	p.rest = max(0, r.planned.Records()-p.Records-p.unbuilt)
	return p, nil
}

// learn reads what the pilot's tokens say of the rest.
func (r *Run) learn(ctx context.Context, p *pilotRead) error {
	l, err := p.Learn(ctx, r.files(), r.asked.Family, r.asked.Attempts)
	if err != nil {
		return err
	}
	p.rest = max(0, r.planned.Records()-l.First.Records-p.unbuilt)
	if l.Samples == 0 {
		return nil // nothing was learned: the rough estimate stays
	}
	l.Asks = r.asks()
	r.learned = &l.Learned
	rest := r.planned.Texts()
	rest.Sub(&l.First)
	e := r.answers().Expect(r.learned, rest).After(p.Usage)
	e.Samples = l.Samples
	after := r.prices().Expected(r.planned.Mode, r.planned.Stages(), e)
	r.foreseen.After = &after
	return nil
}
