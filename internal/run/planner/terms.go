package planner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/limits"
	"quarry/internal/run/plan"
)

// Terms are those on which the records of a plan may be sent.
type Terms struct {
	Mode     quarry.Mode // that was requested for
	Bounds   cut.Bounds
	JobPilot int              // documents of a pilot that is sent as a job, where the plan has a pilot; 0: those of the plan
	Deadline *limits.Deadline // nil: none
	Limits   limits.Work      // what a deadline is compared with; its Pass, Records and Usage are the plan's
	Basis    forecast.Basis   // its Texts are the plan's
	// WouldStop: nothing is sent, but a run would stop at records that are too few for a job and are planned as on-demand calls.
	WouldStop bool
}

// Rows decides how the records of a plan are sent, and cuts them into rows without ids. What people should know of it is
// noted in the plan. It refuses, before anything is paid, what could not be sent to its end.
func (t *Terms) Rows(ctx context.Context, p *plan.Plan, pass index.Pass) ([]ledger.Shard, error) {
	t.Basis.Texts = p.Texts()
	if err := t.decideMode(p); err != nil {
		return nil, err
	}
	if err := t.checkSecondStage(p); err != nil {
		return nil, err
	}
	if p.Pilot > 0 && p.Mode == quarry.ModeJob {
		if err := p.TopUpPilot(ctx, pass, t.JobPilot); err != nil {
			return nil, err
		}
	}
	rows, err := cut.Plan(ctx, p, pass, t.Bounds)
	p.Shards = int64(len(rows))
	return rows, err
}

// decideMode decides how records are bought. A pass that is too small for a job is sent by on-demand calls, waits or stops.
func (t *Terms) decideMode(p *plan.Plan) error {
	p.Mode = t.Mode
	minimum, records := t.Bounds.Quotas.MinRecords, p.Records()
	if records == 0 { // all parts of its long documents are answered: the merges come first
		records = p.Long
	}
	if p.Mode == quarry.ModeOnDemand || p.Mode == quarry.ModeFlex || p.Asked == 0 || records >= minimum {
		if p.Mode == quarry.ModeAuto {
			p.Mode = quarry.ModeJob
			t.byDeadline(p, true)
		}
		return nil
	}
	below := cut.BelowMinimumText(records, minimum)
	switch t.Bounds.Below {
	case cut.OnDemand:
		p.Mode = quarry.ModeOnDemand
		t.byDeadline(p, false)
		what := ": sent as on-demand calls"
		if t.WouldStop {
			what = ": a run stops before it sends anything, unless --mode ondemand or --below-minimum ondemand sends them on demand"
		}
		p.Notes = append(p.Notes, below+what)
		return nil
	case cut.Hold:
		p.Held = true
		p.Notes = append(p.Notes, below+", waiting for a run with enough records; --below-minimum ondemand sends them now"+t.Basis.OnDemandHint())
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "a batch job", Err: errors.New(below),
		Hint: "send them on demand with --mode ondemand or --below-minimum ondemand" + t.Basis.OnDemandHint(),
	}
}

// byDeadline takes the cheapest mode that makes the deadline, as it looks before anything is sent.
func (t *Terms) byDeadline(p *plan.Plan, jobs bool) {
	if t.Deadline == nil {
		return
	}
	work := t.Limits
	work.Records, work.Usage = p.Stages(), t.Basis.Usage()
	mode, note := t.Deadline.Mode(&work, time.Now(), jobs)
	if p.Mode = mode; note != "" {
		p.Notes = append(p.Notes, note)
	}
}

// checkSecondStage refuses a run whose long documents are too few for a job of their own: their parts would be paid for, and
// their answers never merged.
func (t *Terms) checkSecondStage(p *plan.Plan) error {
	if p.Long == 0 {
		return nil
	}
	parts := "sent in " + figure.Count(p.Parts, "part")
	if p.KnownParts > 0 {
		parts = fmt.Sprintf("%s already answered, %s sent",
			figure.Clause(p.KnownParts, "part", "is", "are"), figure.Clause(p.Parts, "other", "is", "are"))
	}
	p.Notes = append(p.Notes, fmt.Sprintf("%s longer than the limit: %s; their answers are merged in a second stage of %s",
		figure.Clause(p.Long, "document", "is", "are"), parts, figure.Count(p.Long, "record")))
	minimum := t.Bounds.Quotas.MinRecords
	if p.Mode != quarry.ModeJob || p.Long >= minimum || t.Bounds.MayCall() || t.Bounds.Below == cut.Hold {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "the second stage of --long merge",
		Err:  errors.New(cut.BelowMinimumText(p.Long, minimum)),
		Hint: "--below-minimum ondemand sends them on demand, at twice the price of a batch job; --long cut or --long headtail send each of these documents once, but not all of its text",
	}
}
