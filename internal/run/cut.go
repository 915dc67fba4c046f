package run

import (
	"context"
	"errors"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/cut"
)

// decideMode settles how records are bought. A pass that is too small for a job is sent by on-demand calls, waits or stops
// (see BelowMinimum).
func (r *Run) decideMode(ctx context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	p := &r.planned
	p.Mode = r.asked.Mode
	minimum, records := r.cfg.Quotas.MinRecords, p.Records()
	if records == 0 { // all parts of its long documents are answered: the merges come first
		records = p.Long
	}
	if p.Mode == quarry.ModeOnDemand || p.Mode == quarry.ModeFlex || p.Asked == 0 || records >= minimum {
		if p.Mode == quarry.ModeAuto {
			p.Mode = r.modeByDeadline(true)
		}
		return nil
	}
	few := tooFewText(records, minimum)
	switch r.belowMinimum() {
	case OnDemand:
		p.Mode = quarry.ModeOnDemand
		if r.clock.Held() != nil {
			p.Mode = r.modeByDeadline(false)
		}
		switch {
		case !r.cfg.ForAWS || r.cfg.BelowMinimum == OnDemand || r.asked.Mode == quarry.ModeAuto:
			p.Notes = append(p.Notes, few+": sent by on-demand calls")
		case p.Pass > 1:
			p.Notes = append(p.Notes, few+", waiting for a run with enough records, unless --mode ondemand or --below-minimum ondemand sends them on demand")
		default:
			p.Notes = append(p.Notes, few+": a run stops before it sends anything, unless --mode ondemand or --below-minimum ondemand sends them on demand")
		}
		return nil
	case Hold:
		p.Held = true
		p.Notes = append(p.Notes, few+", waiting for a run with enough records; --below-minimum ondemand sends them now"+r.basis().OnDemandHint())
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "a batch job", Err: errors.New(few),
		Hint: "send them on demand with --mode ondemand or --below-minimum ondemand" + r.basis().OnDemandHint(),
	}
}

// cutShards cuts what has to be asked into shards.
func (r *Run) cutShards(ctx context.Context) ([]ledger.Shard, error) {
	rows, err := cut.Plan(ctx, &r.planned, r.index(r.planned.Pass), r.bounds())
	if err != nil {
		return nil, err
	}
	return rows, r.number(ctx, rows)
}

// bounds are what each shard has to fit.
func (r *Run) bounds() cut.Bounds {
	return cut.Bounds{Quotas: r.cfg.Quotas, MayCall: r.mayCall(), Few: r.fewKind()}
}

// maxLine is how long a record's line may be to fit into an input file at all; 0 where no limit is known.
func (r *Run) maxLine() int64 { return r.bounds().MaxLine() }

// number gives new rows their ids and their places after the rows there are.
func (r *Run) number(ctx context.Context, rows []ledger.Shard) error {
	all, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	var seq int64
	for i := range all {
		seq = max(seq, all[i].Seq)
	}
	count, err := r.numbered(ctx, all)
	if err != nil {
		return err
	}
	for i := range rows {
		s := &rows[i]
		count[s.Kind]++
		seq++
		s.ID, s.Seq = quarry.NewShardID(s.Kind, count[s.Kind]), seq
	}
	return nil
}
