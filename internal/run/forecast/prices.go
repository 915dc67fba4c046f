// Package forecast calculates what a pass will take in tokens, money and time, and which way to buy it is the cheapest.
//
// It owns the arithmetic of the forecast, of the comparison of ways, of the deadline and of the cap. Plain values go in and
// plain values come out: it reads no file, makes no call, holds no state and looks at no clock. What always holds: what is not
// known is nil and never 0; a range has its estimate inside.
package forecast

import (
	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/outcome/report"
)

// Prices are the list prices of one model in one Region.
type Prices struct {
	Table         *cost.Table
	Model, Region string
}

// Cost is what a usage costs; nil where the price is not known, or what an answer took.
func (p Prices) Cost(mode quarry.Mode, u quarry.Usage) *quarry.USD {
	price, ok := p.Table.Price(p.Model, p.Region, mode)
	if !ok || !u.Known() {
		return nil
	}
	usd := cost.Bill(u, price)
	return &usd
}

// FlexIsCheaper reports whether the model is sold in the flex tier for less than on demand.
func (p Prices) FlexIsCheaper(u quarry.Usage) bool {
	model, _, known := catalog.Find(p.Model)
	if !known || model.Offers(catalog.Flex) != catalog.Yes {
		return false
	}
	flex, demand := p.Cost(quarry.ModeFlex, u), p.Cost(quarry.ModeOnDemand, u)
	return flex != nil && demand != nil && *flex < *demand
}

// range3 is what the low end, the estimate and the high end of an expectation cost.
func (p Prices) range3(mode quarry.Mode, e Expectation) (low, estimate, high *quarry.USD) {
	at := func(in, out int64) *quarry.USD { return p.Cost(mode, quarry.Usage{InputTokens: in, OutputTokens: out}) }
	return at(e.Input.Low, e.Output.Low), at(e.Input.Estimate, e.Output.Estimate), at(e.Input.High, e.Output.High)
}

// Expected puts an expectation for so many records into the words of the report, with its money.
func (p Prices) Expected(mode quarry.Mode, records int64, e Expectation) report.Expected {
	x := report.Expected{
		Records: records, Samples: e.Samples,
		Input:  report.Range{Low: e.Input.Low, Estimate: e.Input.Estimate, High: e.Input.High},
		Output: report.Range{Low: e.Output.Low, Estimate: e.Output.Estimate, High: e.Output.High},
	}
	x.CostLow, x.Cost, x.CostHigh = p.range3(mode, e)
	return x
}

func part64(n int64, share float64) int64 { return int64(float64(n) * share) }

// Share is what so many of all records take of what all take.
func Share(u quarry.Usage, records, all int64) quarry.Usage {
	if all <= 0 {
		return quarry.Usage{}
	}
	share := float64(records) / float64(all)
	return quarry.Usage{InputTokens: part64(u.InputTokens, share), OutputTokens: part64(u.OutputTokens, share)}
}
