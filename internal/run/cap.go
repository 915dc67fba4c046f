package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"quarry"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
	"quarry/internal/run/verdict"
)

// costs are what the limits compute a shard's cost from, as it is known now.
func (r *Run) costs() *limits.Costs {
	t := r.planned.Texts()
	t.Merges, t.Parts = 0, 0
	e := r.answers().Expect(r.learned, t)
	pools := r.poolRefs()
	if len(pools) == 0 {
		pools = []ledger.Pool{r.home()}
	}
	return &limits.Costs{
		Prices: r.cfg.Prices, Pools: pools, MaxTokens: r.cfg.MaxTokens, MaxOutput: r.cfg.MaxOutput, MinRecords: r.cfg.Quotas.MinRecords,
		Upper: forecast.UpperOf(&e, t.Records, r.planned.AskedLines), Merges: isMerges, CallsBegan: r.callsBegan,
	}
}

// callsBegan reports whether a process began the calls of a shard.
func (r *Run) callsBegan(id quarry.ShardID) bool {
	_, err := os.Stat(r.files().Calls(id))
	return !errors.Is(err, fs.ErrNotExist)
}

// withinCap says whether the cap lets a shard through.
func (r *Run) withinCap(ctx context.Context, s *ledger.Shard) (verdict.Verdict, error) {
	if r.cap == nil {
		return verdict.Go{}, nil
	}
	r.money.Lock()
	defer r.money.Unlock()
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	return r.cap.Check(r.costs(), rows, s)
}

// cut cuts a planned shard into smaller ones of which the first fits under the cap: they are sent one after another, each
// once the one before has turned out cheaper than it might have. Row and new rows change in one transaction, and no record
// gets another id.
func (r *Run) cut(ctx context.Context, s *ledger.Shard, v *verdict.Cut) error {
	rows, err := cut.Smaller(ctx, s, r.index(s.Pass), r.leftoverItems(ctx, s.Sources), cut.Pieces{Least: v.Least, Most: v.Most, Bytes: v.Bytes})
	if err != nil {
		return err
	}
	if len(rows) < 2 {
		return v.Else
	}
	r.watch(Event{Kind: Note, Text: fmt.Sprintf("%s and is cut into %s, which go one after another", v.Why, figure.Thousands(len(rows)))})
	first := rows[0]
	rows = rows[1:]
	if err := r.number(ctx, rows); err != nil {
		return err
	}
	s.First, s.FirstPart, s.Last, s.LastPart = first.First, first.FirstPart, first.Last, first.LastPart
	s.Records, s.Bytes, s.Start, s.StartOrder = first.Records, first.Bytes, first.Start, first.StartOrder
	s.Due, s.Waits = time.Now(), ""
	return r.ledger.Split(ctx, s, rows)
}
