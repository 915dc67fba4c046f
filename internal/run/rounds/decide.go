package rounds

import (
	"quarry"
	"quarry/internal/run/cut"
)

// Decision is how the queued records of a round are sent.
type Decision struct {
	Mode   quarry.Mode // empty: they are not sent now
	Unsent int64       // records that this pass does not send any more
	Note   string      // what a person should know of it; may be empty
}

// Decide says how so many queued records are sent, if the mode is what the pass or its deadline calls for: fewer than a job's minimum are
// sent by on-demand calls, if these are allowed. later says that a later round may fill a job with them. price is added to the hint of
// on-demand calls.
func Decide(records int64, mode quarry.Mode, bounds cut.Bounds, later bool, price string) Decision {
	minimum := bounds.Quotas.MinRecords
	if mode != quarry.ModeJob || records >= minimum {
		return Decision{Mode: mode}
	}
	below := cut.BelowMinimumText(records, minimum)
	switch {
	case later:
		return Decision{}
	case bounds.MayCall():
		return Decision{Mode: quarry.ModeOnDemand, Note: below + ": sent again as on-demand calls"}
	case bounds.Below == cut.Hold:
		return Decision{Unsent: records, Note: below + ", waiting for a run with enough records; --below-minimum ondemand sends them now" + price}
	}
	return Decision{Unsent: records, Note: below +
		": failed; --below-minimum ondemand sends them on demand" + price + ", --below-minimum hold keeps them for a later run"}
}
