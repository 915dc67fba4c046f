package limits

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/forecast"
	"quarry/internal/run/verdict"
)

// Cap is the limit of the cost of a pass. It holds before a call: until answers were read, what ended shards cost and the worst
// cases of all that is open stay below it together. From then on a shard reserves the upper end of its forecast, and
// twice all reservations stay below what is left; see forecast.Balance. The worst case of a shard is its input, at one
// token a byte until answers have shown better, and its answers at their full length.
//
// A Cap remembers only which shards this process let through. One goroutine at a time, and the rows of one Check are read
// after the Check before it: two shards must not be let through on the same money.
type Cap struct {
	limit   quarry.USD
	through map[quarry.ShardID]bool // shards that were let through; true: to be sent, not only built
}

// NewCap gives a cap that has let nothing through.
func NewCap(limit quarry.USD) *Cap {
	return &Cap{limit: limit, through: map[quarry.ShardID]bool{}}
}

// Release takes back what a shard was let through for: it is sent in another way, at another cost.
func (c *Cap) Release(id quarry.ShardID) { delete(c.through, id) }

// Check says whether a shard may be sent: Go, Wait while an open shard may still turn out cheaper, or Cut. It is an error where
// none of them can help. rows are all of the ledger.
func (c *Cap) Check(costs *Costs, rows []ledger.Shard, s *ledger.Shard) (verdict.Verdict, error) {
	if s.Unasked != "" {
		return verdict.Go{}, nil
	}
	b, own, err := c.balance(costs, rows, s)
	if err != nil {
		return nil, err
	}
	switch {
	case b.Admits(c.limit, own):
		c.through[s.ID] = s.State != quarry.ShardPlanned
		return verdict.Go{}, nil
	case b.Open.Worst > 0 || b.Earlier:
		why := fmt.Sprintf("the cap of %s: %s spent, up to %s reserved for open shards, up to %s needed for this one",
			c.limit, b.Settled, b.Open.Needs(), own.Needs())
		return verdict.Wait{Why: why, For: time.Second}, nil
	}
	reached := c.reached(s, &b, own)
	if s.State != quarry.ShardPlanned {
		return nil, reached
	}
	least := int64(1)
	if s.Mode == quarry.ModeJob {
		least = max(1, costs.MinRecords)
	}
	most, bytes, ok := forecast.Pieces(b.Left(c.limit), own.Needs(), s.Records, s.Bytes, least)
	if !ok {
		return nil, reached
	}
	why := fmt.Sprintf("the cap of %s leaves %s, and shard %s of %s could cost up to %s",
		c.limit, b.Left(c.limit), s.ID, figure.Count(s.Records, "record"), own.Needs())
	return verdict.Cut{Least: least, Most: most, Bytes: bytes, Why: why, Else: reached}, nil
}

// reached is the error of a shard that may cost more than is left.
func (c *Cap) reached(s *ledger.Shard, b *forecast.Balance, own forecast.Reserve) error {
	how := fmt.Sprintf("the reserve assumes %.2f tokens for each byte of input and max_tokens for each answer", b.Ratio)
	if own.Needs() < own.Worst {
		how = "the reserve is twice the upper end of the forecast"
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "submit shard", Subject: string(s.ID),
		Err:  fmt.Errorf("it could cost up to %s; %s of the cap of %s is spent", own.Needs(), b.Settled, c.limit),
		Hint: "raise --max-usd, then rerun the same command; it resumes and keeps all answers (" + how + ")",
	}
}

// tellingRecords is how many records a settled shard must have to say something of others: fewer may be the odd ones.
const tellingRecords = 20

// balance is the state of the cap without one shard, and what that one reserves.
func (c *Cap) balance(costs *Costs, rows []ledger.Shard, own *ledger.Shard) (forecast.Balance, forecast.Reserve, error) {
	b := forecast.Balance{Factor: 1}
	seen := 0.0
	for i := range rows {
		o := &rows[i]
		if o.Pass != own.Pass {
			continue
		}
		seen = max(seen, o.Output.TokensPerByte)
		if o.ID == own.ID || o.Unasked != "" || o.Times.Collected.IsZero() {
			continue
		}
		cost := costs.settled(o)
		if cost == nil {
			return b, forecast.Reserve{}, costs.unpriced(c.limit)
		}
		b.Settled = b.Settled.Plus(*cost)
		if expected := costs.forecast(o, rows); expected != nil && o.Records >= tellingRecords {
			b.Factor = max(b.Factor, forecast.Factor(*cost, *expected))
		}
	}
	b.Ratio = forecast.Ratio(seen)
	for i := range rows {
		o := &rows[i]
		if o.Pass != own.Pass || o.ID == own.ID || o.Unasked != "" || !o.Times.Collected.IsZero() {
			continue
		}
		_, granted := c.through[o.ID]
		b.Earlier = b.Earlier || o.State == quarry.ShardPlanned && o.Kind == own.Kind && o.Seq < own.Seq && !granted
		if !c.reserves(costs, o, own) {
			continue
		}
		reserve := costs.reserve(o, rows, b.Ratio)
		if reserve == nil {
			return b, forecast.Reserve{}, costs.unpriced(c.limit)
		}
		b.Open = b.Open.Plus(reserve.Raised(b.Factor))
	}
	mine := costs.reserve(own, rows, b.Ratio)
	if mine == nil {
		return b, forecast.Reserve{}, costs.unpriced(c.limit)
	}
	return b, mine.Raised(b.Factor), nil
}

// reserves reports whether a shard that has not ended reserves its cost while another one is checked. What was sent does, and
// what is sent next. Of what was let through and waits for its turn, only what comes before the other does: two shards that
// waited for each other would wait for good.
//
// A shard that turned to calls and has made none gave back what its job had reserved, until its calls are let through: calls may
// cost twice as much, so two such shards would wait for each other too.
func (c *Cap) reserves(costs *Costs, o, own *ledger.Shard) bool {
	sending, granted := c.through[o.ID]
	if o.Late && o.Mode != quarry.ModeJob && !granted && !costs.CallsBegan(o.ID) {
		return false
	}
	before := o.Seq < own.Seq
	switch o.State {
	case quarry.ShardPlanned:
		return granted && before
	case quarry.ShardBuilt:
		return before
	case quarry.ShardUploaded:
		return sending || before
	case quarry.ShardCalling:
		return sending || before || costs.CallsBegan(o.ID)
	}
	return true
}
