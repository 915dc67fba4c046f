package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/resume"
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
	rows, err := r.deps.Ledger.Shards(ctx)
	if err != nil {
		return c, err
	}
	switch {
	case c.Adopted || head.Finished == 0:
	case head.Ended():
		return c, r.collectAgain(ctx, &c, head.Finished)
	case !resume.AnySent(resume.OfPass(rows, head.Pass)):
		return c, r.collectNothing(ctx, &c, rows, &head)
	}
	passes := []int{head.Pass}
	if c.Adopted {
		passes = resume.Passes(rows, head.Pass)
	}
	for _, n := range passes {
		kept, err := r.book.Pass(ctx, n)
		if err != nil {
			return c, err
		}
		if err := r.command().CheckSettings(&head, &kept); err != nil {
			return c, err
		}
		p, err := r.sentPass(ctx, n)
		if err != nil {
			return c, err
		}
		if err := p.collect(ctx, &c, resume.OfPass(rows, n), wait); err != nil {
			return c, err
		}
		if c.Adopted {
			err = p.closeAdopted(ctx, &c, rows)
		} else {
			err = p.closeCollected(ctx)
		}
		if err != nil {
			return c, err
		}
		c.Planned, c.Totals, c.Report = p.planned, p.totals, p.made
	}
	return c, nil
}

// collectAgain delivers the results of a finished pass as they were when it ended: what became of records below a job's minimum was
// decided by the flags of the command that ended it.
func (r *Run) collectAgain(ctx context.Context, c *Collected, pass int) (err error) {
	c.Done = true
	if err := r.delivered.Again(pass); err != nil {
		return err
	}
	if c.Planned, _, err = r.book.Plan(ctx, pass); err != nil {
		return err
	}
	c.Report, err = r.deliveredReport()
	c.Report.NothingNew = false // the sources were not read
	return err
}

// collectNothing leaves the delivered files those of the finished pass: the pass at hand has sent nothing.
func (r *Run) collectNothing(ctx context.Context, c *Collected, rows []ledger.Shard, head *book.Head) error {
	if err := r.delivered.Restore(ctx); err != nil {
		return err
	}
	c.Unsent = resume.OfPass(rows, head.Pass)
	var err error
	if c.Report, err = r.deliveredReport(); err != nil {
		return err
	}
	r.deps.Watch.Note(fmt.Sprintf("pass %d has sent nothing; the results are those of pass %d", head.Pass, head.Finished))
	return nil
}

func (r *Run) deliveredReport() (Report, error) {
	rep, err := r.delivered.Report()
	if err != nil {
		err = &quarry.Error{Kind: quarry.BadUsage, Op: "read report", Subject: r.cfg.Dir, Err: err, Hint: "rerun `quarry run`, which writes it again"}
	}
	return rep, err
}

// collect brings the rows of the pass as far as they get without anything being sent.
func (p *pass) collect(ctx context.Context, c *Collected, rows []ledger.Shard, wait bool) error {
	l, err := p.life(ctx, c.Adopted)
	if err != nil {
		return err
	}
	all := make([]*ledger.Shard, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	failed, err := l.Collect(ctx, all, wait)
	if c.Errors = append(c.Errors, failed...); err != nil {
		return err
	}
	for _, s := range all {
		switch s.State {
		case quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected:
			c.Running = append(c.Running, *s)
		case quarry.ShardDone:
		default:
			c.Unsent = append(c.Unsent, *s)
		}
	}
	return nil
}

// closeCollected writes the results of a collected pass so far, and its report.
func (p *pass) closeCollected(ctx context.Context) error {
	planned, ok, err := p.book.Plan(ctx, p.number)
	if err != nil {
		return err
	}
	if !ok {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "collect", Subject: p.cfg.Dir, Err: errors.New("nothing was sent"), Hint: "rerun `quarry run`; it resumes where it stopped"}
	}
	p.planned = planned
	if err := p.writeResults(ctx, soFar); err != nil {
		return err
	}
	if _, err := p.makeReport(ctx, soFar); err != nil {
		return err
	}
	return p.delivered.WriteReport(&p.made)
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
