package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/bucket"
	"quarry/internal/collect"
	"quarry/internal/jsonl"
	"quarry/internal/ledger"
	"quarry/internal/parse"
	"quarry/internal/prompt"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// collect takes whatever an ended job gave, from every terminal state, and turns it into the shard's journal. A job that
// failed before any record was answered goes out again once a person has mended the cause.
func (r *Run) collect(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	pool, err := r.poolOf(s)
	if err != nil {
		return err
	}
	prefix := r.outputPrefix(s.ID) + s.Job.ARN.ID() + "/"
	out, err := collect.Download(ctx, r.effects, store(pool.Bucket), prefix, r.files().Raw(s.ID, s.Attempt))
	if errors.Is(err, bucket.ErrNoBucket) {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID), Err: err,
			Hint: "its answers lay in the bucket. Nothing is asked again before it is there: bring it back with what it held, or make it anew with `quarry setup`, " +
				"and run the same command again; what cannot be brought back is said then",
		}
	}
	if err != nil {
		return r.waitOr(s, err)
	}
	nothing := s.Job.Status == quarry.JobFailed && len(out.Files) == 0 && s.Job.Counts.Success == 0
	if nothing && !r.adopting && !r.refusesStructured(s.Job.Message) {
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
		return &quarry.Error{
			Kind: quarry.Provider, Op: "collect job", Subject: string(s.Job.ARN) + " of shard " + string(s.ID),
			Err:  fmt.Errorf("it ended %s with %d answers, but nothing lies under %s", s.Job.Status, s.Job.Counts.Success, pool.Bucket.URI(prefix)),
			Hint: "nothing is asked again, since it would be paid again: bring the output back (a lifecycle rule, a version, another bucket) and run the same command again, or begin anew with another --dir",
		}
	}
	if err := r.settle(ctx, s, out); err != nil {
		return fmt.Errorf("collect shard %s: %w", s.ID, err)
	}
	s.Times.Collected, s.Times.Collect = time.Now(), time.Since(began)
	s.Waits = ""
	return s.State.Advance(quarry.ShardEnded, quarry.ShardCollected)
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
	return "mend what the message names, then run the same command again: the shard goes out as its next job attempt"
}

// store gives a bucket as the place where output lies.
func store(b *bucket.Bucket) collect.Store {
	return collect.Store{
		Objects: func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for o, err := range b.Objects(ctx, prefix) {
					if !yield(o.Key, err) {
						return
					}
				}
			}
		},
		Get: func(ctx context.Context, key string) (io.ReadCloser, error) {
			body, _, err := b.Get(ctx, key)
			return body, err
		},
	}
}

// settle reads the raw output and writes the shard's journal: one outcome for each record, in the order of the sources,
// and beside it the records that need another attempt. Output lines come in any order, so the outcomes are written as
// they come first, and put in order afterwards: only their places are held in memory.
func (r *Run) settle(ctx context.Context, s *ledger.Shard, out collect.Output) error {
	places, err := r.places(s.ID)
	if err != nil {
		return err
	}
	s.Output = ledger.Output{Manifest: out.Manifest}
	s.Tally = ledger.Tally{Classes: map[quarry.Class]int64{}}
	loose, err := r.files().CreateLoose(s.ID, len(places))
	if err != nil {
		return err
	}
	defer loose.Remove()
	for _, path := range out.Files {
		chunks := collect.Chunks(ctx, path)
		judged := ordered(ctx, r.cfg.Workers, chunks, func(_ int, c jsonl.Chunk) (judgedChunk, error) { return r.judgeChunk(s, places, c) })
		for chunk, err := range judged {
			if err != nil {
				return err
			}
			s.Output.Foreign += chunk.foreign
			s.Output.TokensPerByte = max(s.Output.TokensPerByte, chunk.perByte)
			s.Output.Broken += chunk.broken
			for i := range chunk.found {
				doubled, err := loose.Keep(&chunk.found[i])
				if err != nil {
					return err
				}
				s.Output.Lines++
				if doubled {
					s.Output.Doubled++
					s.Tally.Classes[quarry.ClassDuplicate]++
				}
			}
		}
	}
	s.Output.Differs = differences(s)
	for _, d := range s.Output.Differs {
		r.watch(Event{Kind: Differs, Shard: s.ID, Text: d})
	}
	return r.seal(s, loose)
}

// place is where a record stands in its shard, and how many of its attempts count no more: those of earlier passes, and
// those whose job never reached it or that were refused for their answer schema.
type place struct {
	at, tried int32
	plain     bool // it went without an answer schema
}

// places maps the shard's records to their place in it.
func (r *Run) places(id quarry.ShardID) (map[quarry.RecordID]place, error) {
	places := map[quarry.RecordID]place{}
	for p, err := range lines.Read[struct {
		RecordID  quarry.RecordID `json:"record_id"`
		Tried     int32           `json:"tried"`
		Unreached int32           `json:"unreached"`
		Plain     bool            `json:"plain"`
	}](r.files().Part(id)) {
		if err != nil {
			return nil, err
		}
		where := place{at: int32(len(places)), tried: p.Tried + p.Unreached, plain: p.Plain}
		if p.Plain {
			where.tried++
		}
		places[p.RecordID] = where
	}
	return places, nil
}

type judgedChunk struct {
	found           []shardfile.Found
	foreign, broken int64
	perByte         float64 // the most tokens of input for a byte of a line
}

func (r *Run) judgeChunk(s *ledger.Shard, places map[quarry.RecordID]place, c jsonl.Chunk) (judgedChunk, error) {
	var out judgedChunk
	var checker jsonl.Checker
	for l := range c.Lines() {
		if jsonl.Blank(l.Text) {
			continue
		}
		line, err := collect.Parse(&checker, l.Text)
		if err != nil {
			out.broken++
			continue
		}
		where, ok := places[line.RecordID]
		if !ok {
			out.foreign++
			continue
		}
		f := r.judge(s, line, where)
		f.At = int(where.at)
		out.found = append(out.found, f)
		if u := f.Outcome.Result.Usage; u.InputTokens > 0 && len(line.ModelInput) > 0 {
			out.perByte = max(out.perByte, float64(u.InputTokens)/float64(shardfile.LineBytes(line.RecordID, line.ModelInput)))
		}
	}
	return out, nil
}

// judge decides what one line means for its record.
func (r *Run) judge(s *ledger.Shard, line collect.Line, where place) shardfile.Found {
	attempt := line.RecordID.Attempt()
	res := quarry.Result{Attempts: max(attempt, 1), RecordID: line.RecordID, Job: string(s.Job.ARN)}
	var class quarry.Class
	var message, answerText string
	if line.Error != nil {
		class, message = parse.ErrorClass(line.Error.Code), line.Error.Message
		if class == quarry.ClassRecordError && !where.plain && r.refusesStructured(message) {
			class = quarry.ClassUnstructured
		}
		if line.Error.Code > 0 {
			message = fmt.Sprintf("%d: %s", line.Error.Code, line.Error.Message)
		}
	} else if answer, err := parse.Output(line.ModelOutput, r.cfg.Type, r.placeOf(s).Model); err != nil {
		class, message = quarry.ClassNotJSON, err.Error()
	} else {
		checked := r.cfg.Check.Check(answer)
		class, message, answerText = checked.Class, checked.Message, answer.Text
		res.Usage, res.StopReason, res.Model = answer.Usage, answer.StopReason, answer.Model
		res.Output, res.Text, res.Salvaged = bytes.Clone(checked.Output), checked.Text, checked.Salvaged
	}
	f := shardfile.Found{Outcome: shardfile.Outcome{RecordID: line.RecordID, Class: class, Result: res}}
	if class == quarry.ClassOK {
		f.Outcome.Result.Status = quarry.StatusOK
		return f
	}
	f.Outcome.Result.Status = quarry.StatusFailed
	if class.Answered() {
		f.Outcome.Result.Status = quarry.StatusInvalid
		f.Outcome.Result.Output, f.Outcome.Result.Text = nil, clip(answerText, 4000)
	}
	f.Outcome.Result.Error = &quarry.ResultError{Kind: string(class), Message: message}
	if r.again(class, attempt-int(where.tried)) {
		f.Outcome.Left = true
		f.Next = &shardfile.Left{Attempt: attempt + 1, Class: class}
		switch class {
		case quarry.ClassTruncated:
			f.Next.MaxTokens = r.moreRoom(line.ModelInput)
		case quarry.ClassNotJSON, quarry.ClassSchema, quarry.ClassWrongLanguage:
			f.Next.Answer, f.Next.Complaint = clip(answerText, 20_000), message
		}
	}
	return f
}

// moreRoom gives an answer that was cut off twice the tokens it had; 0 where the body does not say how many.
func (r *Run) moreRoom(modelInput []byte) int {
	n := 2 * prompt.MaxTokens(modelInput)
	if limit := r.cfg.MaxOutput; limit > 0 {
		n = min(n, limit)
	}
	return n
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// again reports whether a record is worth another attempt, after so many in this pass.
func (r *Run) again(class quarry.Class, attempt int) bool {
	switch class {
	case quarry.ClassOK, quarry.ClassDuplicate, quarry.ClassRecordError, quarry.ClassRefused:
		return false
	case quarry.ClassUnstructured:
		return true // it was no attempt at an answer, and does not come again
	}
	return attempt < r.cfg.Attempts
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
			f = r.missing(s, &p)
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
			if o.Class == quarry.ClassMissing && unreached(s, &p) {
				next.Unreached++
			}
			if o.Class == quarry.ClassUnstructured || r.jobRefusesStructured(s, &p) {
				next.Plain = true
			}
			if next.Base, err = inputs.At(place); err != nil {
				return err
			}
			if next.Class == quarry.ClassTruncated && next.MaxTokens == 0 { // the answers of runtime calls do not repeat what was asked
				input, err := asked.At(place)
				if err != nil {
					return err
				}
				next.MaxTokens = r.moreRoom(input)
			}
			if err := lines.Write(lefts, next); err != nil {
				return err
			}
		}
		place++
	}
	if t := s.Tally; t.OK+t.Invalid+t.Failed+t.Left != s.Records {
		return fmt.Errorf("%d records ended as %d ok, %d invalid, %d failed, %d left", s.Records, t.OK, t.Invalid, t.Failed, t.Left)
	}
	// The journal last: once it is there, the leftovers are too.
	return atomicfile.CommitAll(lefts, journal)
}

// maxUnreached bounds how often a record goes out again for nothing but jobs that were stopped or expired: beyond it
// each one counts as an attempt, so that a queue that never moves cannot keep a run going for ever.
const maxUnreached = 8

// unreached reports whether a record without a line was never looked at: the shard's job was ended from outside.
func unreached(s *ledger.Shard, p *shardfile.Part) bool {
	return p.Unreached < maxUnreached && (s.Job.Status == quarry.JobStopped || s.Job.Status == quarry.JobExpired)
}

// missing is the outcome of a record for which there is no line.
func (r *Run) missing(s *ledger.Shard, p *shardfile.Part) shardfile.Found {
	id := p.RecordID
	message := "no line in the output"
	if s.Job.Status != quarry.JobCompleted && s.Job.Status != "" {
		message += fmt.Sprintf(" of the job, which ended %s", s.Job.Status)
		if s.Job.Message != "" {
			message += ": " + s.Job.Message
		}
	}
	if s.Unasked != "" {
		message = fmt.Sprintf("a file cannot hold the %d records that a batch job needs, so large are this one and its neighbours", r.cfg.Quotas.MinRecords)
	}
	attempt := id.Attempt()
	o := shardfile.Outcome{Class: quarry.ClassMissing, Result: quarry.Result{
		Status: quarry.StatusFailed, Attempts: attempt, RecordID: id, Job: string(s.Job.ARN),
		Error: &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: message},
	}}
	if s.Unasked != "" {
		o.Left = true // for whoever allows it: no job takes it
		return shardfile.Found{Outcome: o, Next: &shardfile.Left{Attempt: attempt + 1, Class: quarry.ClassMissing}}
	}
	counts := attempt - p.Tried - p.Unreached
	if unreached(s, p) || r.jobRefusesStructured(s, p) {
		counts-- // the job ended before it came to the record: that was no attempt at it
	}
	if p.Plain {
		counts--
	}
	if !r.again(quarry.ClassMissing, counts) {
		return shardfile.Found{Outcome: o}
	}
	o.Left = true
	return shardfile.Found{Outcome: o, Next: &shardfile.Left{Attempt: attempt + 1, Class: quarry.ClassMissing}}
}

// complete fills in what the line of output does not say.
func (r *Run) complete(s *ledger.Shard, res *quarry.Result, p *shardfile.Part) {
	res.ID, res.Document, res.RecordID = p.ID, p.Document, p.RecordID
	res.RequestedModel, res.Mode = r.cfg.Model, s.Mode
	place := r.placeOf(s)
	res.Region, res.CostUSD = place.Region, r.costAt(place, s.Mode, res.Usage)
}

// differences says what does not add up between what was asked, what came, the manifest and the job's counters.
func differences(s *ledger.Shard) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	o := s.Output
	switch st := s.Job.Status; {
	case st == quarry.JobCompleted || st == "":
	case s.Job.Message != "":
		say("the job ended %s: %s", st, s.Job.Message)
	default:
		say("the job ended %s", st)
	}
	if missing := s.Records - (o.Lines - o.Doubled); missing > 0 {
		say("%d of %d records have no line in the output", missing, s.Records)
	}
	if o.Doubled > 0 {
		say("%d lines are doubled", o.Doubled)
	}
	if o.Foreign > 0 {
		say("%d lines are of records that were not asked", o.Foreign)
	}
	if o.Broken > 0 {
		say("%d lines cannot be read", o.Broken)
	}
	if m := o.Manifest; m != nil && m.ProcessedRecordCount != o.Lines+o.Foreign+o.Broken {
		say("the manifest counts %d processed records, the output has %d lines", m.ProcessedRecordCount, o.Lines+o.Foreign+o.Broken)
	}
	if c := s.Job.Counts; o.Manifest != nil && c.Processed > 0 && c.Processed != o.Manifest.ProcessedRecordCount {
		say("the job counts %d processed records, its manifest %d", c.Processed, o.Manifest.ProcessedRecordCount)
	}
	return out
}
