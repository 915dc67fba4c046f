// Package limits holds a pass to its cap and to its deadline.
//
// It owns both decisions: whether a shard may be sent under the cap, and when on-demand calls have to take the place of jobs.
// A row, sums of the others, prices, a forecast and the time go in, a verdict comes out. It reads no ledger, changes no row and knows
// no provider. What always holds: no decision reads all rows; the same rows give the same verdict, so a process that resumes decides
// as the one before; a price that is not known is never 0.
package limits

import (
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/run/forecast"
)

// Costs are what the cost of a shard is computed from.
type Costs struct {
	Prices     *cost.Table
	Pools      []ledger.Pool  // where jobs may be made; the first is home. Never empty
	MaxTokens  int            // of each answer
	MaxOutput  int            // tokens that the model can answer at most; 0: not known
	MinRecords int64          // of a job
	Upper      forecast.Upper // of the forecast of the pass; the zero value where no answer was read yet
	// Merges reports whether a source of a retry shard is the merges of long documents, for which nothing is forecast.
	Merges func(quarry.ShardID) bool
	// CallsBegan reports whether a process began the on-demand calls of a shard.
	CallsBegan func(quarry.ShardID) bool
}

// At is where a shard is sent: home where nothing else was chosen.
func (c *Costs) At(s *ledger.Shard) ledger.Pool {
	if s.Pool != (ledger.Pool{}) {
		return s.Pool
	}
	return c.Pools[0]
}

// Price is what a usage costs by the list in a pool; nil where that is not known.
func (c *Costs) Price(p ledger.Pool, mode quarry.Mode, u quarry.Usage) *quarry.USD {
	return forecast.Prices{Table: c.Prices, Model: p.Model, Region: p.Region}.Cost(mode, u)
}

// room is how many tokens the answers of a shard may have together.
func (c *Costs) room(s *ledger.Shard) int64 {
	if s.AnswerTokens > 0 {
		return s.AnswerTokens
	}
	room := c.MaxTokens // not built yet, or built when there was no cap
	if s.Kind == quarry.RetryShard || room == 0 {
		room = max(room, c.MaxOutput)
	}
	return s.Records * int64(room)
}

// reserve is what a shard takes of the cap while it is open, before a factor. Without a forecast that is its worst case, whatever answers
// show later of how many tokens a byte has.
func (c *Costs) reserve(s *ledger.Shard) ledger.Money {
	input, output := c.dearest(s, quarry.Usage{InputTokens: s.Bytes}), c.dearest(s, quarry.Usage{OutputTokens: c.room(s)})
	if input == nil || output == nil {
		return ledger.Money{Unpriced: 1}
	}
	worst := input.Plus(*output)
	m := ledger.Money{Forecast: worst/2 + worst%2, Input: *input, Output: *output}
	if expected := c.forecast(s); expected != nil {
		m.Forecast = min(*expected, worst)
	}
	return m
}

// forecast is the upper end of what a shard is forecast to cost. It is nil where nothing is forecast for it: before any answer
// was read, for a pilot, whose answers are the first, and for merges of long documents, of which none may have been read.
func (c *Costs) forecast(s *ledger.Shard) *quarry.USD {
	if !c.Upper.Known() || s.Kind == quarry.PilotShard || slices.ContainsFunc(s.Sources, c.Merges) {
		return nil
	}
	room := c.room(s)
	most := int64(max(c.MaxTokens, c.MaxOutput))
	if c.MaxOutput == 0 {
		most = room
	}
	return c.dearest(s, c.Upper.Of(s.Records, s.Bytes, room, s.CutOff, most))
}

// dearest is what a usage of the shard costs in its pool, or in the most expensive pool that it may still go to.
func (c *Costs) dearest(s *ledger.Shard, u quarry.Usage) *quarry.USD {
	if s.Mode != quarry.ModeJob || s.Pool != (ledger.Pool{}) {
		return c.Price(c.At(s), s.Mode, u)
	}
	var most *quarry.USD
	for _, pool := range c.Pools {
		usd := c.Price(pool, s.Mode, u)
		if usd == nil {
			return nil
		}
		if most == nil || *usd > *most {
			most = usd
		}
	}
	return most
}

// settled is what a collected shard cost: what its answers say, or the job's manifest where that says more, since a line that
// the provider lost was computed all the same. Answers that do not say what they took, where no manifest does either, count
// as the most that they can have taken. It is nil where the price is not known.
func (c *Costs) settled(s *ledger.Shard) *quarry.USD {
	u := s.Tally.Usage
	if m := s.Output.Manifest; m != nil && (m.InputTokenCount > u.InputTokens || m.OutputTokenCount > u.OutputTokens) {
		u.InputTokens, u.OutputTokens = max(u.InputTokens, m.InputTokenCount), max(u.OutputTokens, m.OutputTokenCount)
		u.Unknown = 0
	}
	if !u.Known() {
		most := forecast.Reservation(s.Bytes, 1, c.room(s))
		u = quarry.Usage{InputTokens: max(u.InputTokens, most.InputTokens), OutputTokens: max(u.OutputTokens, most.OutputTokens)}
	}
	return c.Price(c.At(s), s.Mode, u)
}

// unpriced is the error of a cap without a price.
func (c *Costs) unpriced(limit quarry.USD) error {
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "hold the cap of", Subject: limit.String(), Err: fmt.Errorf("the price of %s in %s is not known",
			c.Pools[0].Model, c.Pools[0].Region),
		Hint: cost.UnknownHelp + "; or omit --max-usd",
	}
}
