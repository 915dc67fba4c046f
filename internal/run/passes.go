package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
)

// open finds out which run, which place and which pass this command has: those of a new run, or those of the run in the directory.
func (r *Run) open(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if head.Run == "" {
		return r.openNew(ctx)
	}
	r.id = head.Run
	// A pass is given up before the places are compared: what it sent is collected where it is.
	for _, step := range []func(context.Context) error{
		r.sameSources, r.sameTarget, r.letGo, r.publishDropped, r.samePlace, r.resume, r.samePools, r.collectFirst, r.choosePass,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.deps.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(r.id), Done: 1})
	return nil
}

func (r *Run) openNew(ctx context.Context) error {
	r.id, r.pass = quarry.NewRunID(), 1
	err := r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) {
		h.Run, h.Created, h.Sources, h.Target, h.Pools = r.id, quarry.Timestamp(r.began), r.cfg.Sources, r.target(), r.pools.Refs()
		r.here(h)
		r.writtenBy(h)
		r.begin(h)
	})
	if err != nil {
		return err
	}
	r.deps.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(r.id)})
	return nil
}

// here notes where the run is from here on.
func (r *Run) here(h *book.Head) { h.Region, h.Bucket = r.cfg.Region, r.bucket.Name() }

// writtenBy notes which version sends from here on, and whether a stand-in answers, so that nothing is paid.
func (r *Run) writtenBy(h *book.Head) {
	free := r.cfg.Local || r.cfg.Free
	h.Version, h.StandIn = r.cfg.Version, &free
}

// begin notes the pass at hand and what it is sent with. What its sources are is noted together with its plan: until then they are
// compared with the pass before.
func (r *Run) begin(h *book.Head) { h.Pass, h.Settings, h.Model = r.pass, r.cfg.Settings, r.cfg.Model }

// resume makes the rows due that an earlier process let wait.
func (r *Run) resume(ctx context.Context) error {
	if err := r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { r.writtenBy(h) }); err != nil {
		return err
	}
	return r.ledger.Resume(ctx, time.Now())
}

func (r *Run) target() string {
	if r.cfg.Local {
		return "local"
	}
	return "aws"
}

// sameSources refuses other sources than the run's. A run that was taken over has none until they are named.
func (r *Run) sameSources(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if head.WithoutSources() {
		return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Sources = r.cfg.Sources })
	}
	if slices.Equal(head.Sources, r.cfg.Sources) || r.cfg.ReplaceSource {
		return nil // other ones are noted together with the plan that is made of them
	}
	if unsent, err := r.nothingSent(ctx); err != nil || unsent {
		return err
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir,
		Err:  fmt.Errorf("its sources are %s, not %s", strings.Join(head.Sources, " "), strings.Join(r.cfg.Sources, " ")),
		Hint: "name another directory with --dir, or the same sources; --replace-source makes these the sources of the run",
	}
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

// sameTarget refuses another target than the run's.
func (r *Run) sameTarget(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || head.Target == r.target() {
		return err
	}
	if unsent, err := r.nothingSent(ctx); err != nil {
		return err
	} else if unsent {
		return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Target = r.target() })
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("it was started with --target %s", head.Target),
		Hint: "name another directory with --dir, or use that target",
	}
}

// samePlace refuses another Region or bucket while shards are at the one before: their jobs would not be found there, and
// what they answered would be asked and paid again.
func (r *Run) samePlace(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for _, place := range []struct{ name, was, now string }{
		{"region", head.Region, r.cfg.Region}, {"bucket", head.Bucket, r.bucket.Name()},
	} {
		if place.was == "" || place.was == place.now {
			continue
		}
		for i := range shards {
			s := &shards[i]
			there := s.State == quarry.ShardUploaded || s.State.Open() || s.State == quarry.ShardEnded
			if there && s.Pool == (ledger.Pool{}) && s.Mode == quarry.ModeJob {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir,
					Err:  fmt.Errorf("shard %s was sent in %s %s, not %s", s.ID, place.name, place.was, place.now),
					Hint: fmt.Sprintf("use --%s %s; elsewhere the job would not be found, and its records would be billed again", place.name, place.was),
				}
			}
		}
	}
	return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { r.here(h) })
}

// choosePass finds out whether the pass at hand has to be brought to its end, or whether it is finished and something has
// changed since: then a new pass begins, which asks only for what is new or changed.
func (r *Run) choosePass(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	r.pass, r.asked = head.Pass, r.cfg.Asked
	same := head.Settings == r.cfg.Settings
	if !head.Ended() {
		if _, planned, err := r.plannedPass(ctx, r.pass); err != nil {
			return err
		} else if planned && same {
			return nil
		} else if !planned { // nothing was sent with the old ones; a refusal of the plan says which to change
			return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { r.begin(h) })
		}
		return fmt.Errorf("pass %d was planned with other settings and still exists", r.pass)
	}
	if same && r.seen != "" && r.seen == head.Seen && head.Open == 0 {
		return nil // nothing is new: the files are made again from what is there
	}
	r.pass++
	return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { r.begin(h) })
}

// fingerprint differs where files of the sources may have changed. Empty: that is not known.
func (r *Run) fingerprint() string { return source.Seen(r.cfg.Sources) }

// finished notes that the pass came to its end, what is kept of that, and whether documents of it are to be sent again.
func (r *Run) finished(ctx context.Context, end *book.Ended) error {
	if err := r.remember(ctx); err != nil {
		return err
	}
	err := r.book.Change(ctx, r.pass, func(h *book.Head, p *book.Pass) {
		h.Finished, h.FinishedSettings, h.Open = r.pass, r.asked.Settings, r.totals.Again+r.planned.Stale
		h.SetAside = false
		if end != nil {
			p.Ended = end
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
		h.Active += took
		if r.pass > 0 && p.Ended == nil && h.Finished != r.pass {
			p.Worked += took
		}
	})
}
