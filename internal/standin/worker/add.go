package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
)

// Add stores a job that did not come through Create, in the status that it has, and reports false if there is one with its id. A job
// that has ended is only a record of it. Another one continues from its status, as after a restart; from Scheduled on its input is checked
// now, as Validating would have. j has an id of the form of newJobID; its number is given here. The error says why an input is refused.
func (e *Engine) Add(ctx context.Context, j Job) (added bool, err error) {
	e.creating.Lock()
	defer e.creating.Unlock()
	if _, err := e.current(j.ID); !errors.Is(err, ErrNoSuchJob) {
		return false, err
	}
	if j.TimeoutHours == 0 {
		j.TimeoutHours = defaultTimeoutHours
	}
	if j.Submitted.IsZero() {
		j.Submitted = e.clock.now().Truncate(time.Millisecond)
	}
	j.Modified, j.Expires = j.Submitted, j.Submitted.Add(time.Duration(j.TimeoutHours)*time.Hour)
	switch j.Status {
	case quarry.JobScheduled, quarry.JobInProgress:
		files, total, err := e.validate(ctx, j)
		if err != nil {
			return false, fmt.Errorf("check the input of job %s: %w", j.Name, err)
		}
		j.Files = files
		if j.Status == quarry.JobInProgress {
			j.Begun, j.Counts.Total = true, total
		}
	}
	if j.Status.Terminal() {
		j.Seeded = true
		if j.Ended.IsZero() {
			j.Ended = j.Submitted
		}
		j.Modified = j.Ended
	}
	if j, _, err = e.table.add(j); err != nil || j.Seeded {
		return err == nil, err
	}
	l := &live{job: j}
	e.mu.Lock()
	e.open[j.ID] = l
	e.mu.Unlock()
	e.start(l)
	return true, nil
}
