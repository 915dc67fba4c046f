package run

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
	"quarry/internal/run/limits"
	"quarry/internal/run/pilot"
	"quarry/internal/run/relocate"
)

// haltOf gives the class of an error that stops the run for every process; empty: it ends this process only, and another one, with other
// rights, another disk or at another time, may continue.
func haltOf(err error) book.Halt {
	var q *quarry.Error
	var refused *bedrock.Fault
	switch {
	case errors.Is(err, life.ErrStopRequested):
		return book.AtStop
	case errors.Is(err, review.ErrWaits):
		return book.AtApproval
	case errors.Is(err, pilot.ErrGate):
		return book.AtGate
	case errors.Is(err, limits.ErrCap):
		return book.AtCap
	case errors.Is(err, relocate.ErrMoved):
		return book.AtSources
	case errors.As(err, &refused) && refused.Cause == bedrock.CauseRejected:
		return book.AtSettings
	case !errors.As(err, &q):
	case q.Kind == quarry.OverLimit:
		return book.AtLimit
	case q.Kind == quarry.BadItems:
		return book.AtSources
	}
	return ""
}

// halted notes in a ledger that other machines read what stopped the run, if it is the run that was stopped.
func (r *Run) halted(ctx context.Context, err error) error {
	class := haltOf(err)
	if err == nil || class == "" || r.cfg.Run == "" || r.id == "" {
		return err
	}
	at := r.at
	return errors.Join(err, r.book.Change(context.WithoutCancel(ctx), at, func(h *book.Head, _ *book.Pass) {
		h.Halted = &book.Halted{Class: class, At: time.Now().UTC()}
	}))
}
