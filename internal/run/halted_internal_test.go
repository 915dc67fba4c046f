package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
	"quarry/internal/run/limits"
	"quarry/internal/run/pilot"
	"quarry/internal/run/relocate"
)

// TestWhatStopsARunAndWhatStopsAProcess has the errors that another machine may not have, and those that each of them would have.
func TestWhatStopsARunAndWhatStopsAProcess(t *testing.T) {
	t.Parallel()
	of := func(kind quarry.ErrorKind, err error) error {
		return fmt.Errorf("step: %w", &quarry.Error{Kind: kind, Err: err})
	}
	for err, want := range map[error]book.Halt{
		of(quarry.OverLimit, life.ErrStopRequested):      book.AtStop,
		of(quarry.OverLimit, review.ErrWaits):            book.AtApproval,
		of(quarry.OverLimit, pilot.ErrGate):              book.AtGate,
		of(quarry.OverLimit, limits.ErrCap):              book.AtCap,
		of(quarry.OverLimit, errors.New("too few")):      book.AtLimit,
		of(quarry.BadItems, relocate.ErrMoved):           book.AtSources,
		of(quarry.BadItems, errors.New("a fault")):       book.AtSources,
		&bedrock.Fault{Cause: bedrock.CauseRejected}:     book.AtSettings,
		of(quarry.Denied, errors.New("denied")):          "",
		&bedrock.Fault{Cause: bedrock.CauseDenied}:       "",
		of(quarry.Provider, errors.New("down")):          "",
		of(quarry.Locked, runner.ErrLost):                "",
		of(quarry.Locked, ledger.ErrFenced):              "",
		of(quarry.BadUsage, errors.New("other sources")): "",
		&fs.PathError{Op: "open", Err: fs.ErrPermission}: "",
		&fs.PathError{Op: "write", Err: syscall.ENOSPC}:  "",
		context.Canceled: "",
	} {
		if got := haltOf(err); got != want {
			t.Errorf("%v is of class %q, want %q", err, got, want)
		}
	}
}
