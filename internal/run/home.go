package run

import (
	"context"
	"errors"
	"slices"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/life"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
)

// Bringing home takes what the provider has of a run, without the sources and without asking for anything new: jobs are
// looked for and polled, and those that ended are collected, whatever they ended as.

// Home is what was brought home.
type Home struct {
	Run     quarry.RunID
	Done    bool // everything that was planned has its place: nothing is left to ask or to fetch
	Adopted bool // the sources were not named since the run was taken over
	Running []ledger.Shard
	Unsent  []ledger.Shard // never sent; the run command goes on with them
	Planned plan.Plan
	Totals  results.Totals
	Report  Report
	Errors  []error // what could not be fetched; the rest was
}

// BringHome collects what was paid for and writes results.jsonl, failed.jsonl and the report from what there is. With wait
// it follows the jobs that still run to their end; without, it looks once.
func (r *Run) BringHome(ctx context.Context, wait bool) (Home, error) {
	if r.began.IsZero() {
		r.began = time.Now()
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return Home{}, err
	}
	r.id = head.Run
	pass := head.Pass
	if err := r.samePlace(ctx); err != nil {
		return Home{}, err
	}
	if len(r.cfg.Sources) == 0 {
		r.cfg.Sources = head.Sources
	}
	h := Home{Run: r.id, Adopted: head.WithoutSources()}
	r.adopting = h.Adopted
	defer func() { r.adopting, r.partial = false, false }()
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return h, err
	}
	passes := []int{pass}
	if h.Adopted {
		passes = passesOf(rows, pass)
	}
	for _, p := range passes {
		if err := r.homePass(ctx, &h, rows, p, wait, head.Ended()); err != nil {
			return h, err
		}
	}
	h.Planned, h.Totals, h.Report = r.planned, r.totals, r.made
	return h, nil
}

func passesOf(rows []ledger.Shard, last int) []int {
	passes := []int{last}
	for i := range rows {
		if !slices.Contains(passes, rows[i].Pass) {
			passes = append(passes, rows[i].Pass)
		}
	}
	slices.Sort(passes)
	return passes
}

// homePass brings one pass home.
func (r *Run) homePass(ctx context.Context, h *Home, rows []ledger.Shard, pass int, wait, finished bool) error {
	asked, err := r.askedFor(ctx, pass)
	if err != nil {
		return err
	}
	r.pass, r.asked = pass, asked
	var mine []*ledger.Shard
	for i := range rows {
		if rows[i].Pass == pass {
			mine = append(mine, &rows[i])
		}
	}
	if err := r.follow(ctx, h, mine, wait); err != nil {
		return err
	}
	for _, s := range mine {
		switch s.State {
		case quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected:
			h.Running = append(h.Running, *s)
		case quarry.ShardDone:
		default:
			h.Unsent = append(h.Unsent, *s)
		}
	}
	if h.Adopted {
		return r.closeAdopted(ctx, h, rows, pass)
	}
	planned, ok, err := r.plannedPass(ctx, pass)
	if err != nil {
		return err
	}
	if !ok {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "collect", Subject: r.cfg.Dir, Err: errors.New("nothing of it was sent"), Hint: "run the run command again: it goes on where it was"}
	}
	r.planned = planned
	h.Done = finished
	r.partial = !finished
	if _, err := r.export(ctx); err != nil {
		return err
	}
	if !finished {
		_, err := r.writeReportFiles(ctx)
		return err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	steps, err := r.ledger.Steps(ctx)
	if err != nil {
		return err
	}
	r.made, _, err = r.makeReport(ctx, shards, steps) // the files of a finished run stay as they are
	r.made.NothingNew = false                         // the sources were not read
	return err
}

// askedFor is what a pass was sent with, against which its answers are checked.
func (r *Run) askedFor(ctx context.Context, pass int) (Asked, error) {
	kept, err := r.book.Pass(ctx, pass)
	if err != nil {
		return Asked{}, err
	}
	if kept.Asked == nil { // written before the ledger kept it
		head, err := r.book.Head(ctx)
		if err != nil {
			return Asked{}, err
		}
		if head.Settings != r.cfg.Settings {
			return Asked{}, &quarry.Error{
				Kind: quarry.BadUsage, Op: "collect", Subject: r.cfg.Dir, Err: errors.New("the settings of this command are not the run's (model, prompt, schema or cleaning), and the run does not say what they were"),
				Hint: "give the settings it was begun with (-c FILE, --model …)",
			}
		}
		return r.cfg.Asked, nil
	}
	return r.cfg.Asked.ofPass(kept.Asked)
}

// follow takes each shard as far as it gets without anything being asked for. What stands in the way of one shard does not
// keep the others from being fetched.
func (r *Run) follow(ctx context.Context, h *Home, rows []*ledger.Shard, wait bool) error {
	l, err := r.life(ctx)
	if err != nil {
		return err
	}
	failed := map[quarry.ShardID]bool{}
	for {
		var next time.Time
		for _, s := range rows {
			if failed[s.ID] {
				continue
			}
			open, err := r.followOne(ctx, l, s, wait)
			var q *quarry.Error
			if errors.As(err, &q) && ctx.Err() == nil {
				failed[s.ID] = true
				h.Errors = append(h.Errors, err)
				continue
			}
			if err != nil {
				return err
			}
			if open && (next.IsZero() || s.Due.Before(next)) {
				next = s.Due
			}
		}
		if next.IsZero() || !wait {
			return nil
		}
		select {
		case <-time.After(min(max(time.Until(next), time.Millisecond), time.Minute)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// followOne steps one shard until it is done or has to wait, and reports whether it waits.
func (r *Run) followOne(ctx context.Context, l *life.Life, s *ledger.Shard, wait bool) (open bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		before := s.State
		switch s.State {
		case quarry.ShardIntended:
			known, err := l.Find(ctx, s)
			if err != nil {
				return true, err
			}
			if !known {
				return false, nil // never sent; the run command asks once more and goes on
			}
		case quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected:
			if wait && time.Now().Before(s.Due) && time.Until(s.Due) < 5*time.Minute { // a clock set back makes it later
				return true, nil
			}
			s.Due = time.Now() // it was held, as every new row is
			stepErr := l.Step(ctx, s)
			var halted interface{ Unwrap() error }
			if stepErr != nil && (s.State == before || !errors.As(stepErr, &halted)) {
				return false, stepErr
			}
			err = stepErr // a job that failed: the row is saved as the step left it
		default:
			return false, nil
		}
		if saveErr := r.ledger.Save(context.WithoutCancel(ctx), s); saveErr != nil {
			return false, saveErr
		}
		if err != nil {
			return false, err
		}
		if s.State == before {
			return true, nil
		}
	}
}

// homeFirst brings a run that was taken over home before its sources are read: until then nobody can say which of their
// documents still have to be asked.
func (r *Run) homeFirst(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || !head.WithoutSources() || head.Ended() {
		return err
	}
	r.watch(Event{Kind: Note, Text: "the jobs that were taken over come first; what they answer is not asked again"})
	h, err := r.BringHome(ctx, true)
	return errors.Join(append(h.Errors, err)...)
}
