package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/bucket"
	"quarry/internal/collect"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/answers"
	"quarry/internal/run/lines"
	"quarry/internal/run/parallel"
	"quarry/internal/run/runjson"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/summary"
)

// collect takes whatever an ended job gave, from every terminal state, and turns it into the shard's journal. A job that
// failed before any record was answered goes out again once a person has mended the cause.
func (r *Run) collect(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	pool, err := r.pools.Of(s)
	if err != nil {
		return err
	}
	prefix := runjson.OutputPrefix(r.id, s.ID) + s.Job.ARN.ID() + "/"
	download := func() (collect.Output, error) {
		return collect.Download(ctx, r.effects, store(pool.Bucket), prefix, r.files().Raw(s.ID, s.Attempt))
	}
	out, err := download()
	if errors.Is(err, bucket.ErrNoBucket) {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID), Err: err,
			Hint: "the answers of this job were in the bucket. Nothing is sent again until the bucket exists: restore it with its contents, or create it again with `quarry setup`, " +
				"then rerun the same command, which names the answers that are lost",
		}
	}
	if err != nil {
		return r.waitOr(s, err)
	}
	nothing := s.Job.Status == quarry.JobFailed && len(out.Files) == 0 && s.Job.Counts.Success == 0
	if nothing && !r.adopting && !r.judge().SchemaRefused(s.Job.Message) {
		failed := &quarry.Error{
			Kind: quarry.Provider, Op: "run job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID),
			Err: fmt.Errorf("%s: %s", s.Job.Status, s.Job.Message), Hint: hintFor(s.Job.Message),
		}
		s.Past = append(s.Past, s.Job)
		s.Job, s.Intent = ledger.Job{}, ledger.Intent{}
		s.Attempt++
		s.Waits = failed.Error()
		if err := s.State.Advance(quarry.ShardEnded, quarry.ShardBuilt); err != nil {
			return err
		}
		return halt(failed)
	}
	if len(out.Files) == 0 && owesOutput(&s.Job) {
		return owed(s, fmt.Errorf("it ended %s with %s, but there is no output under %s", s.Job.Status, figure.Count(s.Job.Counts.Success, "answer"), pool.Bucket.URI(prefix)))
	}
	err = r.settle(ctx, s, out, false)
	if errors.Is(err, errShort) || errors.Is(err, errExchanged) { // once more: what was on the way may be what is short
		if out, err = download(); err != nil {
			return r.waitOr(s, err)
		}
		err = r.settle(ctx, s, out, true)
	}
	if errors.Is(err, errShort) {
		return owed(s, fmt.Errorf("%w, under %s", err, pool.Bucket.URI(prefix)))
	}
	if err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(began)
	s.Waits = ""
	return s.State.Advance(quarry.ShardEnded, quarry.ShardCollected)
}

// errShort says that output lacks answers which the provider counts. They are paid for.
var errShort = errors.New("the output is incomplete")

// errExchanged says that lines echo another modelInput than was sent under their recordId.
var errExchanged = errors.New("the output holds answers to other records")

// owed is the error of a job whose answers are counted and not there.
func owed(s *ledger.Shard, why error) error {
	return &quarry.Error{
		Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID), Err: why,
		Hint: "nothing is asked again, since it would be paid again: bring the output back (an earlier version of the object, a copy from another bucket) and run the same command again; " +
			"or start over in another --dir, where all of it is asked and paid again",
	}
}

// short says which answers are missing in output that was read; nil: none. Counters are compared with answers, and not with
// lines, because a line with an error cost nothing.
func short(s *ledger.Shard) error {
	o := &s.Output
	if lines := o.Lines + o.Foreign; o.Broken > lines {
		first := ""
		if len(o.Unreadable) > 0 {
			first = ", the first at " + o.Unreadable[0]
		}
		return fmt.Errorf("%w: %s of its %s cannot be read%s", errShort, figure.Thousands(o.Broken), figure.Count(o.Broken+lines, "line"), first)
	}
	if !owesOutput(&s.Job) {
		return nil
	}
	counted, by := s.Job.Counts.Success, "the job"
	if m := o.Manifest; m != nil && m.SuccessRecordCount > counted {
		counted, by = m.SuccessRecordCount, "its manifest"
	}
	if counted > o.Answers {
		return fmt.Errorf("%w: %s counts %s, %s are there", errShort, by, figure.Count(counted, "answer"), figure.Thousands(o.Answers))
	}
	return nil
}

// owesOutput reports whether a job must have left output: one that was completed has, and so has one that was cut short
// after it had answers. A failed one may have lost what it counts.
func owesOutput(j *ledger.Job) bool {
	switch j.Status {
	case quarry.JobCompleted, quarry.JobPartiallyCompleted:
		return true
	case quarry.JobStopped, quarry.JobExpired:
		return j.Counts.Success > 0
	}
	return false
}

// hintFor translates the failures that hide their cause: a missing KMS right is reported as one of S3
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func hintFor(message string) string {
	switch {
	case strings.Contains(message, "GetObject") || strings.Contains(message, "PutObject"):
		return "give the service role s3:GetObject, s3:PutObject and s3:ListBucket on the bucket; where the bucket is encrypted with a KMS key, " +
			"kms:Decrypt and kms:GenerateDataKey on the key too, which this message does not mention; then run the same command again"
	case strings.Contains(message, "minimum"):
		return "ask for more documents, or ask these on demand with --mode ondemand"
	}
	return "fix what the message names, then rerun the same command; the shard is submitted again as its next attempt"
}

// store gives a bucket as the place where output lies.
func store(b *bucket.Bucket) collect.Store {
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

// judge holds answers against what this run asks.
func (r *Run) judge() *answers.Judge {
	return &answers.Judge{
		Type: r.cfg.Type, Check: r.cfg.Check, Attempts: r.cfg.Attempts, MaxOutput: r.cfg.MaxOutput, Structured: r.cfg.StructuredAuto, MinRecords: r.cfg.Quotas.MinRecords,
	}
}

// jobAsked is what a shard's answers come from.
func (r *Run) jobAsked(s *ledger.Shard) *answers.Job {
	return &answers.Job{ARN: s.Job.ARN, Model: r.placeOf(s).Model, Status: s.Job.Status, Message: s.Job.Message, Unasked: s.Unasked != "", Shrunk: s.Unbuilt > 0}
}

// settle reads the raw output and writes the shard's journal: one outcome for each record, in the order of the sources,
// and beside it the records that need another attempt. Output lines come in any order, so the outcomes are written as
// they come first, and put in order afterwards: only their places are held in memory. Unless it is the last time, lines that echo
// another modelInput are an error: what was on the way may be what differs.
func (r *Run) settle(ctx context.Context, s *ledger.Shard, out collect.Output, last bool) error {
	places, err := answers.Places(r.files().Part(s.ID))
	if err != nil {
		return err
	}
	s.Output = ledger.Output{Manifest: out.Manifest, Unread: out.Unread}
	s.Tally = ledger.Tally{Classes: map[quarry.Class]int64{}}
	loose, err := r.files().CreateLoose(s.ID, len(places))
	if err != nil {
		return err
	}
	defer loose.Remove()
	judge, of := r.judge(), r.jobAsked(s)
	for _, path := range out.Files {
		chunks := collect.Chunks(ctx, path)
		judged := parallel.Map(ctx, r.cfg.Workers, chunks, func(_ int, p collect.Piece) (answers.Chunk, error) { return judge.Chunk(of, places, p) })
		for chunk, err := range judged {
			if err != nil {
				return err
			}
			s.Output.Foreign += chunk.Foreign
			s.Output.TokensPerByte = max(s.Output.TokensPerByte, chunk.PerByte)
			s.Output.Answers += chunk.ForeignAnswers
			s.Output.Mended += chunk.Mended
			r.noteUnreadable(s, chunk.Broken)
			for i := range chunk.Found {
				answered := chunk.Found[i].Outcome.Class.Answered()
				doubled, err := loose.Keep(&chunk.Found[i])
				if err != nil {
					return err
				}
				s.Output.Lines++
				if chunk.Found[i].Outcome.Class == quarry.ClassAnotherInput {
					s.Output.Exchanged++
				}
				if answered && loose.Answer(chunk.Found[i].At) {
					s.Output.Answers++
				}
				if doubled {
					s.Output.Doubled++
					s.Tally.Classes[quarry.ClassDuplicate]++
				}
			}
		}
	}
	if s.Output.Exchanged > 0 && !last {
		return errExchanged
	}
	if s.Job.ARN != "" {
		if err := short(s); err != nil {
			return err
		}
	}
	s.Output.Differs = summary.Differences(s)
	for _, d := range s.Output.Differs {
		r.watch(Event{Kind: Differs, Shard: s.ID, Text: d})
	}
	return r.seal(s, loose)
}

// maxUnreadable is how many lines that cannot be read are named in the ledger.
const maxUnreadable = 20

// noteUnreadable counts lines that cannot be read, and names the first of them.
func (r *Run) noteUnreadable(s *ledger.Shard, broken []collect.Unreadable) {
	for _, u := range broken {
		s.Output.Broken++
		if len(s.Output.Unreadable) == maxUnreadable {
			continue
		}
		if rel, err := filepath.Rel(r.cfg.Dir, u.File); err == nil {
			u.File = filepath.ToSlash(rel)
		}
		s.Output.Unreadable = append(s.Output.Unreadable, u.String())
	}
}

// seal writes the journal and the leftovers in the order of the sources, and counts how the records ended.
func (r *Run) seal(s *ledger.Shard, l *shardfile.Loose) error {
	journal, err := atomicfile.CreateZstd(r.effects, r.files().Journal(s.ID))
	if err != nil {
		return err
	}
	defer journal.Abort()
	lefts, err := atomicfile.CreateZstd(r.effects, r.files().Left(s.ID))
	if err != nil {
		return err
	}
	defer lefts.Abort()
	inputs := r.files().Bodies(s.ID, s.Kind == quarry.RetryShard)
	defer inputs.Close()
	asked := r.files().Asked(s.ID)
	defer asked.Close()
	resent, err := r.files().Resent(s.ID)
	if err != nil {
		return err
	}
	judge, of := r.judge(), r.jobAsked(s)
	place := 0
	for p, err := range lines.Read[shardfile.Part](r.files().Part(s.ID)) {
		if err != nil {
			return err
		}
		f, came, err := l.Read(place)
		if err != nil {
			return err
		}
		if !came {
			f = judge.Missing(of, &p)
		}
		o, next := f.Outcome, f.Next
		o.Order, o.RecordID, o.Parts = p.Order, p.RecordID, p.Parts
		r.complete(s, &o.Result, &p)
		tally(s, &o)
		if err := lines.Write(journal, &o); err != nil {
			return err
		}
		if next != nil && !r.adopting { // what was asked does not lie here: the next pass asks it again by its sources
			next.Part = p
			next.Resent = p.Resent || resent[p.RecordID]
			if o.Class == quarry.ClassMissing && of.Unreached(&p) {
				next.Unreached++
			}
			if o.Class == quarry.ClassUnstructured || judge.JobRefused(of, &p) {
				next.Plain = true
			}
			if next.Base, err = inputs.At(place); err != nil {
				return err
			}
			if next.Class == quarry.ClassTruncated && next.MaxTokens == 0 { // the answers of on-demand calls do not repeat what was asked
				input, err := asked.At(place)
				if err != nil {
					return err
				}
				next.MaxTokens = judge.MoreRoom(input)
			}
			if err := lines.Write(lefts, next); err != nil {
				return err
			}
		}
		place++
	}
	if t := s.Tally; t.OK+t.Invalid+t.Failed+t.Left != s.Records {
		return fmt.Errorf("%s ended as %s ok, %s invalid, %s failed, %s left", figure.Count(s.Records, "record"), figure.Thousands(t.OK), figure.Thousands(t.Invalid), figure.Thousands(t.Failed), figure.Thousands(t.Left))
	}
	// The journal last: once it is there, the leftovers are too.
	return atomicfile.CommitAll(lefts, journal)
}

// complete fills in what the line of output does not say.
func (r *Run) complete(s *ledger.Shard, res *quarry.Result, p *shardfile.Part) {
	res.ID, res.Document, res.RecordID = p.ID, p.Document, p.RecordID
	res.RequestedModel, res.Mode = r.cfg.Model, s.Mode
	place := r.placeOf(s)
	res.Region, res.CostUSD = place.Region, r.costAt(place, s.Mode, res.Usage)
}

// FetchOutput downloads what a job left below the prefix that it was given, into dir.
func FetchOutput(ctx context.Context, e *effect.Effects, b *bucket.Bucket, prefix string, arn quarry.JobARN, dir string) error {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	_, err := collect.Download(ctx, e, store(b), prefix+arn.ID()+"/", dir)
	return err
}
