package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"quarry/internal/figure"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// mayReplace lets other sources take the place of the run's. A pass that was planned over the old ones is given up. The new list
// is remembered together with the plan that was made of it.
func (r *Run) mayReplace() { r.replaced = true }

// mostAreThere asks before a run goes on over sources that hold less than half of the documents it knows: a wrong path or half
// a file would leave the others out of the results.
func (r *Run) mostAreThere(ctx context.Context, before *known) error {
	if before == nil || r.beside != nil || r.deps.Confirm == nil {
		return nil
	}
	known := before.planned.Documents
	if still := known - r.planned.Lost; 2*still < known {
		return r.deps.Confirm(ctx, fmt.Sprintf("Only %s of the %s that the run knows are in %s. The others would be missing from the results. Continue?",
			figure.Thousands(still), figure.Count(known, "document"), strings.Join(r.cfg.Sources, " ")))
	}
	return nil
}

// Known says how the sources compare with what a run knows already.
type Known struct {
	New     int64 `json:"new"`
	Changed int64 `json:"changed"` // they ask something else now
	Again   int64 `json:"again"`   // known, without an answer yet
	Same    int64 `json:"same"`    // their answer stands
	Gone    int64 `json:"gone"`
}

// Beside is a run that a plan is compared with.
type Beside struct {
	Dir      string
	Pass     int    // its last finished one
	Planned  string // the fact of that name
	Settings string // that it was finished with
	// Learned are the facts of LearnedFacts, empty where there are none: what its answers taught.
	Learned map[string]string
	Known   string // the fact named by KnownFact
	Given   string // the fact that is named by PlannedFact of pass 0: the answers that the run was given. Empty: none
}

// CompareWith lets Plan compare with what a run directory knows. Nothing is written there.
func (r *Run) CompareWith(b Beside) error {
	var planned plan.Plan
	if err := json.Unmarshal([]byte(b.Planned), &planned); err != nil {
		return fmt.Errorf("read the plan of pass %d: %w", b.Pass, err)
	}
	if err := r.takeLearned(b.Learned); err != nil {
		return err
	}
	other := &Run{cfg: Config{Dir: b.Dir}}
	r.beside, r.sameAsBefore = other.openKnown(b.Pass, planned), b.Settings == r.cfg.Settings
	if b.Given == "" {
		return nil
	}
	var given plan.Plan
	if err := json.Unmarshal([]byte(b.Given), &given); err != nil {
		return fmt.Errorf("read the plan of the given answers: %w", err)
	}
	r.beside.read = b.Known
	r.beside.given = other.openKnown(planner.ImportedPass, given)
	return nil
}

// PlannedFact is the name under which a run's ledger keeps the plan of a pass.
func PlannedFact(pass int) string { return plannedFact(pass) }

func (r *Run) compared() *Known {
	if r.beside == nil {
		return nil
	}
	p := &r.planned
	return &Known{New: p.Asked - p.Changed - p.Again, Changed: p.Changed + p.Stale, Again: p.Again, Same: p.Unchanged - p.Stale, Gone: p.Gone}
}
