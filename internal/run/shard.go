package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/reconcile"
	"quarry/internal/run/runjson"
	"quarry/internal/validate"
)

// step brings one shard one state further: the life of a shard, in order. It is told how the row stands and nothing
// else, and may be run again for the same state after a crash.
func (r *Run) step(ctx context.Context, s *ledger.Shard) error {
	if stop, err := r.stopped(ctx, s); stop || err != nil {
		return err
	}
	if v, err := r.inTime(ctx, s); err != nil {
		return err
	} else if ok, err := r.act(ctx, s, v); err != nil || !ok {
		return err
	}
	before := s.State
	defer func() {
		if s.State != before { // it got on: what it meets next is waited out from the shortest wait
			r.waits.Delete(s.ID)
		}
	}()
	switch s.State {
	case quarry.ShardPlanned:
		if v, err := r.withinCap(ctx, s); err != nil {
			return err
		} else if ok, err := r.act(ctx, s, v); err != nil || !ok {
			return err
		}
		return r.exclusive(ctx, func() error { return r.build(ctx, s) })
	case quarry.ShardBuilt:
		if s.Mode != quarry.ModeJob || s.Unasked != "" {
			return s.State.Advance(quarry.ShardBuilt, quarry.ShardCalling)
		}
		if ok, err := r.act(ctx, s, r.sched.Place(s, time.Now())); err != nil || !ok {
			return err
		}
		return alone(ctx, r.sending, func() error { return r.upload(ctx, s) })
	case quarry.ShardUploaded:
		return r.intend(ctx, s)
	case quarry.ShardIntended:
		return r.submit(ctx, s)
	case quarry.ShardSubmitted:
		return r.poll(ctx, s)
	case quarry.ShardEnded:
		return r.exclusive(ctx, func() error { return r.collect(ctx, s) })
	case quarry.ShardCalling:
		if s.Unasked != "" {
			return r.leaveUnsent(ctx, s)
		}
		return r.callInTurn(ctx, s)
	case quarry.ShardCollected:
		return r.finish(s)
	}
	return fmt.Errorf("shard %s: no step for state %q", s.ID, s.State)
}

// exclusive runs what needs both cores and much memory, one at a time.
func (r *Run) exclusive(ctx context.Context, act func() error) error { return alone(ctx, r.heavy, act) }

// alone acts when the slot is free.
func alone(ctx context.Context, slot chan struct{}, act func() error) error {
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
		return act()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// upload puts the shard's part of the index and its input file into the bucket.
func (r *Run) upload(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	if err := r.validate(ctx, s); err != nil {
		return err
	}
	pool := r.pools.Named(s)
	if pool == nil { // one that only an earlier command named: nothing new is sent there
		pool = r.pools.Home()
	}
	s.Pool = pool.Ref()
	if err := r.announce(ctx, pool); err != nil {
		return r.waitOr(s, err)
	}
	if err := r.putNote(ctx, s, pool); err != nil {
		return r.waitOr(s, err)
	}
	if err := pool.Bucket.PutFile(ctx, runjson.PartKey(r.id, s.ID), r.files().Part(s.ID)); err != nil {
		return r.waitOr(s, err)
	}
	if err := pool.Bucket.PutFile(ctx, runjson.InputKey(r.id, s.ID), r.files().Input(s.ID)); err != nil {
		return r.waitOr(s, err)
	}
	s.Times.Uploaded, s.Times.Upload = time.Now(), time.Since(began)
	s.Waits = ""
	return s.State.Advance(quarry.ShardBuilt, quarry.ShardUploaded)
}

// validate checks the input file as Bedrock will, minutes later: what it refuses costs time, and a body that it does not
// look at costs a job of errors.
func (r *Run) validate(ctx context.Context, s *ledger.Shard) error {
	var first []string
	cfg := r.validateConfig()
	cfg.Found = func(f validate.Fault) {
		if len(first) < 5 && !f.Warning {
			first = append(first, f.String())
		}
	}
	report, err := validate.Files(ctx, cfg, []string{r.files().Input(s.ID)})
	if err != nil {
		return fmt.Errorf("validate shard %s: %w", s.ID, err)
	}
	if report.Faults > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Op: "validate shard", Subject: string(s.ID), Err: fmt.Errorf("%s: %s", figure.Count(report.Faults, "fault"), strings.Join(first, "; ")),
			Hint: "nothing was sent; `quarry validate " + r.files().Input(s.ID) + "` names every fault",
		}
	}
	return nil
}

func (r *Run) validateConfig() validate.Config {
	return validate.Config{
		Quotas: r.cfg.Quotas, Model: r.cfg.Model, Type: r.cfg.Type, Workers: r.cfg.Workers,
		Calls: r.cfg.Mode == quarry.ModeOnDemand || r.cfg.Mode == quarry.ModeFlex,
	}
}

// request is all that the shard's job is made from. Equal shards of a run give equal bytes.
func (r *Run) request(s *ledger.Shard, pool *Pool) bedrock.CreateRequest {
	name := quarry.JobName(r.id, s.ID, s.Attempt)
	tags := map[string]string{"quarry-run": string(r.id)}
	for k, v := range r.cfg.Tags {
		tags[k] = v
	}
	return bedrock.CreateRequest{
		JobName: name, Token: runjson.Token(name, s.Digest), ModelID: pool.Model, RoleARN: pool.RoleARN, Type: r.cfg.Type,
		InputURI: pool.Bucket.URI(runjson.InputKey(r.id, s.ID)), OutputURI: pool.Bucket.URI(runjson.OutputPrefix(r.id, s.ID)), KMSKey: r.cfg.KMSKey, Tags: tags,
		TimeoutHours: r.cfg.JobTimeout, Subnets: r.cfg.VPCSubnets, SecurityGroups: r.cfg.VPCSecurityGroups, BucketOwner: r.cfg.BucketOwner,
	}
}

// intend stores what is about to be asked, once the provider has a slot for it and the cap allows it. The intent must be
// on disk before the call: a job we forgot is a job we pay for twice.
func (r *Run) intend(ctx context.Context, s *ledger.Shard) error {
	pool, err := r.pools.Of(s)
	if err != nil {
		return err
	}
	if ok, err := r.act(ctx, s, r.sched.Slot(s, time.Now())); err != nil || !ok {
		return err
	}
	v, err := r.withinCap(ctx, s)
	if err != nil {
		return err
	}
	if ok, err := r.act(ctx, s, v); err != nil || !ok {
		r.sched.Leave(s.ID)
		return err
	}
	request := r.request(s, pool)
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	s.Intent = ledger.Intent{JobName: request.JobName, Token: request.Token, Body: body}
	s.Waits = ""
	r.fresh.Store(s.ID, s.Attempt)
	return s.State.Advance(quarry.ShardUploaded, quarry.ShardIntended)
}

// submit asks for the job. Unless this process wrote the intent and never sent it, the provider is asked first whether
// it knows the job.
func (r *Run) submit(ctx context.Context, s *ledger.Shard) error {
	pool, err := r.pools.Of(s)
	if err != nil {
		return err
	}
	attempt, fresh := r.fresh.LoadAndDelete(s.ID)
	if !fresh || attempt != s.Attempt {
		if adopted, err := r.adoptJob(ctx, pool, s); err != nil {
			return r.waitOr(s, err)
		} else if adopted {
			return s.State.Advance(quarry.ShardIntended, quarry.ShardSubmitted)
		}
		now, err := json.Marshal(r.request(s, pool))
		if err != nil {
			return err
		}
		if string(now) != string(s.Intent.Body) {
			// Never repeated with other parameters: the provider does not know the job, and a person changed the role or
			// the model since.
			r.sched.Leave(s.ID)
			return r.back(s)
		}
	}
	var request bedrock.CreateRequest
	if err := json.Unmarshal(s.Intent.Body, &request); err != nil {
		return fmt.Errorf("read the intent of shard %s: %w", s.ID, err)
	}
	arn, err := pool.Bedrock.Create(ctx, request)
	if err != nil {
		if ok, err := r.act(ctx, s, r.refused(s, !fresh || attempt != s.Attempt, err)); err != nil || !ok {
			return err
		}
		if notDone(err) {
			return r.takeBack(s, err)
		}
		return r.waitOr(s, err)
	}
	s.Job = ledger.Job{ARN: arn, Name: request.JobName, Status: quarry.JobSubmitted, Submitted: time.Now()}
	s.Waits = ""
	r.watch(Event{Kind: JobSubmitted, Shard: s.ID, Text: string(arn), Done: s.Records})
	s.Due = r.nextPoll(s)
	return s.State.Advance(quarry.ShardIntended, quarry.ShardSubmitted)
}

// notDone reports whether the provider refused a request for good: no job was made of it, and a person has to change something.
func notDone(err error) bool {
	switch bedrock.CauseOf(err) {
	case bedrock.CauseDenied, bedrock.CauseRejected, bedrock.CauseNotFound:
		var fault *bedrock.Fault
		return errors.As(err, &fault) && fault.Code != "ExpiredTokenException"
	}
	return false
}

// takeBack makes an intent that the provider refused for good unsent again, and stops the run. The next one has another job name and token,
// so the two requests can never be taken for one, whatever a person changes in between.
func (r *Run) takeBack(s *ledger.Shard, why error) error {
	r.sched.Leave(s.ID)
	if err := r.back(s); err != nil {
		return err
	}
	return halt(why)
}

// adoptJob looks for the job of an intent among those the provider knows, by name and token.
func (r *Run) adoptJob(ctx context.Context, pool *Pool, s *ledger.Shard) (bool, error) {
	for job, err := range pool.Bedrock.Jobs(ctx, bedrock.Filter{NameContains: s.Intent.JobName}) {
		if err != nil {
			return false, err
		}
		if job.Name != s.Intent.JobName || (job.Token != "" && job.Token != s.Intent.Token) {
			continue
		}
		s.Job = ledger.Job{ARN: job.ARN, Name: job.Name, Status: job.Status, Message: job.Message, Counts: job.Counts, Submitted: job.Submitted}
		r.watch(Event{Kind: JobAdopted, Shard: s.ID, Text: string(job.ARN)})
		return true, nil
	}
	return false, nil
}

// poll reads the job's status.
func (r *Run) poll(ctx context.Context, s *ledger.Shard) error {
	pool, err := r.pools.Of(s)
	if err != nil {
		return err
	}
	job, err := pool.Bedrock.Get(ctx, s.Job.ARN)
	if bedrock.CauseOf(err) == bedrock.CauseNotFound && time.Since(s.Job.Submitted) < 10*time.Minute {
		// A job can be unknown to Get for a moment after Create (hashicorp/terraform-provider-aws PR 49877).
		return r.wait(s, "the provider does not know the job yet", 5*r.cfg.Poll)
	}
	if err != nil {
		return r.waitOr(s, err)
	}
	s.Waits = ""
	changed := s.Job.Status != job.Status || s.Job.Counts != job.Counts
	s.Job.Status, s.Job.Message, s.Job.Counts = job.Status, job.Message, job.Counts
	s.Job.Polls++
	if changed {
		r.watch(Event{Kind: JobStatus, Shard: s.ID, Text: string(job.Status), Done: job.Counts.Processed, Total: s.Records})
	}
	if !job.Status.Terminal() {
		s.Due = r.nextPoll(s)
		return nil
	}
	s.Job.Ended = job.Ended
	if s.Job.Ended.IsZero() {
		s.Job.Ended = time.Now()
	}
	r.sched.Ended(s)
	return s.State.Advance(quarry.ShardSubmitted, quarry.ShardEnded)
}

// nextPoll is soon for a young job and a minute later for an old one, with jitter so that many jobs do not ask at once.
func (r *Run) nextPoll(s *ledger.Shard) time.Time {
	delay := r.cfg.Poll
	for range min(s.Job.Polls, 20) {
		delay += delay / 2
	}
	delay = min(delay, time.Minute)
	now := time.Now()
	return r.clock.NextLook(now, now.Add(delay*9/10+time.Duration(rand.Int64N(int64(delay/5)))))
}

// finish lets go what only a running shard needs.
func (r *Run) finish(s *ledger.Shard) error {
	if !r.cfg.KeepShards {
		for _, path := range []string{r.files().Input(s.ID), r.files().Base(s.ID), r.files().Calls(s.ID)} {
			if _, err := os.Stat(path); err != nil {
				continue
			}
			if err := r.effects.Remove(path); err != nil {
				return err
			}
		}
	}
	r.watch(Event{Kind: ShardDone, Shard: s.ID, Done: s.Records})
	return s.State.Advance(quarry.ShardCollected, quarry.ShardDone)
}

// wait leaves the row as it is and says why.
func (r *Run) wait(s *ledger.Shard, why string, first time.Duration) error {
	if s.Waits != why {
		r.watch(Event{Kind: Waiting, Shard: s.ID, Text: why})
	}
	s.Waits = why
	s.Due = time.Now().Add(first*9/10 + time.Duration(rand.Int64N(int64(first/5))))
	return nil
}

// waitOr waits where waiting can help (throttling, no slot, no network, expired credentials), and gives every other
// error back. The row stays in its state, so what was intended is asked about before it is done again.
func (r *Run) waitOr(s *ledger.Shard, err error) error {
	if errors.Is(err, effect.ErrHook) || errors.Is(err, context.Canceled) {
		return err
	}
	var fault *bedrock.Fault
	if !errors.As(err, &fault) {
		if errors.Is(err, bucket.ErrExpired) {
			return r.waitLonger(s, err.Error()+logInAgain)
		}
		if errors.Is(err, bucket.ErrLater) {
			return r.waitLonger(s, err.Error()+askedAgain)
		}
		return err
	}
	switch {
	case fault.Code == "ExpiredTokenException":
		return r.waitLonger(s, fault.Error()+logInAgain)
	case fault.Cause == bedrock.CauseThrottled, fault.Cause == bedrock.CauseNoSlot, fault.Cause == bedrock.CauseModel,
		fault.Cause == bedrock.CauseUnknown && fault.Code != "ValidationException":
		return r.waitLonger(s, fault.Error()+askedAgain)
	}
	return err
}

// What a person does about a wait: nothing, or something.
const (
	askedAgain = " (it is asked again by itself)"
	logInAgain = "; log in again: what a profile or `aws sso login` gives is taken up by itself, keys in AWS_… variables take Ctrl-C and the same command"
)

// waitLonger waits twice as long each time the same happens, up to a minute.
func (r *Run) waitLonger(s *ledger.Shard, why string) error {
	n, _ := r.waits.LoadOrStore(s.ID, 0)
	count := n.(int)
	r.waits.Store(s.ID, count+1)
	return r.wait(s, why, min(time.Second<<min(count, 6), time.Minute))
}

// halt saves the row as it stands and stops the run.
func halt(err error) error { return &reconcile.Halt{Err: err} }
