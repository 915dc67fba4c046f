package limits

import (
	"errors"
	"fmt"
	"math"
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
// What a shard was let through for stays reserved in its row until its answers are read. A shard that has to wait reserves
// nothing, so two shards never wait for each other.
type Cap struct{ limit quarry.USD }

// NewCap gives the cap of a pass.
func NewCap(limit quarry.USD) *Cap { return &Cap{limit: limit} }

// Check says whether a shard may be sent, and what it takes of the cap from now on: Go, Wait while an open shard may still turn out
// cheaper, or Cut. It is an error where none of them can help. others is what the other shards of the pass take.
func (c *Cap) Check(costs *Costs, others *ledger.Balance, s *ledger.Shard) (verdict.Verdict, ledger.Money, error) {
	if s.Unasked != "" {
		return verdict.Go{}, ledger.Money{}, nil
	}
	ratio := forecast.Ratio(others.TokensPerByte)
	takes := costs.reserve(s)
	if others.Unpriced > 0 || takes.Unpriced > 0 {
		return nil, ledger.Money{}, costs.unpriced(c.limit)
	}
	b := forecast.Balance{
		Settled: others.Settled, Open: reserveOf(&others.Money, ratio, others.Factor), Ratio: ratio, Earlier: others.Earlier,
	}
	own := reserveOf(&takes, ratio, others.Factor)
	switch {
	case b.Admits(c.limit, own):
		return verdict.Go{}, takes, nil
	case b.Open.Worst > 0 || b.Earlier:
		why := fmt.Sprintf("the cap of %s: %s spent, up to %s reserved for open shards, up to %s needed for this one",
			c.limit, b.Settled, b.Open.Needs(), own.Needs())
		return verdict.Wait{Why: why, For: time.Second}, ledger.Money{}, nil
	}
	v, err := c.cut(costs, s, &b, own)
	return v, ledger.Money{}, err
}

// cut cuts a shard that may cost more than is left, if it can be cut.
func (c *Cap) cut(costs *Costs, s *ledger.Shard, b *forecast.Balance, own forecast.Reserve) (verdict.Verdict, error) {
	reached := c.reached(s, b, own)
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

// reserveOf is what reserved money means at so many tokens a byte, when settled shards cost so many times their forecast.
func reserveOf(m *ledger.Money, ratio, factor float64) forecast.Reserve {
	worst := quarry.USD(math.Ceil(float64(m.Input) * ratio)).Plus(m.Output)
	return forecast.Reserve{Forecast: min(m.Forecast, worst), Worst: worst}.Raised(factor)
}

// ErrCap says that the cap stopped the run.
var ErrCap = errors.New("the cap is reached")

type capped struct{ error }

// Is makes ErrCap of it.
func (capped) Is(target error) bool { return target == ErrCap }

// reached is the error of a shard that may cost more than is left.
func (c *Cap) reached(s *ledger.Shard, b *forecast.Balance, own forecast.Reserve) error {
	how := fmt.Sprintf("the reserve assumes %.2f tokens for each byte of input and max_tokens for each answer", b.Ratio)
	if own.Needs() < own.Worst {
		how = "the reserve is twice the upper end of the forecast"
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "submit shard", Subject: string(s.ID),
		Err:  capped{fmt.Errorf("it could cost up to %s; %s of the cap of %s is spent", own.Needs(), b.Settled, c.limit)},
		Hint: "raise --max-usd, then rerun the same command; it resumes and keeps all answers (" + how + ")",
	}
}

// tellingRecords is how many records a settled shard must have to say something of others: fewer may be the odd ones.
const tellingRecords = 20

// Settle states what a shard cost whose answers were read.
func (c *Costs) Settle(s *ledger.Shard) {
	s.Money, s.Factor = ledger.Money{}, 0
	if s.Unasked != "" {
		return
	}
	cost := c.settled(s)
	if cost == nil {
		s.Money.Unpriced = 1
		return
	}
	s.Money.Settled = *cost
	if expected := c.forecast(s); expected != nil && s.Records >= tellingRecords {
		s.Factor = forecast.Factor(*cost, *expected)
	}
}

// Account states what the rows of a pass take of the cap, by the prices and the forecast of now, and gives those for which that
// changed. What was sent and has not ended takes its reservation; what was not sent takes one when it is checked.
func (c *Costs) Account(rows []ledger.Shard, pass int) (changed []ledger.Shard) {
	for i := range rows {
		s := rows[i]
		if s.Pass != pass {
			continue
		}
		switch sent := s.State.Open() || s.State == quarry.ShardEnded || s.State == quarry.ShardCalling && c.CallsBegan(s.ID); {
		case !s.Times.Collected.IsZero():
			c.Settle(&s)
		case sent && s.Unasked == "":
			s.Money, s.Factor = c.reserve(&s), 0
		default:
			s.Money, s.Factor = ledger.Money{}, 0
		}
		if s.Money != rows[i].Money || s.Factor != rows[i].Factor {
			changed = append(changed, s)
		}
	}
	return changed
}
