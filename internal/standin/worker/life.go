package worker

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/standin/faults"
)

// Messages of jobs that do not end as they should.
const (
	messageExpired = "The job expired before it could be started."
	messagePartial = "Not all of your records could be processed in time."
	messageFailed  = "The job failed because of an internal error. Submit the job again."
)

// live walks a job from the state it is in to its end. It is all of a job that runs; when the context ends it leaves
// the job as it is.
func (e *Engine) live(ctx context.Context, l *live) {
	for ctx.Err() == nil {
		j := l.snapshot()
		if j.Status.Terminal() {
			if err := e.tidy(j); err != nil {
				e.cfg.Log.Error("tidy up a job", "job", j.ID, "error", err) // the next Open tries again
			}
			e.mu.Lock()
			delete(e.open, j.ID)
			e.mu.Unlock()
			return
		}
		step, cancel := l.step(ctx, j.Status)
		err := e.advance(step, l, j)
		if noRoom(err) && e.disk.wait(step) {
			cancel()
			continue // what is on the disk stays, and the state is gone through again
		}
		cancel()
		if err != nil && ctx.Err() == nil && !e.fail(l, j.Status, err) {
			return
		}
	}
}

// advance does the work of the state that j is in, and moves the job on unless it was stopped meanwhile.
func (e *Engine) advance(ctx context.Context, l *live, j Job) error {
	switch j.Status {
	case quarry.JobSubmitted:
		return e.rest(ctx, l, j, quarry.JobValidating)
	case quarry.JobValidating:
		return e.validating(ctx, l, j)
	case quarry.JobScheduled:
		return e.rest(ctx, l, j, quarry.JobInProgress)
	case quarry.JobInProgress:
		return e.process(ctx, l, j)
	default:
		return e.stopping(ctx, l, j)
	}
}

// fail ends a job that cannot continue because of an error. A stop that came before it wins.
func (e *Engine) fail(l *live, from quarry.JobStatus, cause error) bool {
	message := messageFailed
	if r, ok := errors.AsType[*refusal](cause); ok {
		message = r.message
	} else {
		e.cfg.Log.Error("job failed", "job", l.snapshot().ID, "state", from, "error", cause)
	}
	_, err := e.move(l, from, quarry.JobFailed, func(j *Job) { j.Message = message })
	if err != nil {
		e.cfg.Log.Error("store a job's failure", "job", l.snapshot().ID, "error", err) // the next Open tries again
	}
	return err == nil
}

// rest lets the state's time pass. A job that has not begun when its own time is up expires.
func (e *Engine) rest(ctx context.Context, l *live, j Job, next quarry.JobStatus) error {
	due := j.Modified.Add(e.cfg.StateDelay)
	if due.After(j.Expires) {
		due = j.Expires
	}
	if err := e.clock.wait(ctx, due); err != nil {
		return nil // stopped, or the engine is closing
	}
	begins := next == quarry.JobInProgress
	expired := !e.clock.now().Before(j.Expires) ||
		begins && e.faultsOf(j).Hits(faults.Expire, faults.JobKey(j.Number))
	if expired {
		_, err := e.move(l, j.Status, quarry.JobExpired, func(j *Job) { j.Message = messageExpired })
		return err
	}
	_, err := e.move(l, j.Status, next, func(j *Job) {
		if begins {
			j.Begun = true
			for _, f := range j.Files {
				j.Counts.Total += f.Records
			}
		}
	})
	return err
}

func (e *Engine) validating(ctx context.Context, l *live, j Job) error {
	files, _, err := e.validate(ctx, j)
	if ctx.Err() != nil {
		return nil
	}
	if _, refused := errors.AsType[*refusal](err); err != nil && !refused {
		return err
	}
	// A refusal is shown when the state's time is over, as all of Bedrock's are: late.
	if waited := e.clock.wait(ctx, minTime(j.Modified.Add(e.cfg.StateDelay), j.Expires)); waited != nil {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = e.move(l, j.Status, quarry.JobScheduled, func(j *Job) { j.Files = files })
	return err
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// stopping keeps what was finished before the stop.
func (e *Engine) stopping(ctx context.Context, l *live, j Job) error {
	var sum tally
	if j.Begun {
		segment, err := e.openSegment(j, func(t tally) { sum = t })
		if err != nil {
			return err
		}
		if err = segment.seal(); err == nil {
			err = e.writeFiles(ctx, j, segment)
		}
		if err == nil {
			err = e.writeManifest(ctx, j, sum)
		}
		if err = errors.Join(err, segment.close()); err != nil {
			return err
		}
	}
	if err := e.clock.wait(ctx, j.Modified.Add(e.cfg.StateDelay)); err != nil {
		return nil // the engine is closing
	}
	_, err := e.move(l, j.Status, quarry.JobStopped, sum.put)
	return err
}

// put sets a job's counters.
func (t tally) put(j *Job) {
	j.Counts, j.Dropped = t.counts(j.Counts.Total), t.dropped
	j.InputTokens, j.OutputTokens, j.Uncounted = t.in, t.out, t.uncounted
}
