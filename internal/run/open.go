package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/index"
	"quarry/internal/source"
)

// open finds out whether the directory holds a run already, and whether it is this one.
func (r *Run) open(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if head.Run == "" {
		r.id, r.pass = quarry.NewRunID(), 1
		err := r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) {
			h.Run, h.Created, h.Pass, h.Sources, h.Target, h.Pools = r.id, quarry.Timestamp(r.began), r.pass, r.cfg.Sources, r.target(), r.poolRefs()
			h.Region, h.Bucket = r.cfg.Region, r.bucket.Name()
			r.writtenBy(h)
			r.begin(h)
		})
		if err != nil {
			return err
		}
		r.watch(Event{Kind: RunOpened, Text: string(r.id)})
		return nil
	}
	r.id = head.Run
	if err := r.sameRun(ctx); err != nil {
		return err
	}
	if err := r.letGo(ctx); err != nil {
		return err
	}
	if err := r.samePlace(ctx); err != nil {
		return err
	}
	if err := r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { r.writtenBy(h) }); err != nil {
		return err
	}
	// Whoever holds the lock is alone: no lease of a process that died has to run out.
	if err := r.ledger.Resume(ctx, time.Now()); err != nil {
		return err
	}
	if err := r.samePools(ctx); err != nil {
		return err
	}
	if err := r.homeFirst(ctx); err != nil {
		return err
	}
	if err := r.choosePass(ctx); err != nil {
		return err
	}
	if err := r.recallWork(ctx); err != nil {
		return err
	}
	r.watch(Event{Kind: RunOpened, Text: string(r.id), Done: 1})
	return nil
}

func (r *Run) target() string {
	if r.cfg.Local {
		return "local"
	}
	return "aws"
}

// writtenBy notes which version writes the run from here on, and whether a stand-in answers, so that nothing is paid.
func (r *Run) writtenBy(h *book.Head) {
	free := r.cfg.Local || r.cfg.Free
	h.Version, h.StandIn = r.cfg.Version, &free
}

// begin notes what a pass that begins now is sent with, and what its sources are.
func (r *Run) begin(h *book.Head) {
	h.Seen, h.Settings, h.Model = r.fingerprint(), r.cfg.Settings, r.cfg.Model
}

// sameRun refuses to go on with other sources, another target or other settings than the run was begun with.
func (r *Run) sameRun(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if head.WithoutSources() {
		if err := r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Sources = r.cfg.Sources }); err != nil {
			return err
		}
	} else if !slices.Equal(head.Sources, r.cfg.Sources) {
		empty, err := r.nothingSent(ctx)
		if err != nil {
			return err
		}
		if r.cfg.ReplaceSource || empty {
			r.mayReplace()
			return r.sameTarget(ctx)
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("it is a run over %s, not over %s", strings.Join(head.Sources, " "), strings.Join(r.cfg.Sources, " ")),
			Hint: "name another directory with --dir, or the same sources; --replace-source takes these for the run's sources from now on",
		}
	}
	return r.sameTarget(ctx)
}

// nothingSent reports whether the run has sent nothing yet and no pass of it is finished: a command that was refused, as after a
// slip in the sources or the target, binds the next one to nothing.
func (r *Run) nothingSent(ctx context.Context) (bool, error) {
	head, err := r.book.Head(ctx)
	if err != nil || head.Finished != 0 || head.Adopted != 0 {
		return false, err
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(rows, func(s ledger.Shard) bool { return sent(&s) }), nil
}

func (r *Run) sameTarget(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if head.Target != r.target() {
		unsent, err := r.nothingSent(ctx)
		if err != nil {
			return err
		}
		if unsent {
			return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Target = r.target() })
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("it was begun with --target %s", head.Target), Hint: "name another directory with --dir, or that target",
		}
	}
	return nil
}

// samePlace refuses another Region or bucket while shards lie at the one before: their jobs would not be found there, and
// what they answered would be asked and paid again.
func (r *Run) samePlace(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	region, bucket := r.cfg.Region, r.bucket.Name()
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for _, place := range []struct{ name, was, now string }{{"region", head.Region, region}, {"bucket", head.Bucket, bucket}} {
		if place.was == "" || place.was == place.now {
			continue
		}
		for i := range shards {
			s := &shards[i]
			if s.Pool == (ledger.Pool{}) && s.Mode == quarry.ModeJob && (s.State == quarry.ShardUploaded || s.State.Open() || s.State == quarry.ShardEnded) {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("shard %s was sent in %s %s, not %s", s.ID, place.name, place.was, place.now),
					Hint: fmt.Sprintf("use --%s %s; elsewhere the job would not be found, and its records would be billed again", place.name, place.was),
				}
			}
		}
	}
	return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Region, h.Bucket = region, bucket })
}

// choosePass finds out whether the pass at hand has to be brought to its end, or whether it is finished and something has
// changed since: then a new pass begins, which asks only for what is new or changed.
func (r *Run) choosePass(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	r.pass, r.asked = head.Pass, r.cfg.Asked
	r.sameAsBefore = r.pass > 1 && head.Settings == head.FinishedSettings
	same := head.Settings == r.cfg.Settings
	if !head.Ended() {
		if _, planned, err := r.plannedPass(ctx, r.pass); err != nil {
			return err
		} else if planned && same {
			return nil
		} else if !planned { // nothing was sent with the old ones; a refusal of the plan says which to change
			r.sameAsBefore = r.pass > 1 && r.cfg.Settings == head.FinishedSettings
			return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { r.begin(h) })
		}
		return fmt.Errorf("pass %d was planned with other settings and is still there", r.pass)
	}
	if seen := r.fingerprint(); same && seen != "" && seen == head.Seen && head.Open == 0 {
		r.done = true
		return nil // nothing is new: the files are made again from what is there
	}
	r.pass++
	r.sameAsBefore = head.FinishedSettings == r.cfg.Settings
	return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) {
		h.Pass = r.pass
		r.begin(h)
	})
}

// fingerprint tells whether files may have changed. Empty: it cannot be told.
func (r *Run) fingerprint() string { return source.Seen(r.cfg.Sources) }

// finished notes that the pass came to its end, and whether documents of it want to be asked again.
func (r *Run) finished(ctx context.Context) error {
	if err := r.remember(ctx); err != nil {
		return err
	}
	err := r.book.Change(ctx, r.pass, func(h *book.Head, p *book.Pass) {
		h.Finished, h.FinishedSettings, h.Open = r.pass, r.asked.Settings, r.totals.Again+r.planned.Stale
		if r.ending != nil {
			p.Ended = r.ending
		}
	})
	if err != nil {
		return err
	}
	before, err := r.numberBefore(ctx)
	if err != nil {
		return err
	}
	return index.Forget(r.effects, r.cfg.Dir, r.pass, before)
}

// Close notes how long this process worked on the run.
func (r *Run) Close(ctx context.Context) error {
	if r.id == "" {
		return nil
	}
	took := time.Since(r.began)
	return r.book.Change(ctx, r.pass, func(h *book.Head, p *book.Pass) {
		h.Active = r.active + took
		if r.pass > 0 && !r.done && r.ending == nil {
			p.Worked = r.worked + took
		}
	})
}

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
var ErrStopRequested = errors.New("asked to stop; what was finished is kept")
