package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
)

// Collected is what collecting a run came to.
type Collected struct {
	Run     quarry.RunID
	Done    bool // everything that was planned has its place: nothing is left to send or to collect
	Adopted bool // the sources were not named since the run was taken over
	Running []ledger.Shard
	Unsent  []ledger.Shard // never sent; the run command sends them
	Planned plan.Plan
	Totals  results.Totals
	Report  Report
	Errors  []error // what could not be collected; the rest was
}

// Collect collects what was paid for, without the sources and without sending anything, and writes results.jsonl, failed.jsonl
// and the report from what there is. With wait it follows open jobs to their end; without, it looks once.
func (r *Run) Collect(ctx context.Context, wait bool) (Collected, error) {
	if r.began.IsZero() {
		r.began = time.Now()
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return Collected{}, err
	}
	r.id = head.Run
	if err := r.samePlace(ctx); err != nil {
		return Collected{}, err
	}
	if len(r.cfg.Sources) == 0 {
		r.cfg.Sources = head.Sources
	}
	c := Collected{Run: r.id, Adopted: head.WithoutSources()}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return c, err
	}
	if head.Finished != 0 && !head.Ended() && !c.Adopted && !sentIn(rows, head.Pass) {
		return c, r.collectNothing(ctx, &c, rows, &head)
	}
	passes := []int{head.Pass}
	if c.Adopted {
		passes = passesOf(rows, head.Pass)
	}
	for _, p := range passes {
		if err := r.collectPass(ctx, &c, rows, p, wait, head.Ended()); err != nil {
			return c, err
		}
	}
	c.Planned, c.Totals, c.Report = r.planned, r.totals, r.made
	return c, nil
}

// collectNothing leaves the published files those of the finished pass: the pass at hand has sent nothing.
func (r *Run) collectNothing(ctx context.Context, c *Collected, rows []ledger.Shard, head *book.Head) error {
	if err := r.publishFinished(ctx); err != nil {
		return err
	}
	c.Unsent = slices.DeleteFunc(rows, func(s ledger.Shard) bool { return s.Pass != head.Pass })
	var err error
	if c.Report, err = r.readReport(); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read report", Subject: r.cfg.Dir, Err: err, Hint: "rerun `quarry run`, which writes it again"}
	}
	r.deps.Watch.Note(fmt.Sprintf("pass %d has sent nothing; the results are those of pass %d", head.Pass, head.Finished))
	return nil
}

// sentIn reports whether a shard of a pass may have reached the provider.
func sentIn(rows []ledger.Shard, pass int) bool {
	return slices.ContainsFunc(rows, func(s ledger.Shard) bool { return s.Pass == pass && sent(&s) })
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

// collectPass collects one pass.
func (r *Run) collectPass(ctx context.Context, c *Collected, rows []ledger.Shard, pass int, wait, finished bool) error {
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
	l, err := r.life(ctx, c.Adopted)
	if err != nil {
		return err
	}
	failed, err := l.Collect(ctx, mine, wait)
	if c.Errors = append(c.Errors, failed...); err != nil {
		return err
	}
	for _, s := range mine {
		switch s.State {
		case quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected:
			c.Running = append(c.Running, *s)
		case quarry.ShardDone:
		default:
			c.Unsent = append(c.Unsent, *s)
		}
	}
	if c.Adopted {
		return r.closeAdopted(ctx, c, rows, pass)
	}
	planned, ok, err := r.plannedPass(ctx, pass)
	if err != nil {
		return err
	}
	if !ok {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "collect", Subject: r.cfg.Dir, Err: errors.New("nothing was sent"), Hint: "rerun `quarry run`; it resumes where it stopped"}
	}
	r.planned = planned
	c.Done = finished
	how := whole
	if !finished {
		how = soFar
	}
	if _, err := r.exportAs(ctx, how); err != nil {
		return err
	}
	if !finished {
		_, err := r.writeReportFiles(ctx, how)
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
	r.made, _, err = r.makeReport(ctx, shards, steps, how) // the files of a finished run stay as they are
	r.made.NothingNew = false                              // the sources were not read
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
				Kind: quarry.BadUsage, Op: "collect", Subject: r.cfg.Dir, Err: errors.New("the settings of this command (model, prompt, schema or cleaning) differ from the run's, and the run did not record them"),
				Hint: "give the settings with which the run began (-c FILE, --model …)",
			}
		}
		return r.cfg.Asked, nil
	}
	return r.cfg.Asked.ofPass(kept.Asked)
}

// collectFirst collects a run that was taken over before its sources are read: until then it is not known which of their
// documents still have to be sent.
func (r *Run) collectFirst(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || !head.WithoutSources() || head.Ended() {
		return err
	}
	r.deps.Watch.Note("the jobs that were taken over are collected first; what they answer is not sent again")
	c, err := r.Collect(ctx, true)
	return errors.Join(append(c.Errors, err)...)
}
