package deliver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry/internal/base/figure"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/shardfile"
)

// Ended is how the documents of a pass ended, so far or for good.
type Ended struct {
	Plan    *plan.Plan
	Before  *index.Known // the finished pass whose answers are copied; nil: none
	Files   []lines.Sorted
	Closing answers.Closing // Partial: some documents have not ended, and have no result
}

// Results joins all attempts at each document, and writes results.jsonl in the order of the sources, and failed.jsonl. Those of a
// pass that is complete are kept with its index as well, and must add up to what was planned.
func (f *Files) Results(ctx context.Context, e *Ended) (results.Totals, error) {
	if err := f.SetAside(ctx, e.Plan.Pass); err != nil {
		return results.Totals{}, err
	}
	pass := f.index(e.Plan.Pass)
	out, err := results.Create(f.Effects, f.Dir, pass)
	if err != nil {
		return results.Totals{}, err
	}
	defer out.Abort()
	if err := e.join(ctx, pass, out); err != nil {
		return results.Totals{}, err
	}
	t := out.Totals()
	if e.Closing.Partial {
		return t, out.Commit(e.Plan.Orders)
	}
	if t.Total != e.Plan.Documents || t.OK+t.Invalid+t.Failed+t.Skipped != t.Total {
		return t, fmt.Errorf("export: %s planned, but %s ended: %s ok, %s invalid, %s failed, %s skipped",
			figure.Clause(e.Plan.Documents, "document", "was", "were"),
			figure.Thousands(t.Total), figure.Thousands(t.OK), figure.Thousands(t.Invalid), figure.Thousands(t.Failed), figure.Thousands(t.Skipped))
	}
	if e.Before != nil {
		if err := pass.KeepGone(e.Before); err != nil {
			return t, err
		}
	}
	if err := out.Commit(e.Plan.Orders); err != nil {
		return t, err
	}
	return t, f.KeepResults(e.Plan.Pass)
}

// KeepResults copies the results of a pass to its index, so that the next pass finds them whatever becomes of the file that people see.
func (f *Files) KeepResults(pass int) error {
	return f.index(pass).KeepResults(f.Effects, filepath.Join(f.Dir, results.File))
}

// join gives each document's result to out, in the order of the sources.
func (e *Ended) join(ctx context.Context, pass index.Pass, out *results.Files) error {
	column, err := pass.OpenDispositions()
	if err != nil {
		return err
	}
	defer func() { _ = column.Close() }()
	taken, err := results.OpenTakenOver(pass, out, e.Before)
	if err != nil {
		return err
	}
	defer taken.Close()
	var attempts []shardfile.Outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		if err := taken.Before(attempts[0].Order); err != nil {
			return err
		}
		return out.Add(attempts[0].Order, e.Closing.Result(attempts), answers.LastAttempt(attempts), answers.Paid(attempts))
	}
	for o, err := range lines.Merge(e.Files, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if o.RecordID == "" { // never sent; when the sources were read, its id was not known to come again
			if t, err := column.Disposition(o.Order); err != nil {
				return err
			} else if t == index.SameID {
				continue
			}
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	return errors.Join(give(), taken.Before(e.Plan.Orders))
}
