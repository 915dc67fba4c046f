package worker

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"quarry"
	"quarry/internal/standin/faults"
)

const defaultTimeoutHours = 24

// Create takes a job. A token that was used before gives the job of that time (and ErrTokenReused when the parameters
// differ); a model with as many open jobs as its quota allows gives ErrTooManyJobs.
func (e *Engine) Create(ctx context.Context, s Spec) (Job, error) {
	if err := ctx.Err(); err != nil {
		return Job{}, err
	}
	if _, err := faults.Parse(s.Tags[faults.Tag]); err != nil {
		return Job{}, fmt.Errorf("tag %s: %w", faults.Tag, err)
	}
	e.creating.Lock()
	defer e.creating.Unlock()
	if s.Token != "" {
		known, found, err := e.table.byToken(s)
		if err != nil {
			return Job{}, err
		}
		if found {
			return sameOrConflict(known, s)
		}
	}
	if limit := e.cfg.Quotas(s.Region, s.ModelID).OpenJobs; limit > 0 && e.openJobs(s) >= limit {
		return Job{}, fmt.Errorf("%w: %d", ErrTooManyJobs, limit)
	}
	id, err := newJobID()
	if err != nil {
		return Job{}, err
	}
	if s.TimeoutHours == 0 {
		s.TimeoutHours = defaultTimeoutHours
	}
	now := e.clock.now().Truncate(time.Millisecond) // as the wire shows it, so that filters by time agree with it
	j, known, err := e.table.add(Job{
		Spec: s, ID: id, Status: quarry.JobSubmitted, Submitted: now, Modified: now,
		Expires: now.Add(time.Duration(s.TimeoutHours) * time.Hour),
	})
	if err != nil {
		return Job{}, err
	}
	if known {
		return sameOrConflict(j, s)
	}
	e.changed(j)
	l := &live{job: j}
	e.mu.Lock()
	e.open[j.ID] = l
	e.mu.Unlock()
	e.start(l)
	return j, nil
}

func sameOrConflict(known Job, s Spec) (Job, error) {
	if known.Digest != s.Digest {
		return known, ErrTokenReused
	}
	return known, nil
}

// openJobs counts the jobs of the same account, Region and base model that have not ended.
func (e *Engine) openJobs(s Spec) (n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.open {
		if j := l.snapshot(); !j.Status.Terminal() && j.Account == s.Account && j.Region == s.Region && j.BaseModel == s.BaseModel {
			n++
		}
	}
	return n
}

func (e *Engine) lookup(id string) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open[id]
}

// Place is where jobs are: what an account has in one Region is not seen from another account or Region.
type Place struct{ Account, Region string }

// Job gives a job of a place as it is now, or ErrNoSuchJob.
func (e *Engine) Job(ctx context.Context, at Place, id string) (Job, error) {
	if err := ctx.Err(); err != nil {
		return Job{}, err
	}
	j, err := e.current(id)
	if err == nil && at != (Place{j.Account, j.Region}) {
		return Job{}, fmt.Errorf("job %s in %s of %s: %w", id, at.Region, at.Account, ErrNoSuchJob)
	}
	return j, err
}

func (e *Engine) current(id string) (Job, error) {
	if l := e.lookup(id); l != nil {
		return l.snapshot(), nil
	}
	return e.table.get(id)
}

// Filter chooses jobs. A zero field chooses all.
type Filter struct {
	Account, Region string
	After, Before   time.Time // of submission, both exclusive
	Status          quarry.JobStatus
	NameContains    string
	Ascending       bool   // by time of creation; default: the newest first
	From            uint64 // the number of the last job of the page before
	Max             int    // of one page; 0 means 1000
}

const maxPage = 1000

// Jobs gives one page of the jobs that the filter chooses. more says whether others follow.
func (e *Engine) Jobs(ctx context.Context, f Filter) (page []Job, more bool, err error) {
	limit := f.Max
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	for j, err := range e.table.jobs(f.From, f.Ascending) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, false, err
		}
		if l := e.lookup(j.ID); l != nil {
			j = l.snapshot()
		}
		if !f.chooses(j) {
			continue
		}
		if len(page) == limit {
			return page, true, nil
		}
		page = append(page, j)
	}
	return page, false, nil
}

func (f Filter) chooses(j Job) bool {
	return (f.Account == "" || j.Account == f.Account) &&
		(f.Region == "" || j.Region == f.Region) &&
		(f.After.IsZero() || j.Submitted.After(f.After)) &&
		(f.Before.IsZero() || j.Submitted.Before(f.Before)) &&
		(f.Status == "" || j.Status == f.Status) &&
		strings.Contains(j.Name, f.NameContains)
}

// Stop makes a job stop. What is finished by then is kept and written. It gives ErrNotStoppable, and the job as it
// is, when the job has ended or is stopping already.
func (e *Engine) Stop(ctx context.Context, at Place, id string) (Job, error) {
	j, err := e.Job(ctx, at, id)
	if err != nil {
		return Job{}, err
	}
	l := e.lookup(id)
	if l == nil {
		return j, ErrNotStoppable
	}
	for {
		j = l.snapshot()
		if j.Status.Terminal() || j.Status == quarry.JobStopping {
			return j, ErrNotStoppable
		}
		var end context.CancelFunc // of the step that is left, not of the one that begins with Stopping
		moved, err := e.move(l, j.Status, quarry.JobStopping, func(*Job) { end = l.cancel })
		if err != nil {
			return Job{}, err
		}
		if moved {
			if end != nil {
				end()
			}
			return l.snapshot(), nil
		}
	}
}

// SetTags changes a job's tags. change gets a copy and may refuse. A change of the faults' tag acts on what the job
// does from then on.
func (e *Engine) SetTags(ctx context.Context, at Place, id string, change func(map[string]string) error) error {
	if _, err := e.Job(ctx, at, id); err != nil {
		return err
	}
	apply := func(j *Job) error {
		tags := maps.Clone(j.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		if err := change(tags); err != nil {
			return err
		}
		if _, err := faults.Parse(tags[faults.Tag]); err != nil {
			return fmt.Errorf("tag %s: %w", faults.Tag, err)
		}
		j.Tags = tags
		return e.table.put(*j)
	}
	if l := e.lookup(id); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		next := l.job
		if err := apply(&next); err != nil {
			return err
		}
		l.job = next
		return nil
	}
	e.creating.Lock() // two changes of an ended job do not lose one another
	defer e.creating.Unlock()
	j, err := e.table.get(id)
	if err != nil {
		return err
	}
	return apply(&j)
}
