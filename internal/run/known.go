package run

import (
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

// known is a finished pass: its plan, and what its index knows of each document.
type known struct {
	*index.Known
	dir     string // of the run
	pass    int
	planned plan.Plan
	read    string // of a run that is compared with: the stamp of the file of given answers
	given   *known // of a run that is compared with: the answers that it was given; nil: none
}

// index is the index of a pass.
func (r *Run) index(pass int) index.Pass { return index.Of(r.effects, r.cfg.Dir, pass) }

func (r *Run) openKnown(pass int, planned plan.Plan) *known {
	return &known{dir: r.cfg.Dir, Known: r.index(pass).Known(planned.Orders), pass: pass, planned: planned}
}

// slots is what a pass is joined with; nil where there is none before.
func (k *known) slots() *index.Known {
	if k == nil {
		return nil
	}
	return k.Known
}
