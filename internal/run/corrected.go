package run

import (
	"context"

	"quarry/internal/prepare/source"
)

// A pass that stopped at its gate is judged: the same command over the same sources says so again and asks nothing. Sources that were
// corrected since are another question, so the pass is given up for them and the next one has a pilot of its own.

// cannotTell is what sources hold that are no files of this machine.
const cannotTell = "-"

// judged is what the sources hold of a pass that stops at its gate. Sources that changed since the pass was planned are not what
// was judged.
func (r *Run) judged(ctx context.Context) (string, error) {
	head, err := r.book.Head(ctx)
	if err != nil {
		return "", err
	}
	switch now := r.fingerprint(); {
	case now == "":
		return cannotTell, nil
	case now != head.Seen:
		return "other", nil
	}
	return source.Contents(ctx, r.cfg.Sources, r.cfg.Dir)
}

// corrected reports whether a pass that stopped at its gate is to be given up, because its sources hold something else now or the command
// says so. Names, sizes and times tell only that they may.
func (r *Run) corrected(ctx context.Context, judged, seen string) (bool, error) {
	switch {
	case judged == "":
		return false, nil
	case r.cfg.ReplaceSource:
		return true, nil
	case judged == cannotTell, r.seen == seen:
		return false, nil
	}
	now, err := source.Contents(ctx, r.cfg.Sources, r.cfg.Dir)
	return now != judged, err
}
