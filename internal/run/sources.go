package run

import (
	"context"
	"fmt"
	"strings"

	"quarry/internal/figure"
	"quarry/internal/run/book"
	"quarry/internal/run/planner"
)

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

// CompareWith lets Plan compare with what the run of a directory knows, if a pass of it is finished. Nothing is written there.
func (r *Run) CompareWith(ctx context.Context, dir string, b *book.Book) error {
	head, err := b.Head(ctx)
	if err != nil || head.Finished == 0 {
		return err
	}
	last, err := b.Pass(ctx, head.Finished)
	if err != nil || last.Plan == nil {
		return err
	}
	given, err := b.Pass(ctx, planner.ImportedPass)
	if err != nil {
		return err
	}
	r.takeLearned(&head)
	r.passed = head.Piloted
	other := &Run{cfg: Config{Place: Place{Dir: dir}}}
	r.beside, r.sameAsBefore = other.openKnown(head.Finished, *last.Plan), head.FinishedSettings == r.asked.Settings
	if given.Plan != nil {
		r.beside.read, r.beside.given = head.Known, other.openKnown(planner.ImportedPass, *given.Plan)
	}
	return nil
}

func (r *Run) compared() *Known {
	if r.beside == nil {
		return nil
	}
	p := &r.planned
	return &Known{New: p.Asked - p.Changed - p.Again, Changed: p.Changed + p.Stale, Again: p.Again, Same: p.Unchanged - p.Stale, Gone: p.Gone}
}
