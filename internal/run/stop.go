package run

import (
	"errors"
	"os"
	"path/filepath"

	"quarry"
)

// StopRequest is the file by which another process asks a running one to stop spending.
const StopRequest = "stop"

// stopRequest is the error of a request to stop; nil: none was made.
func (r *Run) stopRequest() error {
	if !r.stopRequested() {
		return nil
	}
	return r.stopError()
}

func (r *Run) stopRequested() bool {
	_, err := os.Stat(filepath.Join(r.cfg.Dir, StopRequest))
	return err == nil
}

func (r *Run) stopError() error {
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "stop", Subject: "run " + string(r.id), Err: ErrStopRequested,
		Hint: "rerun the same command to continue",
	}
}

// ErrStopRequested says that another process asked this one to stop.
var ErrStopRequested = errors.New("stopped by `quarry stop`; what was finished is kept")
