package run

import (
	"quarry"
	"quarry/internal/run/index"
)

// known is a finished pass: its plan, and what its index knows of each document.
type known struct {
	*index.Known
	pass    int
	planned Planned
}

// index is the index of a pass.
func (r *Run) index(pass int) index.Pass { return index.Of(r.effects, r.cfg.Dir, pass) }

func (r *Run) openKnown(pass int, planned Planned) *known {
	return &known{Known: r.index(pass).Known(planned.Orders), pass: pass, planned: planned}
}

// slots is what a pass is joined with; nil where there is none before.
func (k *known) slots() *index.Known {
	if k == nil {
		return nil
	}
	return k.Known
}

// ending tells how a result ended, for the pass that comes next.
func ending(res *quarry.Result) index.Ended {
	switch res.Status {
	case quarry.StatusOK:
		return index.EndedOK
	case quarry.StatusInvalid:
		return index.EndedInvalid
	case quarry.StatusSkipped:
		return index.EndedSkipped
	}
	if res.Error != nil && (res.Error.Kind == string(quarry.ClassRecordError) || res.Error.Kind == "too_large" || res.Error.Kind == kindUnmerged) {
		return index.EndedFailed
	}
	if res.Parts > 0 && res.Error != nil && quarry.Class(res.Error.Kind).Answered() {
		return index.EndedFailed // a part was answered badly to the last attempt, as in a document that ends invalid
	}
	return index.EndedAgain
}
