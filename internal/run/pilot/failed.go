package pilot

import (
	"context"
	"errors"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/run/answers"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// WriteFailed writes the documents of some journals that have no good answer so far as results to path, in the order of the
// sources.
func WriteFailed(ctx context.Context, e *effect.Effects, path string, journals []lines.Sorted) error {
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return err
	}
	defer out.Abort()
	closing := answers.Closing{Partial: true}
	var attempts []shardfile.Outcome
	end := func() error {
		if len(attempts) == 0 {
			return nil
		}
		paid := answers.Paid(attempts)
		res := closing.Result(attempts)
		if attempts = attempts[:0]; !paid || res.Status == quarry.StatusOK || res.Status == quarry.StatusSkipped {
			return nil
		}
		return lines.Write(out, res)
	}
	for o, err := range lines.Merge(journals, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := end(); err != nil {
				return err
			}
		}
		attempts = append(attempts, o)
	}
	if err := end(); err != nil {
		return err
	}
	return out.Commit()
}
