package cut

import (
	"context"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

// BelowMinimum says what becomes of records that are too few for a batch job (AWS's quota "Minimum number of records per
// batch inference job").
type BelowMinimum string

// What can become of them.
const (
	Hold     BelowMinimum = "hold"     // they wait: skipped, and sent by a later pass that has enough records
	OnDemand BelowMinimum = "ondemand" // they are sent by on-demand calls, at their price
	Stop     BelowMinimum = "stop"     // a pass that is too small stops before it sends anything; retries end failed
)

// BelowMinimumText says that records are too few for a job.
func BelowMinimumText(records, minimum int64) string {
	return fmt.Sprintf("%s below the %s-record minimum of a batch job", figure.Clause(records, "record", "is", "are"), figure.Thousands(minimum))
}

// Records of ten megabytes and more fill a file before it holds a batch job's minimum. A shard of those is no job: its
// records are sent by on-demand calls where that was allowed, and else not at all.

// tooFew finds the shards that are too small to be a job, decides what becomes of them, and says so; "" where there are
// none.
func tooFew(rows []ledger.Shard, bounds Bounds) string {
	var records int64
	for i := range rows {
		s := &rows[i]
		if s.Mode != quarry.ModeJob || s.Records >= bounds.Quotas.MinRecords {
			continue
		}
		records += s.Records
		if bounds.MayCall() {
			s.Mode = quarry.ModeOnDemand
		} else {
			s.Unasked = bounds.UnsentKind()
		}
	}
	verb := "are"
	if records == 1 {
		verb = "is"
	}
	text := fmt.Sprintf("%s %s so large that a file cannot hold the %d that a batch job needs: ", figure.Count(records, "record"), verb, bounds.Quotas.MinRecords)
	switch {
	case records == 0:
		return ""
	case bounds.MayCall():
		return text + "sent as on-demand calls"
	case bounds.UnsentKind() == quarry.KindWaiting:
		return text + "they wait for a later run; --below-minimum ondemand sends them on demand"
	}
	return text + "they fail; --below-minimum ondemand sends them on demand"
}

// pilotTooLarge reports whether the pilot's records do not fit into one file together.
func pilotTooLarge(ctx context.Context, p *plan.Plan, pass index.Pass, bounds Bounds) (bool, error) {
	limit := bounds.MaxLine()
	if p.Pilot == 0 || p.Mode != quarry.ModeJob || limit == 0 || p.LineBytes <= limit {
		return false, nil
	}
	var bytes int64
	for d, err := range pass.Decided() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return false, err
		}
		if d.Disposition == index.Pilot {
			bytes += int64(d.Bytes)
		}
	}
	return bytes > limit, nil
}
