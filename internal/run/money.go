package run

import (
	"fmt"

	"quarry"
	"quarry/internal/cost"
)

// listCost is what a usage costs at the requested model's price; nil where that is not known.
func (r *Run) listCost(mode quarry.Mode, u quarry.Usage) *quarry.USD {
	price, ok := r.cfg.Prices.Price(r.cfg.Model, r.cfg.Region, mode)
	if !ok {
		return nil
	}
	usd := cost.Bill(u, price)
	return &usd
}

// priceHint adds what on-demand calls would cost to a hint.
func (r *Run) priceHint() string {
	demand, job := r.listCost(quarry.ModeOnDemand, r.guess()), r.listCost(quarry.ModeJob, r.guess())
	if demand == nil || job == nil {
		return " (at a price that is not known)"
	}
	return fmt.Sprintf(" (about %s instead of %s in a batch job)", demand, job)
}
