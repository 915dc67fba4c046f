package run

import (
	"context"

	"quarry/internal/ledger"
	"quarry/internal/run/cut"
)

// current is the configuration of the pass at hand.
func (r *Run) current() *Config {
	c := r.cfg
	c.Asked = r.asked
	return &c
}

// bounds are what each shard of the pass has to fit.
func (r *Run) bounds() cut.Bounds { return r.current().bounds(r.planned.Pass) }

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
	numbers, err := r.numbered(ctx, all)
	if err != nil {
		return err
	}
	cut.Number(rows, numbers, seq)
	return nil
}
