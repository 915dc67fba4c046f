package life

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/event"
	"quarry/internal/run/runjson"
	"quarry/internal/run/settle"
)

// collectJob takes whatever an ended job gave, from every terminal state, and turns it into the shard's journal. A job that
// failed before any record was answered is made again once a person has removed the cause.
func collectJob(ctx context.Context, l *Life, s *ledger.Shard) error {
	return l.exclusive(ctx, func() error { return l.collect(ctx, s) })
}

func (l *Life) collect(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	at, err := l.Pools.Of(s)
	if err != nil {
		return err
	}
	prefix := runjson.OutputPrefix(l.RunJSON.Run, s.ID) + s.Job.ARN.ID() + "/"
	download := func() (collect.Output, error) {
		return collect.Download(ctx, l.Effects, Output(at.Bucket), prefix, l.Files.Raw(s.ID, s.Attempt))
	}
	out, err := download()
	if errors.Is(err, bucket.ErrNoBucket) {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID), Err: err,
			Hint: "the answers of this job were in the bucket. Nothing is sent again until the bucket exists: " +
				"restore it with its contents, or create it again with `quarry setup`, " +
				"then rerun the same command, which names the answers that are lost",
		}
	}
	if err != nil {
		return l.waitOr(s, err)
	}
	nothing := s.Job.Status == quarry.JobFailed && len(out.Files) == 0 && s.Job.Counts.Success == 0
	if nothing && !l.Settler.Final && !l.Settler.Judge.SchemaRefused(s.Job.Message) {
		failed := &quarry.Error{
			Kind: quarry.Provider, Op: "run job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID),
			Err: fmt.Errorf("%s: %s", s.Job.Status, s.Job.Message), Hint: hintFor(s.Job.Message),
		}
		s.Past = append(s.Past, s.Job)
		s.Job, s.Intent, s.Pool = ledger.Job{}, ledger.Intent{}, ledger.Pool{}
		s.Attempt++
		s.Waits = failed.Error()
		if err := s.State.Advance(quarry.ShardEnded, quarry.ShardBuilt); err != nil {
			return err
		}
		return halt(failed)
	}
	if len(out.Files) == 0 && settle.Owes(&s.Job) {
		return owed(s, fmt.Errorf("it ended %s with %s, but there is no output under %s",
			s.Job.Status, figure.Count(s.Job.Counts.Success, "answer"), at.Bucket.URI(prefix)))
	}
	err = l.Settler.Settle(ctx, s, out, false)
	if errors.Is(err, settle.ErrShort) || errors.Is(err, settle.ErrExchanged) { // once more: what was on the way may be what is short
		if out, err = download(); err != nil {
			return l.waitOr(s, err)
		}
		err = l.Settler.Settle(ctx, s, out, true)
	}
	if errors.Is(err, settle.ErrShort) {
		return owed(s, fmt.Errorf("%w, under %s", err, at.Bucket.URI(prefix)))
	}
	if err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(began)
	s.Waits = ""
	return s.State.Advance(quarry.ShardEnded, quarry.ShardCollected)
}

// owed is the error of a job whose answers are counted and not there.
func owed(s *ledger.Shard, why error) error {
	return &quarry.Error{
		Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID), Err: why,
		Hint: "nothing is sent again, since it would be billed again: " +
			"restore the output (an earlier version of the object, a copy from another bucket) and rerun the same command; " +
			"or start a new run in another --dir, where all records are sent and billed again",
	}
}

// hintFor translates the failures that hide their cause: a missing KMS right is reported as one of S3
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func hintFor(message string) string {
	switch {
	case strings.Contains(message, "GetObject") || strings.Contains(message, "PutObject"):
		return "give the service role s3:GetObject, s3:PutObject and s3:ListBucket on the bucket; " +
			"if a KMS key encrypts the bucket, also give it " +
			"kms:Decrypt and kms:GenerateDataKey on the key (the message does not mention it); then rerun the same command"
	case strings.Contains(message, "minimum"):
		return "send more documents, or send these on demand with --mode ondemand"
	}
	return "fix what the message names, then rerun the same command; the shard is submitted again as its next attempt"
}

// Output gives a bucket as the place of jobs' output.
func Output(b *bucket.Bucket) collect.Store {
	return collect.Store{
		Objects: func(ctx context.Context, prefix string) iter.Seq2[collect.Object, error] {
			return func(yield func(collect.Object, error) bool) {
				for o, err := range b.Objects(ctx, prefix) {
					if !yield(collect.Object(o), err) {
						return
					}
				}
			}
		},
		Get: func(ctx context.Context, key string) (io.ReadCloser, error) {
			body, _, err := b.Get(ctx, key)
			return body, err
		},
		Fetch: func(ctx context.Context, o collect.Object, to func(io.Reader) error) error {
			return b.Fetch(ctx, o.Key, o.Size, to)
		},
	}
}

// FetchOutput downloads what a job left below the prefix that it was given, into dir.
func FetchOutput(ctx context.Context, e *effect.Effects, b *bucket.Bucket, prefix string, arn quarry.JobARN, dir string) error {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	_, err := collect.Download(ctx, e, Output(b), prefix+arn.ID()+"/", dir)
	return err
}

// call sends the records of a shard as on-demand calls and makes its journal from their answers.
func call(ctx context.Context, l *Life, s *ledger.Shard) error {
	if s.Unasked != "" {
		return l.endCalls(ctx, s)
	}
	defer l.Deadline.Ended(s.ID)
	if s.Job.Submitted.IsZero() {
		s.Job.Submitted = time.Now()
	}
	out, err := l.answer(ctx, s)
	if err != nil {
		return err
	}
	s.Job.Ended, s.Job.Status = time.Now(), quarry.JobCompleted
	if err := l.exclusive(ctx, func() error { return l.Settler.Settle(ctx, s, out, true) }); err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(s.Job.Ended)
	return s.State.Advance(quarry.ShardCalling, quarry.ShardCollected)
}

// answer makes the calls of a shard, until they are all answered or a request to stop is seen, within a second.
func (l *Life) answer(ctx context.Context, s *ledger.Shard) (collect.Output, error) {
	ctx, stop := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer stop(nil)
	watcher.Go(func() { l.obeyStop(ctx, stop) })
	out, counts, err := l.Answer(ctx, l.Files, s, func(done int64) {
		l.Deadline.Answered(s.ID, done)
		l.Watch.Send(event.Event{Kind: event.Progress, Step: "calls", Shard: s.ID, Done: done, Total: s.Records})
	})
	s.Calls.Add(&counts)
	return out, err
}

// endCalls collects a shard with those calls that were made for it, and makes no further one. The other records are left, and no
// later round of this pass takes those of a shard that is not sent.
func (l *Life) endCalls(ctx context.Context, s *ledger.Shard) error {
	log, _, _, err := l.Files.OpenCalls(ctx, s.ID)
	if err != nil {
		return err
	}
	if err := log.Close(); err != nil {
		return err
	}
	out, err := l.Files.SealCalls(s.ID, s.Attempt)
	if err != nil {
		return err
	}
	if err := l.exclusive(ctx, func() error { return l.Settler.Settle(ctx, s, out, true) }); err != nil {
		return fmt.Errorf("leave shard %s unsent: %w", s.ID, err)
	}
	s.Times.Collected = time.Now()
	return s.State.Advance(quarry.ShardCalling, quarry.ShardCollected)
}

// finish removes what only a shard that is under way needs.
func finish(_ context.Context, l *Life, s *ledger.Shard) error {
	if !l.KeepShards {
		for _, path := range []string{l.Files.Input(s.ID), l.Files.Base(s.ID), l.Files.Calls(s.ID), l.Files.CallParts(s.ID)} {
			if _, err := os.Stat(path); err != nil {
				continue
			}
			if err := l.Effects.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	l.Watch.Send(event.Event{Kind: event.ShardDone, Shard: s.ID, Done: s.Records})
	return s.State.Advance(quarry.ShardCollected, quarry.ShardDone)
}
