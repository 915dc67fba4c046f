package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"quarry"
	"quarry/internal/base/inflight"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
)

// outcome is how a job's work ends.
type outcome struct {
	status  quarry.JobStatus
	message string
	upTo    int64 // the first record that is not looked at
}

// outcomeOf draws how the job will end, from its number: a fault decides before the work how far it goes.
func (e *Engine) outcomeOf(j Job) outcome {
	set, key := e.faultsOf(j), faults.JobKey(j.Number)
	part := func(k faults.Kind) int64 { return int64(set.Detail(k, key) * float64(j.Counts.Total)) }
	switch {
	case set.Hits(faults.FailJob, key):
		return outcome{quarry.JobFailed, messageFailed, part(faults.FailJob)}
	case set.Hits(faults.Partial, key):
		return outcome{quarry.JobPartiallyCompleted, messagePartial, part(faults.Partial)}
	}
	return outcome{quarry.JobCompleted, "", j.Counts.Total}
}

// errTimeUp says that a job has used its time.
var errTimeUp = errors.New("the job timed out")

// process answers the records that have no answer yet and writes the output.
func (e *Engine) process(ctx context.Context, l *live, j Job) error {
	counted := func(t tally) {
		l.mu.Lock()
		t.put(&l.job)
		l.mu.Unlock()
	}
	segment, err := e.openSegment(j, counted)
	if err != nil {
		return err
	}
	end := e.outcomeOf(j)
	err = e.answerAndWrite(ctx, j, segment, end.upTo)
	timeUp := errors.Is(err, errTimeUp)
	if timeUp {
		err = nil
	}
	sum := segment.sum()
	if err == nil && ctx.Err() == nil {
		err = e.writeManifest(ctx, j, sum)
	}
	if err = errors.Join(err, segment.close()); ctx.Err() != nil {
		return nil // stopped, or the engine is closing: what is in the segment stays
	}
	if err != nil {
		return err
	}
	if timeUp && sum.success+sum.errors < j.Counts.Total {
		end = outcome{status: quarry.JobPartiallyCompleted, message: messagePartial}
	}
	_, err = e.move(l, j.Status, end.status, func(j *Job) { j.Message = end.message })
	return err
}

// answerAndWrite answers the records, and writes the output as the answers arrive. It gives errTimeUp if only that kept records
// from being answered; the output has the others then.
func (e *Engine) answerAndWrite(ctx context.Context, j Job, s *segment, upTo int64) error {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	written, full := make(chan error, 1), make(chan struct{})
	go func() {
		err := e.writeFiles(ctx, j, s)
		switch {
		case noRoom(err): // what was sent is kept, and no more is sent
			e.disk.fill()
			close(full)
		case err != nil:
			cancel(err) // what cannot be written need not be answered
		}
		written <- err
	}()
	err := e.answerAll(working, j, s, upTo, full)
	sealed := s.seal()
	if failed := errors.Join(sealed, <-written); failed != nil {
		return failed
	}
	return err
}

// answerAll returns when every record below upTo has been handed to the segment, or with what kept it from that:
// errTimeUp, the context's error, or one of store or disk.
func (e *Engine) answerAll(ctx context.Context, j Job, s *segment, upTo int64, full <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	helpers.Go(func() {
		if e.clock.wait(ctx, j.Expires) == nil {
			cancel(errTimeUp)
		}
	})
	err := e.dispatch(ctx, cancel, j, s, upTo, full)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	return err
}

// dispatch reads the input in order and sends each record that is not in the segment, as many at a time as the
// job's share of the engine allows. It returns when no record is in flight any more. While the disk is full no record is sent
// to the model; once full is closed none is sent any more.
func (e *Engine) dispatch(ctx context.Context, cancel context.CancelCauseFunc, j Job, s *segment, upTo int64, full <-chan struct{}) error {
	var (
		inFlight sync.WaitGroup
		index    int64
		set      = e.faultsOf(j)
	)
	defer inFlight.Wait()
	share := e.slots.join()
	defer e.slots.leave()
	done := make([]bool, len(s.places)) // the segment's own table changes from now on
	for i, p := range s.places {
		done[i] = p.there
	}
	for _, f := range j.Files {
		if !slices.Contains(done[index:index+f.Records], false) {
			index += f.Records
			continue
		}
		err := e.eachRecord(ctx, j, f, func(r record) error {
			at := index
			index++
			if at >= upTo {
				return errEnough
			}
			if done[at] {
				return nil
			}
			if err := e.slots.take(ctx, share); err != nil {
				return err
			}
			if !e.disk.ready(ctx, full) {
				e.slots.give(share)
				return errEnough
			}
			req, err := request(j, r, at)
			if err != nil {
				e.slots.give(share)
				return err
			}
			inFlight.Go(func() {
				defer e.slots.give(share)
				if err := e.finish(ctx, set, req, at, s); err != nil {
					cancel(err)
				}
			})
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// request makes of a record what is sent to the model. The body is a copy: the line goes with the next one read.
func request(j Job, r record, index int64) (model.Request, error) {
	id := givenID(j.ID, index)
	if r.id != nil {
		text, err := r.idText()
		if err != nil {
			return model.Request{}, fmt.Errorf("read recordId: %w", err)
		}
		id = text
	}
	return model.Request{
		RecordID: id,
		ModelID:  j.AskID,
		Converse: j.Type == quarry.Converse,
		Job:      true,
		Body:     append([]byte(nil), r.input...),
	}, nil
}

// recordError replaces modelOutput in an output line
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html).
type recordError struct {
	Code    int    `json:"errorCode"`
	Message string `json:"errorMessage"`
}

// finish answers one record and gives the answer, or the error that replaces it, to the segment. A record that was
// interrupted is given to no segment: it is answered again when the job continues.
func (e *Engine) finish(ctx context.Context, set faults.Set, req model.Request, index int64, s *segment) error {
	hold := e.Hold()
	defer hold.Release()
	ctx = inflight.With(ctx, hold)
	f := &finished{index: index, id: req.RecordID}
	reply, err := e.ask(ctx, set, req, nil)
	if failure, ok := errors.AsType[*model.Error](err); ok {
		f.flags = isError
		f.body, err = json.Marshal(recordError{failure.Code, failure.Message})
	} else if err == nil {
		f.body = reply.Body
		f.count(&reply.Response)
		if reply.Dropped {
			f.flags |= isDropped
		}
		if reply.Doubled {
			f.flags |= isDoubled
		}
	}
	if err != nil {
		return err
	}
	if len(f.body) < largeAnswer {
		return s.add(f)
	}
	recorded := make(chan error, 1) // it is held until it is on the disk
	f.recorded = recorded
	if err := s.add(f); err != nil {
		return err
	}
	return <-recorded
}

// largeAnswer is from which size on, in bytes, a record waits for its answer to be on the disk: many of them would be held else.
const largeAnswer = 64 << 10

// eachRecord calls do for the records of a file in order. The record is valid during the call only.
func (e *Engine) eachRecord(ctx context.Context, j Job, f inputFile, do func(r record) error) (err error) {
	r, err := e.openInput(ctx, j, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	lines := newLines(r)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read s3 object %s: %w", f.Key, err)
		}
		rec, err := parseRecord(line)
		if err != nil {
			return fmt.Errorf("s3 object %s line %d: %w", f.Key, lines.number, err)
		}
		if err := do(rec); err != nil {
			return err
		}
	}
}
