package run

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/figure"
)

// BelowMinimum says what becomes of records that are too few for a batch job (AWS's quota "Minimum number of records per
// batch inference job"). Empty: stop on the first pass of a run, hold on later ones; on a stand-in in this process, where
// on-demand calls cost nothing, ondemand.
type BelowMinimum string

// What can become of them.
const (
	Hold     BelowMinimum = "hold"     // they wait: skipped, and sent by a later pass that has enough records
	OnDemand BelowMinimum = "ondemand" // they are sent by on-demand calls, at their price
	Stop     BelowMinimum = "stop"     // a pass that is too small stops before it sends anything; queued records end failed
)

// belowMinimum is what applies to the pass.
func (r *Run) belowMinimum() BelowMinimum {
	switch {
	case r.cfg.BelowMinimum != "":
		return r.cfg.BelowMinimum
	case r.cfg.Local || r.asked.Mode == quarry.ModeAuto:
		return OnDemand
	case r.planned.Pass > 1:
		return Hold
	}
	return Stop
}

// mayCall reports whether records that no job takes may be sent by on-demand calls: they cost twice as much, and nothing
// on a stand-in.
func (r *Run) mayCall() bool { return r.belowMinimum() == OnDemand }

// fewKind is the error kind of records that are not sent because they are too few for a job.
func (r *Run) fewKind() string {
	if r.belowMinimum() == Hold {
		return quarry.KindWaiting
	}
	return quarry.KindBelowMinimum
}

// tooFewText says that records are too few for a job.
func tooFewText(records, minimum int64) string {
	verb := "are"
	if records == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s below the %s-record minimum of a batch job", figure.Count(records, "record"), verb, figure.Thousands(minimum))
}

// countUnsent adds up the records of the pass that no job took.
func (r *Run) countUnsent(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		if s := &shards[i]; s.Pass == r.planned.Pass && s.Unasked != "" {
			r.unsent += s.Records
		}
	}
	return nil
}
