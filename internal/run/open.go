package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/resume"
)

// open finds out which run, which place and which pass this command has: those of a new run, or those of the run in the directory.
func (r *Run) open(ctx context.Context) (*pass, error) {
	head, err := r.book.Head(ctx)
	if err != nil {
		return nil, err
	}
	if head.Run == "" {
		return r.openNew(ctx)
	}
	r.id = head.Run
	// A pass is given up before the places are compared: what it sent is collected where it is.
	for _, step := range []func(context.Context) error{r.sameRun, r.letGo, r.deliverDropped, r.samePlace, r.samePools, r.collectFirst} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	p, err := r.choosePass(ctx)
	if err != nil {
		return nil, err
	}
	r.deps.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(r.id), Done: 1})
	return p, nil
}

func (r *Run) openNew(ctx context.Context) (*pass, error) {
	if r.id = r.cfg.Run; r.id == "" {
		r.id = quarry.NewRunID()
	}
	err := r.book.Change(ctx, 1, func(h *book.Head, _ *book.Pass) {
		h.Run, h.Created, h.Sources, h.Target, h.Pools = r.id, quarry.Timestamp(r.began), r.cfg.Sources, r.cfg.Target(), r.pools.Refs()
		h.Region, h.Bucket = r.cfg.Region, r.deps.Bucket.Name()
		r.cfg.NoteWriter(h)
		r.cfg.NotePass(h, 1)
	})
	if err != nil {
		return nil, err
	}
	r.deps.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(r.id)})
	return r.newPass(1, r.cfg.Asked), nil
}

// command is what this command says of its run.
func (r *Run) command() *resume.Command {
	return &resume.Command{
		Dir: r.cfg.Dir, Sources: r.cfg.Sources, ReplaceSource: r.cfg.ReplaceSource, Target: r.cfg.Target(),
		Region: r.cfg.Region, Bucket: r.deps.Bucket.Name(), Settings: r.cfg.Settings, Attempts: r.cfg.Attempts, Seen: r.seen,
	}
}

// headAndRows are what the ledger keeps of the run.
func (r *Run) headAndRows(ctx context.Context) (book.Head, []ledger.Shard, error) {
	head, err := r.book.Head(ctx)
	if err != nil {
		return head, nil, err
	}
	rows, err := r.deps.Ledger.Shards(ctx)
	return head, rows, err
}

// sameRun refuses other sources and another target than the run's, unless nothing was sent. The target is noted at once, other sources
// together with the plan that is made of them.
func (r *Run) sameRun(ctx context.Context) error {
	head, rows, err := r.headAndRows(ctx)
	if err != nil {
		return err
	}
	c := r.command()
	if err := c.CheckSources(&head, rows); err != nil {
		return err
	}
	if err := c.CheckTarget(&head, rows); err != nil {
		return err
	}
	return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) {
		h.Target = c.Target
		if h.WithoutSources() {
			h.Sources = c.Sources
		}
	})
}

// samePlace refuses another place than that of shards that are there, and notes where the run is from here on.
func (r *Run) samePlace(ctx context.Context) error {
	head, rows, err := r.headAndRows(ctx)
	if err != nil {
		return err
	}
	c := r.command()
	if err := c.CheckPlace(&head, rows); err != nil {
		return err
	}
	return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.Region, h.Bucket = c.Region, c.Bucket })
}

// samePools names the pools that still have shards and that the command does not name, and refuses where they cannot be reached. A
// shard that was not sent yet is given to another. Rows that an earlier process let wait are due again.
func (r *Run) samePools(ctx context.Context) error {
	head, rows, err := r.headAndRows(ctx)
	if err != nil {
		return err
	}
	left, err := r.pools.Left(rows)
	if err != nil {
		return err
	}
	for _, place := range slices.Sorted(maps.Keys(left)) {
		r.deps.Watch.Note(fmt.Sprintf(
			"%s in %s, which this command does not name: they are followed and collected there; what is not sent yet goes to %s",
			figure.Count(left[place], "job"), place, r.pools.Home().Region))
	}
	err = r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) {
		r.cfg.NoteWriter(h)
		h.Pools = r.pools.Refs()
	})
	if err != nil {
		return err
	}
	return r.deps.Ledger.Resume(ctx, time.Now())
}

// deliverDropped delivers the finished pass again where the pass at hand has no plan: the one before it was dropped or given up.
func (r *Run) deliverDropped(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if _, planned, err := r.book.Plan(ctx, head.Pass); err != nil || planned {
		return err
	}
	return r.delivered.Restore(ctx)
}

// choosePass gives the pass at hand, or where that is finished and something has changed since, a new one, which sends only what is new
// or changed.
func (r *Run) choosePass(ctx context.Context) (*pass, error) {
	head, err := r.book.Head(ctx)
	if err != nil {
		return nil, err
	}
	_, planned, err := r.book.Plan(ctx, head.Pass)
	if err != nil {
		return nil, err
	}
	n, begins, err := r.command().Next(&head, planned)
	if err != nil {
		return nil, err
	}
	if begins {
		err = r.book.Change(ctx, n, func(h *book.Head, _ *book.Pass) { r.cfg.NotePass(h, n) })
	}
	return r.newPass(n, r.cfg.Asked), err
}
