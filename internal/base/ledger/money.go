package ledger

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/base/effect"
)

// Money is what a shard takes of the cap of its pass, or what several take together. A shard takes nothing, or what it reserved, or
// what it cost.
type Money struct {
	Settled  quarry.USD // cost of what is collected
	Forecast quarry.USD // upper end of the forecast of what is under way
	Input    quarry.USD // worst case of what is under way: its input at one token per byte
	Output   quarry.USD // and its answers at their full length
	Unpriced int64      // shards whose price is not known; what they take is in none of the sums
}

// Balance is what the shards of a pass take of its cap, all but one of them.
type Balance struct {
	Money
	TokensPerByte float64 // the most of any shard of the pass; 0: no answer has shown it
	Factor        float64 // the most that any settled shard cost, as a multiple of its forecast; 0: nothing is known
	Earlier       bool    // a planned shard of the same kind with a lower Seq reserves nothing yet
}

func (m *Money) add(o *Money) {
	m.Settled, m.Forecast = m.Settled.Plus(o.Settled), m.Forecast.Plus(o.Forecast)
	m.Input, m.Output, m.Unpriced = m.Input.Plus(o.Input), m.Output.Plus(o.Output), m.Unpriced+o.Unpriced
}

// without takes away what a shard takes.
func (m *Money) without(o *Money) {
	m.add(&Money{-o.Settled, -o.Forecast, -o.Input, -o.Output, -o.Unpriced})
}

const (
	mostPerByte = `SELECT ratio FROM shard WHERE /*run and*/ pass = $1 ORDER BY ratio DESC LIMIT 1`
	mostFactor  = `SELECT factor FROM shard WHERE /*run and*/ pass = $1 ORDER BY factor DESC LIMIT 1`
	ownMoney    = `SELECT settled, forecast, input, output, unpriced FROM shard WHERE /*run and*/ id = $1`
	unreserved  = `SELECT COUNT(*) FROM (
		SELECT 1 FROM shard WHERE /*run and*/ pass = $1 AND kind = $2 AND seq < $3
		AND state = 'planned' AND unasked = 0 AND output = 0 LIMIT 1) AS found`
	saveMoney = `UPDATE shard SET settled = $2, forecast = $3, input = $4, output = $5, unpriced = $6, factor = $7 WHERE /*run and*/ id = $1`
)

// Reserve stores what a shard takes of the cap of its pass, as decide says by what the others take: in one transaction, so that no two
// shards are let through on the same money. The shard that is given gets it too. An error of decide changes nothing.
func (l *Ledger) Reserve(ctx context.Context, s *Shard, decide func(*Balance) (Money, error)) error {
	return l.change(ctx, "ledger: reserve for "+string(s.ID), func(tx *effect.Tx) error {
		b, own, err := balance(ctx, tx, s)
		if err != nil {
			return fmt.Errorf("reserve for shard %s: %w", s.ID, err)
		}
		if s.Money, err = decide(b); err != nil || s.Money == own { // one that has to wait reserves nothing again and again
			return err
		}
		return update(ctx, tx, s, saveMoney, s.money()...)
	})
}

// balance adds up what the shards of a pass take, all but s. own is what that one takes.
func balance(ctx context.Context, tx *effect.Tx, s *Shard) (b *Balance, own Money, err error) {
	groups, err := readGroups(tx.QueryContext(ctx, passGroups, s.Pass))
	if err != nil {
		return nil, own, err
	}
	b = &Balance{}
	for i := range groups {
		b.add(&groups[i].Money)
	}
	for _, q := range []struct {
		query string
		args  []any
		into  []any
	}{
		{ownMoney, []any{string(s.ID)}, []any{&own.Settled, &own.Forecast, &own.Input, &own.Output, &own.Unpriced}},
		{mostPerByte, []any{s.Pass}, []any{&b.TokensPerByte}},
		{mostFactor, []any{s.Pass}, []any{&b.Factor}},
		{unreserved, []any{s.Pass, string(s.Kind), s.Seq}, []any{&b.Earlier}},
	} {
		if err := tx.QueryRowContext(ctx, q.query, q.args...).Scan(q.into...); err != nil {
			return nil, own, err
		}
	}
	b.without(&own)
	return b, own, nil
}

// Account stores what each of the rows takes of the cap, in one transaction.
func (l *Ledger) Account(ctx context.Context, rows []Shard) error {
	if len(rows) == 0 {
		return nil
	}
	return l.change(ctx, "ledger: account for shards", func(tx *effect.Tx) error { return l.accountAll(ctx, tx, rows) })
}

// money are the arguments of saveMoney.
func (s *Shard) money() []any {
	m := &s.Money
	return []any{string(s.ID), int64(m.Settled), int64(m.Forecast), int64(m.Input), int64(m.Output), m.Unpriced, s.Factor}
}
