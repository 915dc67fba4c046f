package forecast

import (
	"fmt"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/outcome/report"
)

// Basis is what the forecast of a pass rests on.
type Basis struct {
	Model   Model
	Prices  Prices
	Learned *Learned // nil: no answer was read yet
	Texts   Texts    // that are sent
}

// Expect is what the pass may take, by the best that is known now.
func (b *Basis) Expect() Expectation { return b.Model.Expect(b.Learned, b.Texts) }

// Usage is what it takes by the estimate.
func (b *Basis) Usage() quarry.Usage { return b.Expect().Usage() }

// Expected is the forecast for so many records in the words of the report, with its money.
func (b *Basis) Expected(mode quarry.Mode, records int64) report.Expected {
	return b.Prices.Expected(mode, records, b.Expect())
}

// OnDemandHint says what on-demand calls would cost, to be added to a hint.
func (b *Basis) OnDemandHint() string {
	demand, job := b.Prices.Cost(quarry.ModeOnDemand, b.Usage()), b.Prices.Cost(quarry.ModeJob, b.Usage())
	if demand == nil || job == nil {
		return " (at a price that is not known: " + cost.UnknownHelp + ")"
	}
	return fmt.Sprintf(" (about %s instead of %s in a batch job)", demand, job)
}
