package run

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/pack"
	"quarry/internal/run/index"
)

// decideMode settles how records are bought. A run that is too small for a job is answered by runtime calls where that
// costs nothing, and stops where it costs twice as much as asked for.
func (r *Run) decideMode(ctx context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	p := &r.planned
	p.Mode = r.cfg.Mode
	minimum := r.cfg.Quotas.MinRecords
	if p.Mode == quarry.ModeOnDemand || p.Mode == quarry.ModeFlex || p.Asked == 0 || p.Records() >= minimum {
		if p.Mode == quarry.ModeAuto {
			p.Mode = r.modeByDeadline(true)
		}
		return nil
	}
	few := fmt.Sprintf("%d records are below the minimum of %d of a batch job", p.Records(), minimum)
	if r.mayCall() {
		p.Mode = quarry.ModeOnDemand
		if r.clock.held != nil {
			p.Mode = r.modeByDeadline(false)
		}
		if r.cfg.ForAWS && !r.cfg.Rescue && r.cfg.Mode != quarry.ModeAuto {
			p.Notes = append(p.Notes, few+": a run stops before it sends anything, unless --mode ondemand or --rescue asks them on demand")
		} else {
			p.Notes = append(p.Notes, few+": answered by runtime calls")
		}
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "a batch job", Err: errors.New(few),
		Hint: "ask them on demand with --mode ondemand or --rescue" + r.priceHint(),
	}
}

// cutShards cuts what has to be asked into shards: the pilot, drawn from all of the source, and stretches of the rest.
func (r *Run) cutShards(ctx context.Context) ([]ledger.Shard, error) {
	p := &r.planned
	tooLarge, err := r.pilotTooLarge(ctx)
	if err != nil {
		return nil, err
	}
	if tooLarge {
		p.Notes = append(p.Notes, fmt.Sprintf("no pilot: its %d records are more than one file may hold", p.Pilot))
		p.Pilot, p.pilotRecords = 0, 0
	}
	rest := p.Records() - p.pilotRecords
	whole := p.Pilot > 0 && rest > 0 && rest < r.cfg.Quotas.MinRecords && p.Mode == quarry.ModeJob
	switch {
	case whole:
		p.Pilot, p.pilotRecords = p.Asked, p.Records()
		p.Notes = append(p.Notes, fmt.Sprintf("the pilot is the whole run: it would leave %d records, below the minimum of a batch job", rest))
	case p.Pilot > 0 && rest == 0:
		whole = true
	}
	var rows []ledger.Shard
	if p.Pilot > 0 && !whole {
		var err error
		if rows, err = r.spans(ctx, quarry.PilotShard, string(index.Pilot)); err != nil {
			return nil, err
		}
	}
	pilots := len(rows)
	kind, marks := quarry.MainShard, string(index.Main)
	if whole {
		kind, marks = quarry.PilotShard, marks+string(index.Pilot)
	}
	if tooLarge {
		marks += string(index.Pilot)
	}
	main, err := r.spans(ctx, kind, marks)
	if err != nil {
		return nil, err
	}
	rows = append(rows, main...)
	if err := r.number(ctx, rows); err != nil {
		return nil, err
	}
	return rows, errors.Join(r.placeStretches(rows[:pilots]), r.placeStretches(rows[pilots:]))
}

// number gives new rows their ids and their places behind the rows there are.
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
	prefix := map[quarry.ShardKind]string{quarry.PilotShard: "p", quarry.MainShard: "s", quarry.RetryShard: "r"}
	for i := range rows {
		s := &rows[i]
		count[s.Kind]++
		seq++
		s.ID, s.Seq = quarry.ShardID(fmt.Sprintf("%s%05d", prefix[s.Kind], count[s.Kind])), seq
	}
	return nil
}

// spans packs the records of those documents that have one of the marks into shards.
func (r *Run) spans(ctx context.Context, kind quarry.ShardKind, marks string) ([]ledger.Shard, error) {
	p := &r.planned
	column, err := r.index(p.Pass).OpenTakes()
	if err != nil {
		return nil, err
	}
	defer func() { _ = column.Close() }()
	quotas := r.cfg.Quotas
	if p.Mode != quarry.ModeJob {
		quotas = callQuotas
	}
	var rows []ledger.Shard
	for span, err := range pack.Spans(ctx, r.packItems(column, marks), pack.Config{Quotas: quotas}) {
		if err != nil {
			return nil, fmt.Errorf("cut shards: %w", err)
		}
		first, last := index.Turn(span.First), index.Turn(span.Last)
		rows = append(rows, ledger.Shard{
			Kind: kind, State: quarry.ShardPlanned, Mode: p.Mode,
			Detail: ledger.Detail{
				Pass: p.Pass, First: first.Order(), FirstPart: first.Part(), Last: last.Order(), LastPart: last.Part(),
				Takes: marks, Records: span.Records, Bytes: span.Bytes, Attempt: 1,
			},
		})
	}
	if few := r.tooFew(rows); few != "" {
		p.Notes = append(p.Notes, few)
	}
	return rows, nil
}

// callQuotas cuts what is asked by runtime calls: no job binds it, but a shard is what is built, asked and sealed at a
// time, so its size bounds what a crash has to read again.
var callQuotas = quarry.Quotas{RecordsPerFile: 10_000, FileBytes: 256 << 20}

func (r *Run) packItems(column *index.Column, marks string) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		for f, err := range r.index(r.planned.Pass).FirstRecords() {
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			t, err := column.Take(f.Turn.Order())
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			if t.Among(marks) && !yield(pack.Item{Order: int64(f.Turn), Bytes: f.Bytes}, nil) {
				return
			}
		}
	}
}

// placeStretches notes for each shard from where the sources are read for it.
func (r *Run) placeStretches(rows []ledger.Shard) error {
	i := 0
	var last index.Block
	for block, err := range r.index(r.planned.Pass).Blocks() {
		if err != nil {
			return err
		}
		for i < len(rows) && rows[i].First < block.Order {
			rows[i].Start, rows[i].StartOrder = last.At, last.Order
			i++
		}
		last = block
	}
	for ; i < len(rows); i++ {
		rows[i].Start, rows[i].StartOrder = last.At, last.Order
	}
	return nil
}
