package summary

import (
	"errors"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
)

// Outcome is what a finished run came to.
type Outcome struct {
	Run     quarry.RunID
	Planned plan.Plan
	Totals  results.Totals
	Report  report.Report
}

// Err says which exit code the outcome calls for: nil, or a *quarry.Error of kind BadItems.
func (o *Outcome) Err() error {
	var why []error
	if n := o.Planned.Unreadable + o.Planned.SameID; n > 0 {
		why = append(why, fmt.Errorf("%s could not be read", figure.Count(n, "item")))
	}
	if o.Totals.Invalid > 0 {
		why = append(why, fmt.Errorf("%s ended invalid", figure.Count(o.Totals.Invalid, "document")))
	}
	if o.Totals.Failed > 0 {
		why = append(why, fmt.Errorf("%s ended failed", figure.Count(o.Totals.Failed, "document")))
	}
	if len(why) == 0 {
		return nil
	}
	var hints []string
	if n := o.Totals.Classes[string(quarry.ClassSourceChanged)]; n > 0 {
		hints = append(hints, fmt.Sprintf("%s changed in the sources after planning and were not sent; rerun the same command, which plans them again",
			figure.Count(n, "failed document")))
	}
	if o.Totals.Invalid+o.Totals.Failed > 0 {
		hints = append(hints, "failed.jsonl names each document and why")
	}
	if o.Planned.Unreadable+o.Planned.SameID > 0 {
		hints = append(hints, "items left out are named on stderr; correct them and rerun the same command")
	}
	return &quarry.Error{Kind: quarry.BadItems, Err: errors.Join(why...), Hint: strings.Join(hints, "; ")}
}
