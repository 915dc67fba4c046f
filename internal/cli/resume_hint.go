package cli

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"quarry"
)

// resumeHint says of an interruption how to continue.
func resumeHint(err error, dir string) error {
	var q *quarry.Error
	if errors.As(err, &q) {
		if q.Hint == "" {
			q.Hint = "rerun the same command; it resumes where it stopped (" + dir + ")"
		}
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if pathHint(err) != "" && !fullDisk(err) {
		return err
	}
	hint := "what was done is kept; rerun the same command (" + dir + ")"
	if text := err.Error(); errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || strings.Contains(text, "disk is full") ||
		strings.Contains(text, "disk I/O error") {
		hint = "check that " + dir + " has space and can be written to; what was done is kept; rerun the same command"
	}
	return &quarry.Error{Kind: quarry.Internal, Err: err, Hint: hint}
}
