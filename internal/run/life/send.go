package life

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/event"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
	"quarry/internal/run/verdict"
)

// upload puts the shard's part of the index and its input file into the bucket of its pool. Calls need neither.
func upload(ctx context.Context, l *Life, s *ledger.Shard) error {
	if !asJob(s) {
		return s.State.Advance(quarry.ShardBuilt, quarry.ShardCalling)
	}
	return alone(ctx, l.sending, func() error { return l.upload(ctx, s) })
}

func (l *Life) upload(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	if err := l.validate(ctx, s); err != nil {
		return err
	}
	to := l.Pools.Named(s)
	if to == nil { // one that only an earlier command named: nothing new is sent there
		to = l.Pools.Home()
	}
	s.Pool = to.Ref()
	if err := l.announce(ctx, to); err != nil {
		return l.waitOr(s, err)
	}
	request := l.request(s, to)
	note, err := l.note(s, &request)
	if err != nil {
		return err
	}
	if err := to.Bucket.Put(ctx, runjson.NoteKey(l.RunJSON.Run, s.ID), bytes.NewReader(note)); err != nil {
		return l.waitOr(s, err)
	}
	if err := to.Bucket.PutFile(ctx, runjson.PartKey(l.RunJSON.Run, s.ID), l.Files.Part(s.ID)); err != nil {
		return l.waitOr(s, err)
	}
	if err := to.Bucket.PutFile(ctx, runjson.InputKey(l.RunJSON.Run, s.ID), l.Files.Input(s.ID)); err != nil {
		return l.waitOr(s, err)
	}
	s.Times.Uploaded, s.Times.Upload = time.Now(), time.Since(began)
	s.Waits = ""
	return s.State.Advance(quarry.ShardBuilt, quarry.ShardUploaded)
}

// validate checks the input file as Bedrock will, minutes later: what it refuses costs time, and a body that it does not
// look at costs a job of errors.
func (l *Life) validate(ctx context.Context, s *ledger.Shard) error {
	var first []string
	cfg := l.Validate
	cfg.Found = func(f validate.Fault) {
		if len(first) < 5 && !f.Warning {
			first = append(first, f.String())
		}
	}
	report, err := validate.Files(ctx, cfg, []string{l.Files.Input(s.ID)})
	if err != nil {
		return fmt.Errorf("validate shard %s: %w", s.ID, err)
	}
	if report.Faults > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Op: "validate shard", Subject: string(s.ID),
			Err:  fmt.Errorf("%s: %s", figure.Count(report.Faults, "fault"), strings.Join(first, "; ")),
			Hint: "nothing was sent; `quarry validate " + l.Files.Input(s.ID) + "` names every fault",
		}
	}
	return nil
}

// request is all that the shard's job is made from. Equal shards of a run give equal bytes.
func (l *Life) request(s *ledger.Shard, to *pool.Pool) bedrock.CreateRequest {
	r := l.Job
	r.JobName = quarry.JobName(l.RunJSON.Run, s.ID, s.Attempt)
	r.Token = runjson.Token(r.JobName, s.Digest)
	r.ModelID, r.RoleARN = to.Model, to.RoleARN
	r.InputURI, r.OutputURI = to.Bucket.URI(runjson.InputKey(l.RunJSON.Run, s.ID)), to.Bucket.URI(runjson.OutputPrefix(l.RunJSON.Run, s.ID))
	r.Tags = map[string]string{"quarry-run": string(l.RunJSON.Run)}
	maps.Copy(r.Tags, l.Job.Tags)
	return r
}

// intend takes a slot for the shard's job in its pool, and stores what is about to be submitted, in one transaction. The intent must be
// on disk before the call: a job we forgot is a job we pay for twice.
func intend(ctx context.Context, l *Life, s *ledger.Shard) error {
	to, err := l.Pools.Of(s)
	if err != nil {
		return err
	}
	request := l.request(s, to)
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	var v verdict.Verdict
	err = l.Ledger.Place(ctx, s, l.schedule.Pools(), func(queues []ledger.Queue) (bool, error) {
		if v = l.schedule.Slot(s, queues, time.Now()); v != (verdict.Go{}) {
			return false, nil
		}
		s.Intent = ledger.Intent{JobName: request.JobName, Token: request.Token, Body: body}
		s.Waits = ""
		return true, s.State.Advance(quarry.ShardUploaded, quarry.ShardIntended)
	})
	if err != nil {
		return err
	}
	if v != (verdict.Go{}) {
		return l.follow(ctx, s, v)
	}
	l.fresh.Store(s.ID, s.Attempt)
	return nil
}

// submit creates the job. Unless this process wrote the intent and never sent it, it looks first whether the provider knows the
// job.
func submit(ctx context.Context, l *Life, s *ledger.Shard) error {
	to, err := l.Pools.Of(s)
	if err != nil {
		return err
	}
	attempt, fresh := l.fresh.LoadAndDelete(s.ID)
	lookedUp := !fresh || attempt != s.Attempt
	if lookedUp {
		if found, err := l.Find(ctx, s); err != nil {
			return l.waitOr(s, err)
		} else if found {
			return nil
		}
		now, err := json.Marshal(l.request(s, to))
		if err != nil {
			return err
		}
		if string(now) != string(s.Intent.Body) {
			// Never repeated with other parameters: the provider does not know the job, and a person changed the role or
			// the model since.
			return l.notPlaced(s)
		}
	}
	var request bedrock.CreateRequest
	if err := json.Unmarshal(s.Intent.Body, &request); err != nil {
		return fmt.Errorf("read the intent of shard %s: %w", s.ID, err)
	}
	arn, err := to.Bedrock.Create(ctx, request)
	if err != nil {
		return l.refused(ctx, s, lookedUp, err)
	}
	s.Job = ledger.Job{ARN: arn, Name: request.JobName, Status: quarry.JobSubmitted, Submitted: time.Now()}
	s.Waits = ""
	l.Watch.Send(event.Event{Kind: event.JobSubmitted, Shard: s.ID, Text: string(arn), Done: s.Records})
	s.Due = l.nextPoll(s)
	return s.State.Advance(quarry.ShardIntended, quarry.ShardSubmitted)
}

// refused acts on an error of Create. Where the provider has no room, calls or another pool take the shard, once no job of
// that name is known and the same request was refused again, which lookedUp says.
func (l *Life) refused(ctx context.Context, s *ledger.Shard, lookedUp bool, why error) (err error) {
	switch cause := bedrock.CauseOf(why); cause {
	case bedrock.CauseNoSlot, bedrock.CauseThrottled:
		v := verdict.Verdict(verdict.Go{})
		if lookedUp {
			v = l.Deadline.Held().Refused()
		}
		if v == (verdict.Go{}) {
			if v, err = l.elsewhere(ctx, s, lookedUp); err != nil {
				return err
			}
		}
		if v != (verdict.Go{}) {
			return l.follow(ctx, s, v)
		}
	case bedrock.CauseDenied, bedrock.CauseRejected, bedrock.CauseNotFound:
		var fault *bedrock.Fault
		if errors.As(why, &fault) && fault.Code != "ExpiredTokenException" {
			// No job was made of it, and a person has to change something: the intent is taken back, and the run stops.
			if err := l.notPlaced(s); err != nil {
				return err
			}
			return halt(why)
		}
	}
	return l.waitOr(s, why)
}

// elsewhere says whether another pool takes a shard whose pool has no room, which the other shards learn too.
func (l *Life) elsewhere(ctx context.Context, s *ledger.Shard, lookedUp bool) (v verdict.Verdict, err error) {
	until, ok := l.schedule.FullUntil(time.Now())
	if !ok {
		return verdict.Go{}, nil
	}
	if err := l.Ledger.Fill(ctx, s.Pool, until); err != nil {
		return nil, err
	}
	err = l.Ledger.Place(ctx, s, l.schedule.Pools(), func(queues []ledger.Queue) (bool, error) {
		v = l.schedule.Refused(s, lookedUp, queues, time.Now())
		return false, nil
	})
	return v, err
}

// notPlaced takes back the intent of a shard that has no job. Its pool is chosen again.
func (l *Life) notPlaced(s *ledger.Shard) error {
	s.Pool = ledger.Pool{}
	return l.back(s)
}

// Find looks for the job of an intent among those that the provider knows, by name and token. A shard whose job is found is
// submitted.
func (l *Life) Find(ctx context.Context, s *ledger.Shard) (bool, error) {
	at, err := l.Pools.Of(s)
	if err != nil {
		return false, err
	}
	for job, err := range at.Bedrock.Jobs(ctx, bedrock.Filter{NameContains: s.Intent.JobName}) {
		if err != nil {
			return false, err
		}
		if job.Name != s.Intent.JobName || (job.Token != "" && job.Token != s.Intent.Token) {
			continue
		}
		s.Job = ledger.Job{ARN: job.ARN, Name: job.Name, Status: job.Status, Message: job.Message, Counts: job.Counts, Submitted: job.Submitted}
		l.Watch.Send(event.Event{Kind: event.JobAdopted, Shard: s.ID, Text: string(job.ARN)})
		return true, s.State.Advance(quarry.ShardIntended, quarry.ShardSubmitted)
	}
	return false, nil
}

// poll reads the job's status.
func poll(ctx context.Context, l *Life, s *ledger.Shard) error {
	at, err := l.Pools.Of(s)
	if err != nil {
		return err
	}
	job, err := at.Bedrock.Get(ctx, s.Job.ARN)
	if bedrock.CauseOf(err) == bedrock.CauseNotFound && time.Since(s.Job.Submitted) < 10*time.Minute {
		// A job can be unknown to Get for a moment after Create (hashicorp/terraform-provider-aws PR 49877).
		return l.wait(s, "the provider does not list the job yet", 5*l.Poll)
	}
	if err != nil {
		return l.waitOr(s, err)
	}
	s.Waits = ""
	changed := s.Job.Status != job.Status || s.Job.Counts != job.Counts
	s.Job.Status, s.Job.Message, s.Job.Counts = job.Status, job.Message, job.Counts
	s.Job.Polls++
	if changed {
		l.Watch.Send(event.Event{Kind: event.JobStatus, Shard: s.ID, Text: string(job.Status), Done: job.Counts.Processed, Total: s.Records})
	}
	if !job.Status.Terminal() {
		s.Due = l.nextPoll(s)
		return nil
	}
	s.Job.Ended = job.Ended
	if s.Job.Ended.IsZero() {
		s.Job.Ended = time.Now()
	}
	return s.State.Advance(quarry.ShardSubmitted, quarry.ShardEnded)
}

// nextPoll is soon for a young job and a minute later for an old one, with jitter so that many jobs are not polled at once.
func (l *Life) nextPoll(s *ledger.Shard) time.Time {
	delay := l.Poll
	for range min(s.Job.Polls, 20) {
		delay += delay / 2
	}
	delay = min(delay, time.Minute)
	now := time.Now()
	return l.Deadline.NextLook(now, now.Add(delay*9/10+time.Duration(rand.Int64N(int64(delay/5)))))
}

// stopJob stops a shard's job. What it has answered by then is collected.
func (l *Life) stopJob(ctx context.Context, s *ledger.Shard, v verdict.StopJob) error {
	at, err := l.Pools.Of(s)
	if err != nil {
		return err
	}
	s.Late = s.Late || v.Late
	if err := at.Bedrock.Stop(ctx, s.Job.ARN); err != nil {
		return l.waitOr(s, err)
	}
	s.Job.Status, s.Job.Polls = quarry.JobStopping, 0
	s.Due = l.nextPoll(s)
	l.Watch.Send(event.Event{Kind: event.JobStatus, Shard: s.ID, Text: string(quarry.JobStopping)})
	return nil
}
