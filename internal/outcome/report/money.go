package report

import (
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/base/shown"
)

// costView is what the page says about money.
type costView struct {
	Headline string
	Detail   string
	Amounts  []amount
	// Where the price was read.
	Source, SourceURL, Date, Basis string
	Unknown                        bool // there is no price
	Estimated                      bool
}

type amount struct{ Name, Meaning, Text, Width, Class string }

func newCostView(r *Report) costView {
	c := &r.Cost
	local := r.Target == "local" || c.StandIn
	v := costView{Estimated: c.Estimated, Date: shown.Line(c.PriceDate, 40), SourceURL: shown.Address(c.PriceSource)}
	v.Source = shown.Line(c.PriceSource, 300)
	if v.Source == "" || v.Source == unknown {
		v.Source, v.Unknown = unknown, true
	}
	switch c.PriceBasis {
	case "listed":
		v.Basis = "published for this model and tier"
	case "derived":
		v.Basis = "derived from a published price by a rule: batch and flex cost half of on demand"
	default:
		v.Basis = shown.Line(c.PriceBasis, 100)
	}
	model := orUnknown(shown.Line(r.Model, 200))
	switch {
	case local && c.Batch == nil && c.OnDemand == nil:
		v.Headline = "Nothing was spent."
		v.Detail = fmt.Sprintf("The stand-in answered. The cost of these tokens on %s is unknown, because its price is not known; quarry prices --refresh reads AWS's price lists.", model)
	case local:
		v.Headline = "Nothing was spent."
		v.Detail = fmt.Sprintf("The stand-in answered. The same tokens on %s would cost %s in batch, %s on demand.", model, money(c.Batch),
			money(c.OnDemand))
	case c.Actual == nil:
		v.Headline = "The cost is unknown."
		v.Detail = fmt.Sprintf("Some answers of %s in %s have no known price; quarry prices --refresh reads AWS's price lists. The provider's bill has the sum.", model, orUnknown(shown.Line(r.Region, 40)))
	default:
		v.Headline = money(c.Actual) + " spent"
		v.Detail = comparedWithOnDemand(c)
	}
	v.Amounts = amounts(c, local)
	return v
}

// comparedWithOnDemand compares with what the same tokens cost on demand.
func comparedWithOnDemand(c *Cost) string {
	switch {
	case c.OnDemand == nil || c.Saved == nil:
		return "The cost of the same tokens on demand is unknown."
	case *c.Saved > 0:
		return fmt.Sprintf("%s less than on demand (%s).", money(c.Saved), share(int64(*c.Saved), int64(*c.OnDemand)))
	case *c.Saved < 0:
		dearer := -*c.Saved
		return fmt.Sprintf("%s more than on demand.", money(&dearer))
	}
	return "As much as on demand."
}

func amounts(c *Cost, local bool) []amount {
	would := "what these tokens cost as a batch job"
	if local {
		would = "what these tokens would cost as a batch job"
	}
	list := []amount{
		{Name: "Spent", Meaning: "for what was sent", Class: "good"},
		{Name: "Batch", Meaning: would, Class: "plain"},
		{Name: "On demand", Meaning: "the same tokens in single calls", Class: "plain"},
		{Name: "Flex", Meaning: "the same tokens in the cheaper tier of calls", Class: "plain"},
		{Name: "Forecast", Meaning: "of the plan, before anything was sent", Class: "faint"},
		{Name: "Cap", Meaning: "--max-usd", Class: "faint"},
	}
	if local {
		list[0].Meaning = "the stand-in costs nothing"
	}
	sums := []*quarry.USD{c.Actual, c.Batch, c.OnDemand, c.Flex, c.Forecast, c.Cap}
	var most quarry.USD
	for _, sum := range sums[:len(sums)-1] { // a cap far above them would make them all look alike
		if sum != nil {
			most = max(most, *sum)
		}
	}
	for i := range list {
		list[i].Text = money(sums[i])
		if sums[i] != nil {
			list[i].Width = barWidth(float64(*sums[i]), float64(most))
		}
	}
	return slices.DeleteFunc(list, func(a amount) bool { return a.Text == unknown && (a.Name == "Flex" || a.Name == "Cap") })
}
