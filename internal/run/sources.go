package run

import (
	"context"
	"fmt"
	"strings"

	"quarry/internal/base/figure"
)

// keepSources opens the sources of the pass, once it is known which that is: a new one reads them again, one that was
// interrupted continues with what it has.
func (r *Run) keepSources(ctx context.Context) error {
	if r.deps.Keep == nil {
		return nil
	}
	_, planned, err := r.plannedPass(ctx, r.pass)
	if err != nil {
		return err
	}
	r.sources, err = r.deps.Keep(ctx, r.pass, planned)
	return err
}

// mostAreThere asks before a run continues over sources that hold less than half of the documents it knows: a wrong path or half
// a file would leave the others out of the results.
func (r *Run) mostAreThere(ctx context.Context, before *known) error {
	if before == nil || r.deps.Confirm == nil {
		return nil
	}
	known := before.planned.Documents
	if still := known - r.planned.Lost; 2*still < known {
		return r.deps.Confirm(ctx, fmt.Sprintf("Only %s of the %s that the run knows are in %s. The others would be missing from the results. Continue?",
			figure.Thousands(still), figure.Count(known, "document"), strings.Join(r.cfg.Sources, " ")))
	}
	return nil
}
