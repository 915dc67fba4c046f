package run

import (
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

// known is a finished pass: its plan, and what its index knows of each document.
type known struct {
	*index.Known
	pass    int
	planned plan.Plan
}

// index is the index of a pass.
func (r *Run) index(pass int) index.Pass { return index.Of(r.effects, r.cfg.Dir, pass) }

func (r *Run) openKnown(pass int, planned plan.Plan) *known {
	return &known{Known: r.index(pass).Known(planned.Orders), pass: pass, planned: planned}
}

// slots is what a pass is joined with; nil where there is none before.
func (k *known) slots() *index.Known {
	if k == nil {
		return nil
	}
	return k.Known
}
