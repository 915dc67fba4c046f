package life

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"quarry"
)

// StopRequest is the file in the run's directory by which another process asks a running one to stop spending.
const StopRequest = "stop"

// ErrStopRequested says that another process asked this one to stop.
var ErrStopRequested = errors.New("stopped by `quarry stop`; what was finished is kept")

// stopRequest is the error of a request to stop; nil: none was made.
func (l *Life) stopRequest() error {
	if _, err := os.Stat(filepath.Join(l.Dir, StopRequest)); err != nil {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "stop", Subject: "run " + string(l.RunJSON.Run), Err: ErrStopRequested,
		Hint: "rerun the same command to continue",
	}
}

// obeyStop ends a context within a second of a request to stop.
func (l *Life) obeyStop(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if requested := l.stopRequest(); requested != nil {
			stop(requested)
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
